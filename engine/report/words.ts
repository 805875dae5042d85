import { type EffectFigure } from '../kernel/fault.ts';
import { formatDuration } from '../kernel/durations.ts';
import { type FaultReport, type RunRecord, type Sample, type Verdict } from '../contract/models.ts';

/** How figures, times and verdicts read in every report. Times are UTC: a report is read far from where it was made. */

/** What stands where nothing was measured; a figure is never invented. */
export const NOT_MEASURED = 'not measured';

const iso = (at: number): string => {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString();
};
/** `2026-11-21` of wall-clock milliseconds, in UTC. */
export const utcDate = (at: number): string => iso(at).slice(0, 10) || 'unknown date';
/** `14:03:09`, with `.250` when `fine`; in UTC. */
export const utcTime = (at: number, fine = false): string => iso(at).slice(11, fine ? 23 : 19) || 'unknown time';
/** `2026-11-21 14:03:09 UTC`. */
export const utcStamp = (at: number): string => `${utcDate(at)} ${utcTime(at)} UTC`;

/** A rate 0-1 as `97.4 %`. Never rounds up to 100 % or down to 0 % what was not quite that. */
export function percent(rate: number | null | undefined): string {
  if (rate === null || rate === undefined) return NOT_MEASURED;
  // A moving average of ones is 0.9999999999999998, and means one.
  const value = Math.round(rate * 1e11) / 1e9;
  if (value > 0 && value < 0.05) return '< 0.1 %';
  if (value < 100 && value > 99.95) return '> 99.9 %';
  return `${trim(value, 1)} %`;
}

/** Milliseconds as `0.42 ms`, `812 ms`, `1.24 s` or `3m20s`. */
export function span(value: number | null | undefined): string {
  if (value === null || value === undefined) return NOT_MEASURED;
  if (value < 10) return `${trim(value, 2)} ms`;
  if (value < 1_000) return `${trim(value, value < 100 ? 1 : 0)} ms`;
  if (value < 60_000) return `${trim(value / 1_000, 2)} s`;
  return formatDuration(Math.round(value / 1_000) * 1_000);
}

/** A number with at most `digits` decimals and no trailing zeros. */
export function trim(value: number, digits = 3): string {
  return Number.isFinite(value) ? String(Number(value.toFixed(digits))) : String(value);
}

/** `1 fault`, `3 faults`. */
export const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

/** One side of an effect figure in its own unit. */
export function effectValue(value: number | null, unit: EffectFigure['unit']): string {
  if (value === null) return NOT_MEASURED;
  switch (unit) {
    case 'ms':
      return value < 10_000 ? `${trim(value, value < 100 ? 2 : 1)} ms` : span(value);
    case 'ratio':
      return percent(value);
    case 'per s':
      return `${trim(value, 2)}/s`;
    case 'MB':
    case 'KB/s':
    case 'bytes':
    case 'cores':
      return `${trim(value, 2)} ${unit}`;
    case 'count':
      return trim(value, 2);
  }
}

/** How far `delivered` lies from `requested`, as `+1.2 %`; '' when that cannot be said. */
export function deviation({ requested, delivered }: EffectFigure): string {
  if (delivered === null || requested === null || requested === 0) return '';
  const off = Math.round((delivered / requested - 1) * 1_000) / 10;
  return `${off > 0 ? '+' : ''}${off === 0 ? 0 : off} %`;
}

export const VERDICT_WORDS: Readonly<
  Record<Verdict | 'unfinished', { readonly word: string; readonly meaning: string }>
> = {
  held: { word: 'Held', meaning: 'The steady state held while the fault was active.' },
  refuted: { word: 'Refuted', meaning: 'The steady state did not hold.' },
  aborted: { word: 'Aborted', meaning: 'The run was stopped before its end.' },
  inconclusive: { word: 'Inconclusive', meaning: 'The run proves nothing either way.' },
  failed: { word: 'Failed', meaning: 'The run itself failed; it says nothing about the hypothesis.' },
  unfinished: { word: 'Not finished', meaning: 'The run has no verdict yet.' },
};
export type VerdictKey = keyof typeof VERDICT_WORDS;
export const verdictKey = (record: RunRecord): VerdictKey => record.verdict ?? 'unfinished';

export { PHASE_WORDS } from '../contract/words.ts';

const RATES = new Set(['success_rate', 'availability']);
const SPANS = new Set(['p50', 'p95', 'p99']);
/** One figure of a sample, by its name in expressions. */
export function figureValue(name: string, value: number | null): string {
  if (value === null) return NOT_MEASURED;
  if (RATES.has(name)) return percent(value);
  if (SPANS.has(name)) return span(value);
  return name === 'throughput' ? `${trim(value, 2)}/s` : trim(value);
}

/** When a fault came and went, as one sentence. */
export function faultTimes({ injectedAt, revertedAt }: FaultReport): string {
  if (injectedAt === null) return 'Never injected.';
  const from = `Injected at ${utcTime(injectedAt, true)} UTC`;
  return revertedAt === null ? `${from}, not reverted.` : `${from}, reverted at ${utcTime(revertedAt, true)} UTC.`;
}

/** What a sample says of its own poll, in a few words. */
export function pollText({ ok, latency, error }: Sample): string {
  const took = latency === null ? '' : ` after ${span(latency)}`;
  return ok ? `succeeded${took}` : `failed${took}${error === '' ? '' : `: ${error}`}`;
}
