import { type Phase, type Sample, type TimelineEntry } from '../../../engine/contract/models.ts';
import { type Comparison, comparisonsOf, distanceTo } from '../conditions.ts';

/** A run as a band of time. Pure. */

export interface Segment {
  readonly name: Phase['name'];
  /** Where it begins and how long it is, as shares of the band. */
  readonly from: number;
  readonly share: number;
  /** How much of it has passed, 0 to 1. */
  readonly passed: number;
  readonly current: boolean;
}
export interface Span {
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly phases: readonly Phase[];
  readonly phaseEndsAt: number | null;
}

/** Where the band ends: the end of the run, or as far as it is known to go. */
export const endOfBand = ({ startedAt, endedAt, phaseEndsAt }: Span, now: number): number =>
  endedAt ?? Math.max(startedAt + 1, now, phaseEndsAt ?? 0);

export function segmentsOf(span: Span, now: number): Segment[] {
  const end = endOfBand(span, now);
  const length = Math.max(1, end - span.startedAt);
  return span.phases.map(({ name, start, end: ended }) => {
    const current = ended === null && span.endedAt === null;
    const until = ended ?? end;
    const passed = current && until > start ? (now - start) / (until - start) : 1;
    return {
      name,
      from: (start - span.startedAt) / length,
      share: Math.max(0, until - start) / length,
      passed: Math.min(1, Math.max(0, passed)),
      current,
    };
  });
}

export interface Mark {
  readonly seq: number;
  readonly at: number;
  readonly tone: 'ok' | 'warn' | 'bad';
  readonly text: string;
  /** Share of the band. */
  readonly where: number;
}
/** More would be a carpet; the newest are kept. */
const MOST_MARKS = 60;

/** Faults that came into force or ended, the breach, HALT. */
export function marksOf(timeline: readonly TimelineEntry[], span: Span, now: number): Mark[] {
  const length = Math.max(1, endOfBand(span, now) - span.startedAt);
  return timeline
    .flatMap(({ seq, at, kind, text }): Mark[] => {
      const tone = toneOf(kind, text);
      return tone === undefined
        ? []
        : [{ seq, at, tone, text, where: Math.min(1, Math.max(0, (at - span.startedAt) / length)) }];
    })
    .slice(-MOST_MARKS);
}
function toneOf(kind: string, text: string): Mark['tone'] | undefined {
  if (kind === 'breach' || kind === 'halt') return 'bad';
  if (kind !== 'fault') return undefined;
  if (text.includes(': unconfirmed')) return 'bad';
  if (text.includes(': clean')) return 'ok';
  return text.includes(': active') ? 'warn' : undefined;
}

export interface Nearest {
  readonly probe: string;
  readonly limit: NonNullable<Comparison['limit']>;
  readonly value: number;
  /** In the figure's unit; 0 or less: the condition is true now. */
  readonly away: number;
}

/** The probe that is nearest to the abort condition, for a condition of one comparison; undefined when it cannot be told. */
export function nearest(when: string, newest: Readonly<Record<string, Sample>>): Nearest | undefined {
  const [part, ...others] = comparisonsOf(when);
  const limit = part?.limit;
  if (limit === undefined || others.length > 0) return undefined;
  const all = Object.values(newest).flatMap(({ probe, figures }): Nearest[] => {
    const value = figures[limit.figure] ?? null;
    return value === null ? [] : [{ probe, limit, value, away: distanceTo(limit, value) }];
  });
  return all.toSorted((a, b) => a.away - b.away)[0];
}

/** Where value and limit stand on a gauge from 0 to 1. Shares run over the whole, everything else to twice the limit. */
export function gaugeOf({ limit: { figure, limit }, value }: Nearest): {
  readonly value: number;
  readonly limit: number;
} {
  const share = figure === 'success_rate' || figure === 'availability' || figure.startsWith('apdex');
  const full = share ? 1 : Math.max(limit * 2, Number.MIN_VALUE);
  const at = (one: number): number => Math.min(1, Math.max(0, one / full));
  return { value: at(value), limit: at(limit) };
}
