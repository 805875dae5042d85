import { type ReactNode } from 'react';
import { type RunStory, limitOf } from '../../stores/run-fold.ts';
import { Badge } from '../../ui/controls.tsx';
import { NOTHING, duration } from '../../ui/format.ts';
import { figureText } from '../../ui/figures.ts';
import css from './runs.module.css';

/** What would end the run early, and how far away it is. */
export function AbortCondition({
  story: { abort, newest, breach, endedAt, verdict },
}: {
  readonly story: RunStory;
}): ReactNode {
  if (abort === null)
    return <p className={css['quiet']}>No abort condition: only its time or a person ends this run.</p>;
  const limit = limitOf(abort.when);
  return (
    <section className={css['condition']} aria-label="Abort condition">
      <h3>Abort</h3>
      <p>
        <code>{abort.when}</code> for {duration(abort.forMs)}
      </p>
      {breach !== null ? (
        <p>
          <Badge tone="bad">held</Badge> on {breach.probe}:{' '}
          {Object.entries(breach.figures)
            .filter(([name]) => abort.when.includes(name))
            .map(([name, value]) => `${name} ${figureText(name, value)}`)
            .join(', ')}
        </p>
      ) : endedAt !== null ? (
        <p>
          {/* A run that was cut off may have gone on after its last word. */}
          {verdict === null ? <Badge>not known</Badge> : <Badge tone="ok">never held</Badge>}
        </p>
      ) : limit === undefined ? null : (
        Object.values(newest).map(({ probe, figures }) => (
          <Distance key={probe} probe={probe} value={figures[limit.figure] ?? null} {...limit} />
        ))
      )}
    </section>
  );
}

/** Between two shares there are points, not per cent. */
const distance = (figure: string, away: number): string =>
  figure === 'success_rate' || figure === 'availability'
    ? `${(away * 100).toFixed(1)} points`
    : figureText(figure, away);

function Distance({
  probe,
  value,
  figure,
  operator,
  limit,
}: {
  readonly probe: string;
  readonly value: number | null;
  readonly figure: string;
  readonly operator: string;
  readonly limit: number;
}): ReactNode {
  if (value === null)
    return (
      <p>
        {probe}: {NOTHING}
      </p>
    );
  const away = operator.startsWith('<') ? value - limit : limit - value;
  return (
    <p>
      <Badge tone={away > 0 ? 'ok' : 'bad'}>{away > 0 ? 'away' : 'beyond'}</Badge> {probe}: {figure}{' '}
      {figureText(figure, value)}, {distance(figure, Math.abs(away))} {away > 0 ? 'from the limit' : 'past the limit'}
    </p>
  );
}

/** Each probe against what is expected of it. */
export function Checks({ story: { checks, newest, endedAt } }: { readonly story: RunStory }): ReactNode {
  if (checks.length === 0) return null;
  return (
    <section className={css['condition']} aria-label="Steady state">
      <h3>Steady state</h3>
      {checks.map(({ name, expect }) => {
        const sample = newest[name];
        const held = sample?.held ?? null;
        return (
          <p key={name}>
            <Badge tone={held === null ? 'neutral' : held ? 'ok' : 'bad'}>
              {held === null ? 'not known' : held ? 'holds' : 'broken'}
            </Badge>{' '}
            {name}: <code>{expect}</code>
            {endedAt !== null && <small> at the last poll</small>}
          </p>
        );
      })}
    </section>
  );
}
