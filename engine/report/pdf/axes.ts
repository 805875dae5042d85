import { type TimeSpan } from '../facts.ts';
import { utcDate, utcTime } from '../words.ts';

/** Steps on a time axis that a reader can divide in the head, in milliseconds. */
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [
  ...[0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR),
  ...[1, 2, 7, 14, 30, 90, 365].map((n) => n * DAY),
];

export interface Tick {
  readonly at: number;
  readonly label: string;
}

/** Round moments within the span, at most `most` of them, labelled in UTC. */
export function timeTicks({ start, end }: TimeSpan, most: number): readonly Tick[] {
  const step = STEPS.find((each) => (end - start) / each <= most) ?? (end - start) / most;
  const label = (at: number): string => {
    if (step >= DAY) return utcDate(at);
    if (end - start > DAY) return `${utcDate(at).slice(5)} ${utcTime(at).slice(0, 5)}`;
    return step >= MINUTE ? utcTime(at).slice(0, 5) : step >= SECOND ? utcTime(at) : utcTime(at, true).slice(0, 10);
  };
  const ticks: Tick[] = [];
  for (let at = Math.ceil(start / step) * step; at <= end; at += step) ticks.push({ at, label: label(at) });
  return ticks;
}

export interface Scale {
  readonly min: number;
  readonly max: number;
  readonly ticks: readonly number[];
}

/** A scale from 0 to a round number at or above `max`, in 4 to 5 steps of 1, 2, 2.5 or 5 times a power of ten. */
export function scaleTo(max: number): Scale {
  const top = Number.isFinite(max) && max > 0 ? max : 1;
  const power = 10 ** Math.floor(Math.log10(top / 4));
  const step = [1, 2, 2.5, 5, 10].map((n) => n * power).find((each) => top / each <= 5) ?? top;
  const steps = Math.max(1, Math.ceil(top / step - 1e-9));
  return { min: 0, max: steps * step, ticks: Array.from({ length: steps + 1 }, (_, index) => index * step) };
}

/**
 * A scale for rates 0-1 that always ends at 1. It starts at 0 unless everything shown is above a half: a dip from 100
 * to 90 % should be seen, and a cut axis should not make it look like an outage more than it must.
 */
export function rateScale(lowest: number): Scale {
  const min = lowest > 0.9 ? 0.8 : lowest > 0.6 ? 0.5 : 0;
  const step = (1 - min) / (min === 0 ? 4 : min === 0.5 ? 5 : 4);
  return {
    min,
    max: 1,
    ticks: Array.from({ length: Math.round((1 - min) / step) + 1 }, (_, index) => min + index * step),
  };
}

export interface Point {
  readonly at: number;
  readonly value: number | null;
}

/**
 * Thins points to at most two per column (its lowest and its highest), so that a run of days draws quickly and no spike
 * is lost. A point without a value stays as a gap.
 */
export function thin(points: readonly Point[], { start, end }: TimeSpan, columns: number): readonly Point[] {
  if (points.length <= columns * 2) return points;
  const result: Point[] = [];
  const byColumn = Map.groupBy(points, ({ at }) => Math.floor(((at - start) / (end - start)) * columns));
  for (const bucket of byColumn.values()) {
    const measured = bucket.filter(({ value }) => value !== null).sort((a, b) => (a.value ?? 0) - (b.value ?? 0));
    const ends = [measured[0], measured.at(-1)].filter((point) => point !== undefined);
    if (ends.length === 0) result.push({ at: bucket[0]?.at ?? start, value: null });
    else result.push(...ends.sort((a, b) => a.at - b.at));
  }
  return result;
}
