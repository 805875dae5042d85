import { type RunRecord, type SeriesPoint } from '../../contract/models.ts';
import { injectionWindow, limitsOf, type Limit, probesOf, runSpan, type TimeSpan } from '../facts.ts';
import { percent, span, trim } from '../words.ts';
import { type Point, rateScale, scaleTo } from './axes.ts';
import { type Line, type Mark, type TimeChart } from './chart.ts';
import { INK } from './sheet.ts';

/** The three charts of a run, from its series. */

const DASHES = [undefined, [5, 2], [1.5, 1.5], [7, 2], [3, 3], [9, 3]] as const;
const MOST_LINES = 6;
type Figure = 'successRate' | 'p50' | 'p95' | 'p99';
const FIGURE_NAMES: Readonly<Record<Figure, string>> = {
  successRate: 'success_rate',
  p50: 'p50',
  p95: 'p95',
  p99: 'p99',
};

const base = (record: RunRecord, height: number) => ({
  span: runSpan(record),
  window: injectionWindow(record),
  windowLabel: 'fault active',
  height,
});

/** The points of one figure of one probe: from its samples or from the series, whichever tells more. */
function pointsOf(record: RunRecord, probe: string, figure: Figure): readonly Point[] {
  const own = record.samples.filter((sample) => sample.probe === probe);
  if (record.series.length > own.length) {
    return record.series.map(({ at, probes }) => ({ at, value: probes[probe]?.[figure] ?? null }));
  }
  return own.map(({ at, figures }) => ({ at, value: figures[FIGURE_NAMES[figure]] ?? null }));
}

const lower = (a: number, b: number): number => Math.min(a, b);
const measured = (points: readonly Point[]): number[] => points.flatMap(({ value }) => (value === null ? [] : [value]));
const highestOf = (lines: readonly Line[]): number =>
  lines.reduce((most, { points }) => measured(points).reduce((high, value) => Math.max(high, value), most), 0);
const lineStyle = (index: number): Pick<Line, 'color' | 'dash'> => {
  const dash = DASHES[index % DASHES.length];
  return { color: INK.data[index % INK.data.length] ?? INK.text, ...(dash === undefined ? {} : { dash }) };
};

/** Orange for the first target, and solid: a rate that matters is not dashed. */
const stepStyle = (index: number): Pick<Line, 'color' | 'dash'> =>
  index === 0 ? { color: INK.data[1] } : index === 1 ? { ...lineStyle(1), color: INK.data[0] } : lineStyle(index);

/** Where the steady state ends exactly where the run aborts, one line says both. */
function marksOf(limits: readonly Limit[], format: (value: number) => string): Mark[] {
  const aborts = new Set(limits.filter(({ kind }) => kind === 'abort').map(({ value }) => value));
  return limits.flatMap(({ kind, operator, value }): Mark[] => {
    if (kind === 'expect') {
      return aborts.has(value) ? [] : [{ value, color: INK.good, label: `steady state ${operator} ${format(value)}` }];
    }
    const also = limits.find((other) => other.kind === 'expect' && other.value === value);
    const label = `aborts ${WORD[operator]} ${format(value)}`;
    const steady = also === undefined ? '' : ` (steady state ${also.operator} ${format(value)})`;
    return [{ value, color: INK.bad, label: label + steady }];
  });
}
const WORD = { '<': 'below', '<=': 'at or below', '>': 'above', '>=': 'at or above' } as const;

/** Success rate of every probe over time, with the abort threshold. */
export function successChart(record: RunRecord, height: number): TimeChart {
  const all = probesOf(record)
    .map(({ name }) => ({ name, points: pointsOf(record, name, 'successRate') }))
    .filter(({ points }) => measured(points).length > 0);
  const lines = all
    .slice(0, MOST_LINES)
    .map(({ name, points }, index) => ({ label: name, points, ...lineStyle(index) }));
  const unique = new Map(
    all
      .flatMap(({ name }) => marksOf(limitsOf(record, 'success_rate', name), percent))
      .map((mark) => [mark.label, mark]),
  );
  const marks = [...unique.values()];
  return {
    ...base(record, height),
    title: all.length > MOST_LINES ? `Success rate (first ${MOST_LINES} of ${all.length} probes)` : 'Success rate',
    unit: 'per cent of polls, sliding window',
    scale: rateScale(
      [...lines.flatMap(({ points }) => measured(points)), ...marks.map(({ value }) => value)].reduce(lower, 1),
    ),
    format: (value) => `${trim(value * 100, 0)} %`,
    lines,
    marks,
    empty: 'No success rate was measured.',
    ...spotOf(record),
  };
}

