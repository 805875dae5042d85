import { EXIT, type ExitCode } from '../kernel/errors.ts';
import { type FaultReport, type Sample, type Verdict } from '../contract/models.ts';

export interface Outcome {
  readonly verdict: Verdict;
  readonly reason: string;
  /** The sample that decided it, when one did. */
  readonly breach: Sample | null;
}

export const outcome = (verdict: Verdict, reason: string, breach: Sample | null = null): Outcome => ({ verdict, reason, breach });

/** Residue outranks every verdict: what stayed behind must be seen to first. */
export function exitCodeOf(verdict: Verdict, reverted: boolean): ExitCode {
  if (!reverted) return EXIT.residue;
  return verdict === 'failed' ? EXIT.failure : EXIT[verdict];
}

/** The share of the polls under fault that must have measured something before a check may be called held. */
const LEAST_MEASURED = 0.8;

/**
 * What the observation proves, given that nothing aborted it. The hypothesis is refuted by the first sample under fault
 * that broke its expectation; where too little was measured under fault it is neither held nor refuted.
 */
export function judge(observed: readonly Sample[], checks: readonly { readonly name: string; readonly expect: string }[]): Outcome {
  const broken = observed.find((sample) => sample.held === false);
  if (broken !== undefined) {
    const expect = checks.find(({ name }) => name === broken.probe)?.expect ?? '';
    return outcome('refuted', `Under fault, ${broken.probe} did not keep ${expect}: ${figuresOf(broken, expect)}.`, broken);
  }
  for (const { name, expect } of checks) {
    const polls = observed.filter(({ probe }) => probe === name);
    const measured = polls.filter(({ held }) => held !== null).length;
    if (measured > 0 && measured >= polls.length * LEAST_MEASURED) continue;
    const little = measured === 0 ? 'never measured' : `measured in only ${measured} of ${polls.length} polls`;
    return outcome('inconclusive', `${name} was ${little} under fault, so ${expect} is neither held nor refuted.`);
  }
  if (checks.length === 0) return outcome('inconclusive', 'Nothing measured the steady state, so nothing can be claimed.');
  return outcome('held', `The steady state held under fault: ${checks.map(({ name, expect }) => `${name} kept ${expect}`).join('; ')}.`);
}

/** The figures of a sample that an expression speaks of, for a reader: `success_rate 0.87, p99 812 ms`. */
export function figuresOf(sample: Sample, expression: string): string {
  const named = Object.entries(sample.figures).filter(([name]) => new RegExp(`\\b${name}\\b`).test(expression));
  const shown = named.map(([name, value]) => `${name} ${value === null ? 'not measured' : format(name, value)}`);
  return shown.length === 0 ? sample.error || 'no figures' : shown.join(', ');
}

const LATENCIES = new Set(['p50', 'p95', 'p99']);
const format = (name: string, value: number): string =>
  LATENCIES.has(name) ? `${value.toFixed(0)} ms` : String(Math.round(value * 10_000) / 10_000);

/** Which faults kept a run from being conclusive, in words; '' when all have bitten. */
export function notBitten(faults: readonly FaultReport[], had = 'had no'): string {
  const silent = faults.filter(({ effect }) => !effect.bitten);
  return silent.map(({ policy, effect }) => `${policy} ${had} measured effect (${effect.detail || 'nothing was seen'})`).join('; ');
}

/** Whoever reads the verdict must know what was stopped by hand; what held with less than the plan proves nothing. */
export function unlessStopped(end: Outcome, stopped: readonly FaultReport[]): Outcome {
  if (stopped.length === 0) return end;
  const which = stopped.map(({ policy, target, note }) => `${policy} on ${target} was ${note}`).join('; ');
  if (end.verdict === 'held') return outcome('inconclusive', `Before the observation was over, ${which}. Nothing is claimed.`);
  return { ...end, reason: `${end.reason} During the run, ${which}.` };
}

/** A hypothesis that held is no finding when a fault had gone by the time it was reverted. */
export function unlessGone(end: Outcome, faults: readonly FaultReport[]): Outcome {
  const gone = notBitten(faults, 'no longer had a');
  if (end.verdict !== 'held' || gone === '') return end;
  return outcome('inconclusive', `Before the observation was over, ${gone}. Nothing is claimed.`);
}
