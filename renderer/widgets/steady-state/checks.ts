import { type Sample, type StandingReading } from '../../../engine/contract/models.ts';
import { type Comparison, comparisonsOf, holds } from '../conditions.ts';

/** Each probe against what is expected of it. Pure. */

export interface Part {
  readonly text: string;
  /** Undefined when the part is more than a comparison; then only the whole is judged. */
  readonly limit: Comparison['limit'];
  readonly value: number | null;
  readonly held: boolean | null;
}
export interface Check {
  readonly key: string;
  readonly name: string;
  readonly ofRun: boolean;
  readonly expect: string;
  /** As the engine judged it: null when it could not. */
  readonly held: boolean | null;
  readonly parts: readonly Part[];
  /** Rises with each poll; 0 before the first. */
  readonly seq: number;
  readonly error: string;
}

type Polled = Pick<Sample, 'figures' | 'held' | 'seq' | 'error'>;
const checkOf = (name: string, ofRun: boolean, expect: string, polled: Polled | null | undefined): Check => ({
  key: `${ofRun ? 'run' : 'standing'} ${name}`,
  name,
  ofRun,
  expect,
  held: polled?.held ?? null,
  seq: polled?.seq ?? 0,
  error: polled?.error ?? '',
  parts: comparisonsOf(expect).map(({ text, limit }) => {
    const value = limit === undefined ? null : (polled?.figures[limit.figure] ?? null);
    return { text, limit, value, held: limit === undefined ? null : holds(limit, value) };
  }),
});

/** Those of the run under way first, then the standing probes that expect something. */
export function checksOf(
  expected: readonly { readonly name: string; readonly expect: string }[],
  probes: Readonly<Record<string, Sample>>,
  standing: readonly StandingReading[],
): Check[] {
  return [
    ...expected.map(({ name, expect }) => checkOf(name, true, expect, probes[name])),
    ...standing
      .filter(({ expect }) => expect !== '')
      .map(({ name, expect, sample }) => checkOf(name, false, expect, sample)),
  ];
}

/** How many polls of a check the little picture shows. */
export const TRAIL = 60;

/** What each comparison's figure was at the newest polls, by check and part. */
export type Trails = ReadonlyMap<
  string,
  { readonly seq: number; readonly parts: readonly (readonly (number | null)[])[] }
>;

/** Adds the newest poll of each check; forgets checks that are gone, and begins anew with another run's. */
export function extend(trails: Trails, checks: readonly Check[]): Trails {
  return new Map(
    checks.map(({ key, seq, parts }) => {
      const known = trails.get(key);
      const values = parts.map(({ value }) => value);
      if (known === undefined || seq < known.seq || known.parts.length !== parts.length)
        return [key, { seq, parts: values.map((value) => (seq === 0 ? [] : [value])) }];
      if (seq === known.seq) return [key, known];
      return [
        key,
        { seq, parts: known.parts.map((trail, index) => [...trail.slice(1 - TRAIL), values[index] ?? null]) },
      ];
    }),
  );
}
