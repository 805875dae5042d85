import { type ReactNode } from 'react';
import { Badge, Empty, Figure, Loading } from '../../ui/controls.tsx';
import { duration } from '../../ui/format.ts';
import { Time } from '../../ui/time.tsx';
import { Charts } from './charts.tsx';
import { AbortCondition, Checks } from './conditions.tsx';
import { Faults, FaultsNow } from './faults.tsx';
import { Phases } from './phases.tsx';
import css from './runs.module.css';
import { Tools } from './tools.tsx';
import { useRecord } from './use-record.ts';
import { VERDICT_TONES } from './words.ts';
import { Wrong } from './wrong.tsx';

/** One run: what was believed, what was done, what was measured, what became of it. */
export function Detail({ run }: { readonly run: string }): ReactNode {
  const { story, record, error } = useRecord(run);
  if (error !== undefined) return <Wrong title="This run cannot be shown" error={error} />;
  if (story === undefined) return <Loading what="Reading the run …" />;
  const running = story.endedAt === null;
  return (
    <article className={css['detail']} aria-label={`Run ${story.name}`}>
      <header className={css['head']}>
        <div>
          <h2>{story.name}</h2>
          <p className={css['hypothesis']}>{story.hypothesis}</p>
          <p className={css['when']}>
            <Time at={story.startedAt} date /> · {run}
            {record !== undefined && <> · seed {record.seed}</>}
          </p>
        </div>
        <Tools story={story} record={record} />
      </header>

      <section className={css['verdict']} aria-label="Verdict">
        {running ? (
          <Badge tone="accent">running</Badge>
        ) : story.verdict === null ? (
          <Badge>cut off</Badge>
        ) : (
          <Badge tone={VERDICT_TONES[story.verdict]}>{story.verdict}</Badge>
        )}
        <p>{running ? 'The verdict is given at the end.' : story.reason}</p>
        <div className={css['figures']}>
          <Figure name="Lasted" value={story.endedAt === null ? '…' : duration(story.endedAt - story.startedAt)} />
          <Figure
            name="Recovered after"
            value={running ? '…' : story.recoveryMs === 0 ? 'at once' : duration(story.recoveryMs)}
            {...(story.recoveryMs === null && !running ? { note: 'never lost, or not recovered' } : {})}
          />
          <Figure
            name="State afterwards"
            value={running ? '…' : story.reverted ? 'clean' : 'unconfirmed'}
            tone={running ? 'neutral' : story.reverted ? 'ok' : 'bad'}
          />
        </div>
      </section>

      <Phases story={story} />
      <div className={css['conditions']}>
        <AbortCondition story={story} />
        <Checks story={story} />
      </div>
      <section>
        <h3>Measured</h3>
        {story.series.length === 0 ? (
          <Empty title={running ? 'The first poll is under way' : 'Nothing was measured'} />
        ) : (
          <Charts story={story} />
        )}
      </section>
      {running ? <FaultsNow faults={story.faults} /> : <Faults faults={story.faults} />}
      <section>
        <h3>Events</h3>
        <ol className={css['events']}>
          {story.timeline.map(({ seq, at, text }) => (
            <li key={seq}>
              <Time at={at} precise /> <span>{text}</span>
            </li>
          ))}
        </ol>
      </section>
      {record !== undefined && (
        <details className={css['source']}>
          <summary>The file as it was run</summary>
          <pre tabIndex={0}>{record.source}</pre>
        </details>
      )}
    </article>
  );
}
