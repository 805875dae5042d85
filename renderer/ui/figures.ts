import { count, duration, percent } from './format.ts';

/** A probe's figure with its unit, by the name that conditions use. */
export function figureText(name: string, value: number | null): string {
  if (name === 'success_rate' || name === 'availability') return percent(value);
  if (/^p\d+$/.test(name)) return duration(value);
  if (name.startsWith('apdex')) return value === null ? '—' : value.toFixed(2);
  if (name === 'throughput') return value === null ? '—' : `${count(value)}/s`;
  return count(value);
}
