/** Figures and times in the words of people. Everything here is pure. */

/** `—` stands for what has not been measured. */
export const NOTHING = '—';

/** 0.9512 -> `95.1 %`. Never rounds up to 100 or down to 0. */
export function percent(ratio: number | null): string {
  if (ratio === null) return NOTHING;
  const value = ratio * 100;
  if (value === 0 || value === 100) return `${value} %`;
  return `${Math.min(99.9, Math.max(0.1, value)).toFixed(1)} %`;
}

/** Milliseconds: `0.4 ms`, `12 ms`, `1.25 s`, `3 s`, `3 min 4 s`. */
export function duration(ms: number | null): string {
  if (ms === null) return NOTHING;
  if (ms < 10) return `${Number(ms.toFixed(1))} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${Number((ms / 1_000).toFixed(ms < 10_000 ? 2 : 1))} s`;
  const seconds = Math.round(ms / 1_000);
  const [hours, minutes, rest] = [Math.floor(seconds / 3_600), Math.floor((seconds % 3_600) / 60), seconds % 60];
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${rest} s`;
}

/** A countdown: `0:07`, `12:30`, `1:02:03`; never below zero. */
export function countdown(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1_000));
  const two = (value: number): string => String(value).padStart(2, '0');
  const [hours, minutes, rest] = [Math.floor(seconds / 3_600), Math.floor((seconds % 3_600) / 60), seconds % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

const whole = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 1 });
const short = new Intl.NumberFormat('en-GB', { notation: 'compact', maximumFractionDigits: 1 });

/** 1234567 -> `1.2M`, 1234 -> `1,234`, 3.14 -> `3.1`. */
export function count(value: number | null): string {
  if (value === null) return NOTHING;
  if (Math.abs(value) >= 100_000) return short.format(value);
  return (Math.abs(value) >= 100 ? whole : fine).format(value);
}

export type Zone = 'utc' | 'local';
const pad = (value: number, width = 2): string => String(value).padStart(width, '0');

/** `14:03:27`, or `14:03:27.125` with `fine`. */
export function timeOfDay(at: number, zone: Zone, precise = false): string {
  const date = new Date(at);
  const [h, m, s] =
    zone === 'utc'
      ? [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()]
      : [date.getHours(), date.getMinutes(), date.getSeconds()];
  return `${pad(h)}:${pad(m)}:${pad(s)}${precise ? `.${pad(date.getUTCMilliseconds(), 3)}` : ''}`;
}
/** `2026-11-21 14:03:27`. */
export function dateTime(at: number, zone: Zone): string {
  const date = new Date(at);
  const [y, m, d] =
    zone === 'utc'
      ? [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()]
      : [date.getFullYear(), date.getMonth(), date.getDate()];
  return `${y}-${pad(m + 1)}-${pad(d)} ${timeOfDay(at, zone)}`;
}
/** `UTC`, `UTC+2`, `UTC-3:30`: this machine's zone at that moment. */
export function zoneName(at: number, zone: Zone): string {
  const minutes = zone === 'utc' ? 0 : -new Date(at).getTimezoneOffset();
  if (minutes === 0) return 'UTC';
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `UTC${minutes < 0 ? '-' : '+'}${hours}${rest === 0 ? '' : `:${pad(rest)}`}`;
}
