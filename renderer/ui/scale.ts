/** The scales of a chart's axes. Pure. */

const STEPS = [1, 2, 2.5, 5, 10];

/** The next round number that is not below: 1, 2, 2.5, 5 times a power of ten. 0 for what is not above 0. */
export function roundUp(value: number): number {
  if (!(value > 0) || !Number.isFinite(value)) return 0;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = STEPS.find((one) => one * power >= value * (1 - 1e-9)) ?? 10;
  return step * power;
}

export interface Scale {
  readonly domain: readonly [number, number];
  readonly ticks: readonly number[];
}
/** From 0, or from below it where values are, to a round number; at least to 1, so that nothing is not drawn large. */
export function scaleOf(lowest: number, highest: number): Scale {
  const [bottom, top] = [0 - roundUp(-lowest), Math.max(1, roundUp(highest))];
  return { domain: [bottom, top], ticks: bottom < 0 ? [bottom, 0, top] : [0, top / 2, top] };
}

type Row = Readonly<Record<string, number | null>>;
/** The scale for rows of a chart; stacked lines are as high as their sum. */
export function scaleOfRows(rows: readonly Row[], keys: readonly string[], stacked: boolean): Scale {
  let [lowest, highest] = [0, 0];
  for (const row of rows) {
    let sum = 0;
    for (const key of keys) {
      const value = row[key] ?? 0;
      sum += value;
      if (stacked) continue;
      lowest = Math.min(lowest, value);
      highest = Math.max(highest, value);
    }
    if (stacked) highest = Math.max(highest, sum);
  }
  return scaleOf(lowest, highest);
}

const [SECOND, MINUTE, HOUR] = [1_000, 60_000, 3_600_000];
const TIME_STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12, 24].map((n) => n * HOUR),
];

/** Moments that a clock shows as round, from one to another (wall-clock ms), at most `most` of them; none when there is no room for one. */
export function timeTicks(from: number, to: number, most: number): number[] {
  if (most < 1 || !(to > from)) return [];
  const step =
    TIME_STEPS.find((one) => (to - from) / one + 1 <= most) ?? Math.ceil((to - from) / most / (24 * HOUR)) * 24 * HOUR;
  const ticks: number[] = [];
  for (let at = Math.ceil(from / step) * step; at <= to && ticks.length < most; at += step) ticks.push(at);
  return ticks;
}
