/** One measurement, as it stands on its own JSON line. */
export interface Figure {
  readonly bench: string;
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
}

/**
 * One bench: a module in this folder that exports `run`. It runs in a process of its own, with `gc()` at hand.
 * @param say writes one line about progress or about what could not be measured, and why.
 */
export interface Bench {
  run(say: (line: string) => void): Promise<readonly Figure[]>;
}

/** The value below which the share `q` (0-1) of the values lies; nearest rank. NaN when there are none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))] ?? Number.NaN;
}
