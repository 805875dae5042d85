import { type ReactNode, memo } from 'react';
import {
  CartesianGrid,
  Line,
  LineChart,
  ReferenceArea,
  ReferenceLine,
  ResponsiveContainer,
  Tooltip,
  XAxis,
  YAxis,
} from 'recharts';
import { type RunStory, limitOf } from '../../stores/run-fold.ts';
import { usePreferences } from '../../stores/preferences.ts';
import { duration, percent, timeOfDay } from '../../ui/format.ts';
import { timeTicks } from '../../ui/scale.ts';
import css from './runs.module.css';

/** At most this many points are drawn; more would not be seen and cost much. */
const DRAWN = 600;
/** As many moments as stand beside each other on the narrowest chart in the largest type. */
const MOMENTS = 4;
/** The share of the axis at its end that stays free, so that the last label is not cut. */
const EDGE = 0.06;

/** Round moments along the axis; left to itself the chart also names its very last, over the one before. */
function momentsOf(data: RunStory['series']): number[] {
  const [from, to] = [data[0]?.at ?? 0, data.at(-1)?.at ?? 0];
  return timeTicks(from, to - EDGE * (to - from), MOMENTS);
}
const COLOURS = [1, 2, 3, 4, 5, 6].map((index) => `var(--series-${index})`);

/** Success and latency of each probe over the run, with the time under fault shaded and the abort limit drawn. */
export const Charts = memo(function Charts({ story }: { readonly story: RunStory }): ReactNode {
  const probes = [...new Set(story.series.flatMap((point) => Object.keys(point.probes)))];
  const limit = story.abort === null ? undefined : limitOf(story.abort.when);
  const step = Math.max(1, Math.ceil(story.series.length / DRAWN));
  const data = story.series.filter((_, index) => index % step === 0 || index === story.series.length - 1);
  const start = story.phases.find(({ name }) => name === 'inject')?.start;
  // A fault that did not bite is taken back before anything is observed.
  const taken = story.phases.find(({ name }) => name === 'revert')?.start;
  const end = story.phases.find(({ name }) => name === 'observe')?.end ?? taken ?? data.at(-1)?.at;
  const under: readonly [number, number] | undefined =
    start === undefined ? undefined : [start, Math.max(start, end ?? start)];
  return (
    <div className={css['charts']}>
      <Chart
        title="Success"
        data={data}
        under={under}
        domain={[0, 1]}
        format={percent}
        {...(limit?.figure === 'success_rate' ? { limit: limit.limit } : {})}
        lines={probes.map((probe, index) => ({
          name: probe,
          colour: COLOURS[index % COLOURS.length] as string,
          value: (point) => point.probes[probe]?.successRate ?? null,
        }))}
      />
      <Chart
        title="Latency"
        data={data}
        under={under}
        domain={[0, 'auto']}
        format={duration}
        {...(limit !== undefined && /^p(50|95|99)$/.test(limit.figure) ? { limit: limit.limit } : {})}
        lines={probes.flatMap((probe, index) =>
          (['p50', 'p95', 'p99'] as const).map((figure, nth) => ({
            name: `${probe} ${figure}`,
            colour: COLOURS[(index * 3 + nth) % COLOURS.length] as string,
            value: (point: RunStory['series'][number]) => point.probes[probe]?.[figure] ?? null,
          })),
        )}
      />
    </div>
  );
});

interface ChartProps {
  readonly title: string;
  readonly data: RunStory['series'];
  readonly under: readonly [number, number] | undefined;
  readonly domain: [number, number | 'auto'];
  readonly format: (value: number | null) => string;
  readonly limit?: number;
  readonly lines: readonly {
    readonly name: string;
    readonly colour: string;
    readonly value: (point: RunStory['series'][number]) => number | null;
  }[];
}
function Chart({ title, data, under, domain, format, limit, lines }: ChartProps): ReactNode {
  const zone = usePreferences(({ clock }) => clock);
  return (
    <figure>
      <figcaption>
        <strong>{title}</strong>
        {lines.map(({ name, colour }) => (
          <span key={name}>
            <i style={{ background: colour }} aria-hidden /> {name}
          </span>
        ))}
        {limit !== undefined && <span>abort limit {format(limit)}</span>}
        {under !== undefined && <span>shaded: under fault</span>}
      </figcaption>
      <ResponsiveContainer width="100%" height={220}>
        <LineChart data={[...data]} margin={{ top: 8, right: 12, bottom: 0, left: 0 }} accessibilityLayer>
          <CartesianGrid stroke="var(--line)" vertical={false} />
          {under !== undefined && (
            <ReferenceArea x1={under[0]} x2={under[1]} fill="var(--warn)" fillOpacity={0.1} ifOverflow="hidden" />
          )}
          <XAxis
            dataKey="at"
            type="number"
            domain={['dataMin', 'dataMax']}
            ticks={momentsOf(data)}
            interval="equidistantPreserveStart"
            tickFormatter={(at: number) => timeOfDay(at, zone)}
            stroke="var(--muted)"
            fontSize="0.75rem"
            minTickGap={48}
          />
          <YAxis
            domain={domain}
            tickFormatter={(value: number) => format(value)}
            stroke="var(--muted)"
            fontSize="0.75rem"
            width={72}
          />
          <Tooltip
            labelFormatter={(at) => timeOfDay(Number(at), zone)}
            formatter={(value) => format(typeof value === 'number' ? value : null)}
            contentStyle={{ background: 'var(--raised)', border: '1px solid var(--line-strong)', color: 'var(--text)' }}
          />
          {limit !== undefined && (
            <ReferenceLine y={limit} stroke="var(--bad)" strokeDasharray="6 4" ifOverflow="extendDomain" />
          )}
          {lines.map(({ name, colour, value }) => (
            <Line
              key={name}
              name={name}
              dataKey={value}
              stroke={colour}
              strokeWidth={2}
              dot={false}
              isAnimationActive={false}
              connectNulls={false}
            />
          ))}
        </LineChart>
      </ResponsiveContainer>
    </figure>
  );
}
