import { create } from 'zustand';
import { type RunSummary } from '../../engine/contract/models.ts';
import { engine, follow, openRecords, useConnection } from './connection.ts';
import { onEvent } from './events.ts';
import { type RunStory, cutOff, fold } from './run-fold.ts';

interface Runs {
  /** Newest first; undefined until the engine has told. */
  readonly history: readonly RunSummary[] | undefined;
  /** The run under way, or the last one that this page saw ending. */
  readonly live: RunStory | undefined;
  /** Why the history cannot be shown; undefined while it can. */
  readonly trouble: unknown;
}
export const useRuns = create<Runs>()(() => ({ history: undefined, live: undefined, trouble: undefined }));

/** How many past runs are listed. */
const LISTED = 200;

export async function refreshHistory(): Promise<void> {
  useRuns.setState({ history: await engine().query('history', { limit: LISTED }), trouble: undefined });
}

let soon: ReturnType<typeof setTimeout> | undefined;
/** A log that is told anew holds the ends of many runs; the list is read once for all of them. */
function refreshSoon(): void {
  soon ??= setTimeout(() => {
    soon = undefined;
    void refreshHistory().catch(() => {});
  }, 50);
}

/** Follows the run under way and the list of past ones. */
export function followRuns(): void {
  let waiting: RunStory | undefined;
  let asked = 0;
  onEvent((event) => {
    const live = fold(waiting ?? useRuns.getState().live, event);
    if (live !== undefined && live !== useRuns.getState().live) {
      waiting = live;
      // Many samples may come at once; they are drawn once.
      if (asked === 0) {
        asked = requestAnimationFrame(() => {
          asked = 0;
          if (waiting !== undefined) useRuns.setState({ live: waiting });
          waiting = undefined;
        });
      }
    }
    if (event.body.kind === 'run-ended') refreshSoon();
  });
  let known = '';
  follow(async (client, signal, engine) => {
    const live = waiting ?? useRuns.getState().live;
    if (known !== '' && known !== engine && live?.endedAt === null) {
      waiting = undefined;
      useRuns.setState({ live: cutOff(live, openRecords(useConnection.getState().status)) });
    }
    known = engine;
    try {
      useRuns.setState({ history: await client.query('history', { limit: LISTED }, signal), trouble: undefined });
    } catch (trouble) {
      if (!signal.aborted) useRuns.setState({ trouble });
    }
  });
}
