import { type Sample, type StandingReading } from '../../../engine/contract/models.ts';

/** Apdex in words. Pure. */

type Tone = 'ok' | 'warn' | 'bad' | 'neutral';

/** The ratings of the Apdex Alliance (Apdex Technical Specification 1.1, section 5.1): the least score of each word. */
const RATINGS: readonly (readonly [least: number, word: string, tone: Tone])[] = [
  [0.94, 'Excellent', 'ok'],
  [0.85, 'Good', 'ok'],
  [0.7, 'Fair', 'warn'],
  [0.5, 'Poor', 'bad'],
  [0, 'Unacceptable', 'bad'],
];

/** The specification rates the score as it is reported: with two decimals. */
export function ratingOf(score: number | null): { readonly word: string; readonly tone: Tone } {
  if (score === null) return { word: 'No score yet', tone: 'neutral' };
  const reported = Math.round(score * 100) / 100;
  const [, word, tone] = RATINGS.find(([least]) => reported >= least) ?? RATINGS.at(-1)!;
  return { word, tone };
}

/** What one target shows. */
export interface Target {
  readonly name: string;
  /** A probe of the run ends with it; a standing one can be removed. */
  readonly standing: boolean;
  readonly describe: string;
  readonly apdexT: number | null;
  /** Polls of the window by class; null when they are not told. */
  readonly tally: { readonly satisfied: number; readonly tolerating: number; readonly frustrated: number } | null;
  readonly ok: boolean | null;
  readonly latency: number | null;
  readonly error: string;
  readonly figures: Readonly<Record<string, number | null>>;
}

/** Every probe that has an Apdex: the standing ones in their order, then those of the run. */
export function targetsOf(standing: readonly StandingReading[], probes: Readonly<Record<string, Sample>>): Target[] {
  const own = standing
    .filter(({ apdexT }) => apdexT !== null)
    .map(({ name, describe, apdexT, sample, ...tally }): Target => ({
      name,
      standing: true,
      describe,
      apdexT,
      tally,
      ok: sample?.ok ?? null,
      latency: sample?.latency ?? null,
      error: sample?.error ?? '',
      figures: sample?.figures ?? {},
    }));
  const ofRun = Object.values(probes)
    .filter(({ figures }) => figures['apdex'] != null)
    .map(({ probe, ok, latency, error, figures }): Target => ({
      name: probe,
      standing: false,
      describe: 'probe of the run',
      apdexT: null,
      tally: null,
      ok,
      latency,
      error,
      figures,
    }));
  return [...own, ...ofRun];
}

/** The shares of the three classes, 0 to 1, of what was polled; null before the first poll. */
export function sharesOf(
  tally: Target['tally'],
): { readonly satisfied: number; readonly tolerating: number; readonly frustrated: number } | null {
  if (tally === null) return null;
  const all = tally.satisfied + tally.tolerating + tally.frustrated;
  if (all === 0) return null;
  return { satisfied: tally.satisfied / all, tolerating: tally.tolerating / all, frustrated: tally.frustrated / all };
}
