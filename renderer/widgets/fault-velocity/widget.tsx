import { type ReactNode, useMemo } from 'react';
import { z } from 'zod';
import { useFrames } from '../../stores/frames.ts';
import { Chart, type ChartLine, colorOf } from '../../ui/chart.tsx';
import { Empty, Figure } from '../../ui/controls.tsx';
import { useBlotted } from '../../ui/discreet.tsx';
import { count } from '../../ui/format.ts';
import { shortOf } from '../targets.ts';
import { type WidgetProps, defineWidget } from '../widget.ts';
import { type Trend, type VelocityPoint, ratesOf, totalVelocity, trendOf, velocities } from './velocity.ts';
import css from './widget.module.css';

const settings = z.object({
  targets: z.array(z.string().max(500)).max(50).default([]).meta({
    title: 'Targets',
    help: 'One a line; empty means all. A part of the name is enough.',
    example: 'payments',
  }),
  seconds: z
    .int()
    .min(20, 'expected 20 to 120 seconds')
    .max(120, 'expected 20 to 120 seconds')
    .default(120)
    .meta({ title: 'Window', help: 'How far back to look, in seconds.' }),
});
type Settings = z.infer<typeof settings>;

/** More areas than this cannot be told apart; the rest is one. */
const MOST_LINES = 6;
const REST = 'other targets';
const TRENDS: Readonly<Record<Trend, readonly [arrow: string, word: string]>> = {
  rising: ['↑', 'rising'],
  falling: ['↓', 'falling'],
  steady: ['→', 'steady'],
  none: ['–', 'none'],
};
const perSecond = (rate: number): string => (rate >= 100 ? count(rate) : rate.toFixed(1));

function FaultVelocity({ settings: { targets, seconds } }: WidgetProps<Settings>): ReactNode {
  const past = useFrames((state) => state.past);
  const blot = useBlotted();
  const { points, lines, all, top, trend, from, to } = useMemo(() => {
    const to = past.at(-1)?.at ?? 0;
    const from = to - seconds * 1_000;
    const wanted = (target: string): boolean => targets.length === 0 || targets.some((part) => target.includes(part));
    const points = ratesOf(past.filter(({ at }) => at >= from - 1_500)).map(({ at, rates }): VelocityPoint => ({
      at,
      rates: new Map([...rates].filter(([target]) => wanted(target))),
    }));
    const top = velocities(points);
    // By name, so that an area keeps its place and colour while others come and go.
    const shown = top
      .slice(0, top.length > MOST_LINES ? MOST_LINES - 1 : MOST_LINES)
      .map(({ target }) => target)
      .toSorted();
    const lines: ChartLine[] = shown.map((target, index) => ({
      key: `t${index}`,
      name: target,
      color: colorOf(index),
    }));
    if (top.length > MOST_LINES) lines.push({ key: 'rest', name: REST, color: 'var(--muted)' });
    const rows = points.map(({ at, rates }) => {
      const row: Record<string, number> = { at, rest: 0 };
      for (const [target, rate] of rates) {
        const index = shown.indexOf(target);
        if (index < 0) row['rest']! += rate;
        else row[`t${index}`] = rate;
      }
      shown.forEach((_, index) => (row[`t${index}`] ??= 0));
      return row;
    });
    return { points: rows, lines, top, all: totalVelocity(points), trend: trendOf(points), from, to };
  }, [past, targets, seconds]);

  if (past.length === 0) return <Empty title="No figures yet">They come with the first second of the engine.</Empty>;
  const [arrow, word] = TRENDS[trend.trend];
  return (
    <div className={css['widget']}>
      <div className={css['figures']}>
        <Figure
          name="now, per s"
          value={<span className={css['big']}>{perSecond(all.current)}</span>}
          tone={all.current > 0 ? 'bad' : 'neutral'}
        />
        <Figure name="peak" value={perSecond(all.peak)} />
        <Figure
          name="change in 10 s"
          value={
            <span className={css['change']}>
              <span aria-hidden>{arrow}</span> {word}
            </span>
          }
          note={
            trend.trend === 'none'
              ? 'nothing injected'
              : `${trend.by >= 0 ? '+' : '−'}${perSecond(Math.abs(trend.by))} per s`
          }
        />
      </div>
      <div className={css['chart']}>
        <Chart
          stacked
          label={`Injected faults per second by target: now ${perSecond(all.current)}, peak ${perSecond(all.peak)}, ${word}`}
          lines={lines.map((line) => ({ ...line, name: blot(shortOf(line.name)) }))}
          points={points}
          from={from}
          to={to}
        />
      </div>
      <ul className={css['legend']} aria-label="By target" tabIndex={0}>
        {lines.map(({ key, name, color }) => {
          const one = top.find(({ target }) => target === name);
          return (
            <li key={key}>
              <span className={css['swatch']} style={{ background: color }} aria-hidden />
              <span className={css['name']} title={blot(name)}>
                {blot(shortOf(name))}
              </span>
              {one !== undefined && (
                <span className={css['rate']}>
                  {perSecond(one.current)} <small>peak {perSecond(one.peak)}</small>
                </span>
              )}
            </li>
          );
        })}
        {lines.length === 0 && <li className={css['none']}>No fault was injected in the last {seconds} s.</li>}
      </ul>
    </div>
  );
}

export const faultVelocity = defineWidget<Settings>({
  type: 'fault-velocity',
  title: 'Fault velocity',
  about: 'How many faults are injected each second, by target: now, at the peak, and whether it rises.',
  size: { w: 4, h: 5 },
  least: { w: 2, h: 3 },
  settings,
  component: FaultVelocity,
});
