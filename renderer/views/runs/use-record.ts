import { useEffect, useState } from 'react';
import { type RunRecord } from '../../../engine/contract/models.ts';
import { useConnection } from '../../stores/connection.ts';
import { type RunStory, storyOf } from '../../stores/run-fold.ts';
import { useRuns } from '../../stores/runs.ts';

export interface Told {
  /** Undefined while it is being read. */
  readonly story: RunStory | undefined;
  /** The whole record; undefined while the run is under way. */
  readonly record: RunRecord | undefined;
  /** Why there is nothing to show. */
  readonly error: unknown;
}

/** A run from history, or as far as it has come while it is under way. */
export function useRecord(run: string): Told {
  const client = useConnection((state) => state.client);
  const live = useRuns((state) => (state.live?.run === run ? state.live : undefined));
  const underWay = live !== undefined && live.endedAt === null;
  // A run's record is complete a moment after its end was told; the list is read anew then too.
  const listed = useRuns((state) => state.history?.find((one) => one.run === run)?.endedAt ?? null);
  const begun = useRuns((state) => state.history?.some((one) => one.run === run) === true);
  const [record, setRecord] = useState<RunRecord>();
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    if (client === null || underWay) return;
    const left = new AbortController();
    client.query('record', { run }, left.signal).then(
      (found) => {
        setRecord(found ?? undefined);
        setError(
          found === null
            ? new Error(
                begun
                  ? 'This run was cut off: its engine ended before it did, so there is no record of it.'
                  : `History does not know a run ${run}.`,
              )
            : undefined,
        );
      },
      (failure: unknown) => !left.signal.aborted && setError(failure),
    );
    return () => left.abort();
  }, [client, run, underWay, begun, listed]);
  const story =
    record !== undefined && record.endedAt !== null
      ? storyOf(record)
      : (live ?? (record === undefined ? undefined : storyOf(record)));
  return { story, record, error: story === undefined ? error : undefined };
}
