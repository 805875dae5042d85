import { type Millis, millis } from './brands.ts';

/** Milliseconds in each unit that a duration may use; the units are those of Go's time.ParseDuration and `d`. */
const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const PART = /(\d+(?:\.\d+)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d)/y;

/**
 * Reads an exact duration such as `500ms`, `10m` or `1h30m`. A bare `0` is allowed; any other number without a unit
 * is not, because nobody agrees on what it means.
 * @returns milliseconds, or undefined when the text is no duration.
 */
export function parseDuration(text: string): Millis | undefined {
  const trimmed = text.trim();
  if (trimmed === '0') return millis(0);
  if (trimmed === '') return undefined;
  let total = 0;
  PART.lastIndex = 0;
  while (PART.lastIndex < trimmed.length) {
    const part = PART.exec(trimmed);
    if (part === null) return undefined;
    total += Number(part[1]) * (UNITS[part[2] ?? ''] ?? Number.NaN);
  }
  return Number.isFinite(total) ? millis(total) : undefined;
}

/** Writes milliseconds the way `parseDuration` reads them, exactly: 5400000 -> `1h30m`. */
export function formatDuration(value: Millis | number): string {
  if (value === 0) return '0s';
  if (value < 1_000) return `${trimZeros(value)}ms`;
  let rest = value;
  let text = '';
  for (const unit of ['h', 'm'] as const) {
    const size = UNITS[unit] ?? 1;
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return rest > 0 ? `${text}${trimZeros(rest / 1_000)}s` : text;
}

function trimZeros(value: number): string {
  return String(Math.round(value * 1e6) / 1e6);
}