/** The sample that broke the run, where the chart shows its success rate. */
function spotOf({ breach }: RunRecord): Pick<TimeChart, 'spot'> {
  const value = breach?.figures['success_rate'];
  return breach === null || typeof value !== 'number'
    ? {}
    : { spot: { at: breach.at, value, label: `sample ${breach.seq}` } };
}

/** Latency percentiles of one probe over time, with the limits on its p99. */
export function latencyChart(record: RunRecord, probe: string, height: number): TimeChart {
  const lines = (['p50', 'p95', 'p99'] as const).map((figure, index) => ({
    label: figure,
    points: pointsOf(record, probe, figure),
    ...lineStyle([2, 0, 1][index] ?? 0),
    ...(figure === 'p99' ? { dash: [5, 2] as const } : figure === 'p50' ? { dash: [1.5, 1.5] as const } : {}),
  }));
  const highest = highestOf(lines);
  const limits = (['p50', 'p95', 'p99'] as const).flatMap((figure) =>
    marksOf(limitsOf(record, figure, probe), (value) => span(value)).map((mark) => ({
      ...mark,
      label: `${figure}: ${mark.label}`,
    })),
  );
  // A limit far above everything measured would press the lines flat; the chart then leaves it out.
  const marks = limits.filter(({ value }) => highest === 0 || value <= highest * 4);
  const scale = scaleTo(Math.max(highest * 1.05, ...marks.map(({ value }) => value)));
  return {
    ...base(record, height),
    title: probe === '' ? 'Latency percentiles' : `Latency percentiles of ${probe}`,
    unit: 'milliseconds, sliding window',
    scale,
    format: (value) => trim(value, 2),
    lines: highest === 0 ? [] : lines,
    marks: highest === 0 ? [] : marks,
    empty: 'No latency was measured.',
  };
}

/**
 * A rate is measured over a whole second, and the first and the last second of an injection lie partly outside it. Drawn
 * over the part inside: nothing was injected before the first fault or after the last revert.
 */
function cutTo(window: TimeSpan | null, points: readonly { at: number; value: number }[]): readonly Point[] {
  if (window === null) return points;
  return points.flatMap(({ at, value }, index) => {
    const from = points[index - 1]?.at ?? at;
    const begins = from < window.start && window.start < at ? [{ at: window.start, value: 0 }] : [];
    const ends = from < window.end && window.end < at;
    return [
      ...begins,
      ...(ends
        ? [
            { at: window.end, value },
            { at, value: 0 },
          ]
        : [{ at, value }]),
    ];
  });
}

/** Injected faults per second by target. */
export function faultChart(record: RunRecord, height: number): TimeChart {
  const totals = new Map<string, number>();
  for (const { faultRate } of record.series) {
    for (const [target, rate] of Object.entries(faultRate)) totals.set(target, (totals.get(target) ?? 0) + rate);
  }
  const targets = [...totals]
    .filter(([, total]) => total > 0)
    .sort((a, b) => b[1] - a[1])
    .map(([target]) => target);
  const own = targets.length > MOST_LINES ? targets.slice(0, MOST_LINES - 1) : targets;
  const others = targets.slice(own.length);
  const window = injectionWindow(record);
  const ratesOf = (names: readonly string[]): readonly Point[] => {
    const rate = (point: SeriesPoint): number => names.reduce((sum, name) => sum + (point.faultRate[name] ?? 0), 0);
    return cutTo(
      window,
      record.series.map((point) => ({ at: point.at, value: rate(point) })),
    );
  };
  const lines: Line[] = own.map((target, index) => ({
    label: target,
    points: ratesOf([target]),
    steps: true,
    ...stepStyle(index),
  }));
  if (others.length > 0) {
    lines.push({ label: `${others.length} other targets`, points: ratesOf(others), steps: true, color: INK.muted });
  }
  const highest = highestOf(lines);
  return {
    ...base(record, height),
    title: 'Injected faults',
    unit: 'per second, by target',
    scale: scaleTo(highest * 1.05),
    format: (value) => trim(value, 2),
    lines,
    marks: [],
    empty: window === null ? 'Nothing was injected.' : 'No injected fault was counted in the traffic.',
  };
}
