import { type ReactNode } from 'react';
import { type RunSummary } from '../../../engine/contract/models.ts';
import { go } from '../../stores/place.ts';
import { useRuns } from '../../stores/runs.ts';
import { Badge, Loading } from '../../ui/controls.tsx';
import { duration } from '../../ui/format.ts';
import { Time } from '../../ui/time.tsx';
import css from './runs.module.css';
import { VERDICT_TONES } from './words.ts';
import { Wrong } from './wrong.tsx';

/** The run under way and those of the past, newest first. */
export function RunList({ shown }: { readonly shown: string }): ReactNode {
  const history = useRuns((state) => state.history);
  const live = useRuns((state) => state.live);
  const trouble = useRuns((state) => state.trouble);
  if (history === undefined && trouble !== undefined)
    return <Wrong title="The history cannot be read" error={trouble} />;
  if (history === undefined) return <Loading what="Reading the history …" />;
  const running = live !== undefined && live.endedAt === null ? live : undefined;
  return (
    <nav className={css['list']} aria-label="Runs">
      <ol>
        {running !== undefined && (
          <li>
            <button
              type="button"
              aria-current={running.run === shown ? 'true' : undefined}
              onClick={() => go('runs', running.run)}
            >
              <strong title={running.name}>{running.name}</strong>
              <Badge tone="accent">running</Badge>
              <small>
                since <Time at={running.startedAt} />
              </small>
            </button>
          </li>
        )}
        {history
          .filter(({ run }) => run !== running?.run)
          .map((one) => (
            <Row key={one.run} summary={one} current={one.run === shown} />
          ))}
        {history.length === 0 && running === undefined && <li className={css['none']}>No run yet.</li>}
      </ol>
    </nav>
  );
}

function Row({
  summary: { run, name, startedAt, endedAt, verdict, reverted },
  current,
}: {
  readonly summary: RunSummary;
  readonly current: boolean;
}): ReactNode {
  return (
    <li>
      <button type="button" aria-current={current ? 'true' : undefined} onClick={() => go('runs', run)}>
        <strong title={name}>{name}</strong>
        {verdict === null ? <Badge>not ended</Badge> : <Badge tone={VERDICT_TONES[verdict]}>{verdict}</Badge>}
        <small>
          <Time at={startedAt} date />
          {endedAt !== null && <> · {duration(endedAt - startedAt)}</>}
          {!reverted && <b className={css['unclean']}> · not proven clean</b>}
        </small>
      </button>
    </li>
  );
}
