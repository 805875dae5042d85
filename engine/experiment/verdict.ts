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

/**
 * What the observation proves, given that nothing aborted it. The hypothesis is refuted by the first sample under fault
 * that broke its expectation; without any measurement under fault it is neither held nor refuted.
 */
export function judge(observed: readonly Sample[], checks: readonly { readonly name: string; readonly expect: string }[]): Outcome {
  const broken = observed.find((sample) => sample.held === false);
  if (broken !== undefined) {
    const expect = checks.find(({ name }) => name === broken.probe)?.expect ?? '';
    return outcome('refuted', `Under fault, ${broken.probe} did not keep ${expect}: ${figuresOf(broken, expect)}.`, broken);
  }
  for (const { name, expect } of checks) {
    if (!observed.some((sample) => sample.probe === name && sample.held === true)) {
      return outcome('inconclusive', `${name} was never measured under fault, so ${expect} is neither held nor refuted.`);
    }
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

/** Which faults kept a run from being conclusive, in words. */
export function notBitten(faults: readonly FaultReport[]): string {
  const silent = faults.filter(({ effect }) => !effect.bitten);
  return silent.map(({ policy, effect }) => `${policy} had no measured effect (${effect.detail || 'nothing was seen'})`).join('; ');
}
