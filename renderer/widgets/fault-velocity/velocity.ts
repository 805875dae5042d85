/** How fast faults are injected, from the totals of the past. Pure. */

/** As stores/frames.ts keeps them: totals by target and policy, one a second. */
export interface Totals {
  readonly at: number;
  /** Keys are `target\npolicy`. */
  readonly impact: ReadonlyMap<string, number>;
}
export interface VelocityPoint {
  readonly at: number;
  /** Injected per second, by target. */
  readonly rates: ReadonlyMap<string, number>;
}
export interface Velocity {
  readonly target: string;
  /** Per second, over the newest three seconds: one second alone jumps too much to be read. */
  readonly current: number;
  /** The fastest such three seconds of the window. */
  readonly peak: number;
}

/** How many points a figure is taken over. */
export const SMOOTH = 3;
/** Longer than this between two moments is a gap, not a rate (ms). */
const GAP = 5_000;

const byTarget = ({ impact }: Totals): Map<string, number> => {
  const totals = new Map<string, number>();
  for (const [key, total] of impact) {
    const target = key.slice(0, key.lastIndexOf('\n'));
    totals.set(target, (totals.get(target) ?? 0) + total);
  }
  return totals;
};

/** The rate of each target from one moment to the next; a target that is new counts from zero, for its fault is new. */
export function ratesOf(past: readonly Totals[]): VelocityPoint[] {
  const points: VelocityPoint[] = [];
  let before: { at: number; totals: Map<string, number> } | undefined;
  for (const moment of past) {
    const totals = byTarget(moment);
    if (before !== undefined && moment.at > before.at && moment.at - before.at <= GAP) {
      const [seconds, { totals: earlier }] = [(moment.at - before.at) / 1_000, before];
      points.push({
        at: moment.at,
        rates: new Map(
          [...totals].map(([target, total]) => [target, Math.max(0, total - (earlier.get(target) ?? 0)) / seconds]),
        ),
      });
    }
    before = { at: moment.at, totals };
  }
  return points;
}

const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
/** Means over each run of `SMOOTH` points that ends at a point. */
const smooth = (values: readonly number[]): number[] =>
  values.map((_, index) => mean(values.slice(Math.max(0, index + 1 - SMOOTH), index + 1)));

const velocityOf = (target: string, values: readonly number[]): Velocity => {
  const means = smooth(values);
  return { target, current: means.at(-1) ?? 0, peak: Math.max(0, ...means) };
};

/** By target, the fastest at its peak first; targets at which nothing happened in the window are left out. */
export function velocities(points: readonly VelocityPoint[]): Velocity[] {
  const targets = new Set(
    points.flatMap(({ rates }) => [...rates].filter(([, rate]) => rate > 0).map(([target]) => target)),
  );
  return [...targets]
    .map((target) =>
      velocityOf(
        target,
        points.map(({ rates }) => rates.get(target) ?? 0),
      ),
    )
    .toSorted((a, b) => b.peak - a.peak || (a.target < b.target ? -1 : 1));
}
const sums = (points: readonly VelocityPoint[]): number[] =>
  points.map(({ rates }) => [...rates.values()].reduce((sum, rate) => sum + rate, 0));
export const totalVelocity = (points: readonly VelocityPoint[]): Velocity => velocityOf('', sums(points));

export type Trend = 'rising' | 'steady' | 'falling' | 'none';
/** How far back the change is taken, in points. */
export const TREND_POINTS = 10;

/** Against ten seconds before. Less than a tenth and half a fault per second is no change. */
export function trendOf(points: readonly VelocityPoint[]): { readonly trend: Trend; readonly by: number } {
  const means = smooth(sums(points));
  const now = means.at(-1) ?? 0;
  const then = means.at(-1 - TREND_POINTS) ?? means[0] ?? 0;
  if (now === 0 && then === 0) return { trend: 'none', by: 0 };
  const by = now - then;
  if (Math.abs(by) < 0.5 || Math.abs(by) < 0.1 * Math.max(now, then)) return { trend: 'steady', by };
  return { trend: by > 0 ? 'rising' : 'falling', by };
}
