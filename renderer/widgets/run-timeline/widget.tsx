import { type ReactNode, useMemo } from 'react';
import { z } from 'zod';
import { PHASE_WORDS } from '../../../engine/contract/words.ts';
import { useFrames } from '../../stores/frames.ts';
import { go } from '../../stores/place.ts';
import { type RunStory } from '../../stores/run-fold.ts';
import { useRuns } from '../../stores/runs.ts';
import { Badge, Button, Shape } from '../../ui/controls.tsx';
import { useBlotted } from '../../ui/discreet.tsx';
import { figureText } from '../../ui/figures.ts';
import { countdown, duration } from '../../ui/format.ts';
import { Time } from '../../ui/time.tsx';
import { OPERATOR_WORDS, figureWord } from '../conditions.ts';
import { type WidgetProps, defineWidget } from '../widget.ts';
import { type Nearest, gaugeOf, marksOf, nearest, segmentsOf } from './timeline.ts';
import css from './widget.module.css';

const settings = z.object({
  events: z
    .int()
    .min(0)
    .max(50)
    .default(5)
    .meta({ title: 'Events', help: 'How many of the newest events are listed, if there is room; 0 for none.' }),
});
type Settings = z.infer<typeof settings>;

const VERDICT_TONES = { held: 'ok', refuted: 'bad', aborted: 'warn', inconclusive: 'warn', failed: 'bad' } as const;

function RunTimeline({ settings: { events } }: WidgetProps<Settings>): ReactNode {
  const live = useRuns((state) => state.live);
  if (live === undefined) {
    return (
      <div className={css['none']}>
        <strong>No run yet</strong>
        <p>Run an experiment from the builder: its phases, events and abort line appear here.</p>
        <Button onClick={() => go('builder')}>Open the builder</Button>
      </div>
    );
  }
  return <Run story={live} events={events} />;
}

function Run({ story, events }: { readonly story: RunStory; readonly events: number }): ReactNode {
  // Quarter seconds: the band grows smoothly enough.
  const now = useFrames(({ last }) => Math.floor((last?.at ?? 0) / 250) * 250);
  const blot = useBlotted();
  const { name, hypothesis, verdict, reason, phaseEndsAt, timeline } = story;
  const segments = segmentsOf(story, now);
  const marks = marksOf(timeline, story, now);
  const current = segments.find((one) => one.current);
  return (
    <div className={css['widget']} tabIndex={0} role="group" aria-label={`Run ${name}`}>
      <div className={css['head']}>
        <strong className={css['phase']}>
          {current === undefined ? (verdict ?? 'beginning') : PHASE_WORDS[current.name]}
        </strong>
        {current !== undefined && phaseEndsAt !== null && (
          <span className={css['left']}>{countdown(phaseEndsAt - now)} left</span>
        )}
        {verdict !== null && <Badge tone={VERDICT_TONES[verdict]}>{verdict}</Badge>}
        <Abort story={story} />
        <span className={css['name']} title={`${name}: ${hypothesis}`}>
          {name}
        </span>
      </div>
      <div
        className={css['band']}
        role="img"
        aria-label={`Phases: ${segments.map((one) => PHASE_WORDS[one.name] + (one.current ? ' (now)' : '')).join(', ')}`}
      >
        {segments.map(({ name, from, share, passed, current }, index) => (
          <div
            key={`${name} ${index}`}
            className={css['segment']}
            data-current={current ? '' : undefined}
            data-phase={name}
            style={{ left: `${from * 100}%`, width: `${share * 100}%` }}
            title={PHASE_WORDS[name]}
          >
            {current && <span className={css['passed']} style={{ width: `${passed * 100}%` }} />}
            <span className={css['word']}>{PHASE_WORDS[name]}</span>
          </div>
        ))}
        {marks.map(({ seq, where, tone, text }) => (
          <span
            key={seq}
            className={css['mark']}
            data-tone={tone}
            style={{ left: `${where * 100}%` }}
            title={blot(text)}
          >
            <Shape tone={tone} />
          </span>
        ))}
      </div>
      {reason !== '' && <p className={css['reason']}>{blot(reason)}</p>}
      {events > 0 && (
        <ol className={css['events']}>
          {timeline
            .slice(-events)
            .toReversed()
            .map(({ seq, at, text }) => (
              <li key={seq}>
                <Time at={at} /> <span>{blot(text)}</span>
              </li>
            ))}
        </ol>
      )}
    </div>
  );
}

function Abort({ story: { abort, newest, breach, endedAt, verdict } }: { readonly story: RunStory }): ReactNode {
  const near = useMemo(() => (abort === null ? undefined : nearest(abort.when, newest)), [abort, newest]);
  if (abort === null)
    return <p className={css['abort']}>No abort condition: only its time or a person ends this run.</p>;
  return (
    <div className={css['abort']}>
      <span>
        Aborts when {near === undefined ? <code>{abort.when}</code> : conditionText(near)} for {duration(abort.forMs)}
      </span>
      {breach !== null ? (
        <Badge tone="bad">happened on {breach.probe}</Badge>
      ) : endedAt !== null ? (
        // A run that was cut off may have gone on after its last word.
        verdict === null ? (
          <Badge>not known</Badge>
        ) : (
          <Badge tone="ok">did not happen</Badge>
        )
      ) : (
        near !== undefined && <Distance near={near} />
      )}
    </div>
  );
}
const conditionText = ({ limit: { figure, operator, limit } }: Nearest): string =>
  `${figureWord(figure)} ${OPERATOR_WORDS[operator]} ${figureText(figure, limit)}`;

function Distance({ near }: { readonly near: Nearest }): ReactNode {
  const { probe, value, away, limit } = near;
  const gauge = gaugeOf(near);
  const isShare = limit.figure === 'success_rate' || limit.figure === 'availability';
  const far = isShare ? `${Math.abs(away * 100).toFixed(1)} points` : figureText(limit.figure, Math.abs(away));
  return (
    <>
      <span className={css['gauge']} aria-hidden data-near={away <= 0 ? '' : undefined}>
        <span style={{ width: `${gauge.value * 100}%` }} />
        <i style={{ left: `${gauge.limit * 100}%` }} />
      </span>
      <Badge tone={away > 0 ? 'ok' : 'bad'}>
        {figureText(limit.figure, value)}, {far} {away > 0 ? 'away' : 'beyond'}
      </Badge>
      <small>{probe}</small>
    </>
  );
}

export const runTimeline = defineWidget<Settings>({
  type: 'run-timeline',
  title: 'Run timeline',
  about: 'The run under way: its phases, what happened, what is left, and how far away the abort line is.',
  size: { w: 6, h: 4 },
  least: { w: 3, h: 2 },
  settings,
  component: RunTimeline,
});
