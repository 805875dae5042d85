import { type EffectFigure, type FaultState } from '../../kernel/fault.ts';
import { formatDuration } from '../../kernel/durations.ts';
import { type PhaseName, type Verdict } from '../../contract/models.ts';
import { PHASE_WORDS } from '../../contract/words.ts';
import { type Tone } from './style.ts';

/** Figures and names as people read them; the same everywhere. */

/** 0.9934 -> `99.3 %`; a hundred only when it is one. `decimals` fixes their number, for a column that must not jump. */
export function percent(ratio: number | null, decimals?: 1): string {
  if (ratio === null) return '–';
  const shown = ratio < 1 ? Math.min(99.9, Math.round(ratio * 1_000) / 10) : ratio * 100;
  return `${decimals === undefined && Number.isInteger(shown) ? shown : shown.toFixed(1)} %`;
}

/** Milliseconds, with a decimal only below 10. */
export function ms(value: number | null): string {
  if (value === null) return '–';
  return value < 10 ? `${Math.round(value * 10) / 10} ms` : `${Math.round(value).toLocaleString('en-US')} ms`;
}

/** A span for a countdown or a total: `12 s`, `3 min 20 s`. Whole seconds from 10 s on, so that it does not flicker. */
export function span(value: number): string {
  const value0 = Math.max(0, value);
  if (value0 < 10_000) return `${(value0 / 1_000).toFixed(1)} s`;
  const seconds = Math.round(value0 / 1_000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`;
  return formatDuration(Math.round(value0 / 60_000) * 60_000);
}

/** A wall-clock time as the reader's clock shows it: `2026-03-01 14:03:22`. */
export function clockTime(wall: number): string {
  const date = new Date(wall);
  const two = (part: number): string => String(part).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** One side of a figure with its unit: `500 ms`, `30 %`, `2 cores`. */
export function amount(value: number | null, unit: EffectFigure['unit']): string {
  if (value === null) return 'not measured';
  switch (unit) {
    case 'ms':
      return ms(value);
    case 'ratio':
      return percent(value);
    case 'MB':
      return `${Math.round(value).toLocaleString('en-US')} MB`;
    case 'KB/s':
    case 'bytes':
      return `${round(value).toLocaleString('en-US')} ${unit}`;
    case 'cores':
      return `${round(value)} ${value === 1 ? 'core' : 'cores'}`;
    case 'count':
      return round(value).toLocaleString('en-US');
    case 'per s':
      return `${round(value)}/s`;
  }
}
const round = (value: number): number => Math.round(value * 100) / 100;

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;

export const phaseTitle = (name: PhaseName): string => PHASE_WORDS[name].toLowerCase();

export const verdictTone: Readonly<Record<Verdict, Tone>> = {
  held: 'good',
  refuted: 'bad',
  aborted: 'warn',
  inconclusive: 'warn',
  failed: 'bad',
};
export const stateTone: Readonly<Record<FaultState, Tone>> = {
  planned: 'calm',
  injecting: 'warn',
  active: 'warn',
  reverting: 'calm',
  clean: 'good',
  unconfirmed: 'bad',
};
