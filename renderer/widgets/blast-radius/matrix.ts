/** What faults did, by target and kind. Pure. */

/** As the frame tells it, by target and policy. */
export interface Hit {
  readonly target: string;
  readonly active: boolean;
  readonly errors: number;
  readonly latencies: number;
  readonly drops: number;
  readonly throttled: number;
  readonly others: number;
}
export const KINDS = ['errors', 'latencies', 'drops', 'throttled', 'others'] as const;
export type Kind = (typeof KINDS)[number];
export const KIND_WORDS: Readonly<Record<Kind, string>> = {
  errors: 'Failed',
  latencies: 'Latency',
  drops: 'Drops',
  throttled: 'Throttled',
  others: 'Others',
};

/** What is counted where the word alone does not say it. */
export const KIND_HELP: Readonly<Partial<Record<Kind, string>>> = {
  errors: 'Answered with an error, or lost, missed or altered',
};

export interface Row extends Readonly<Record<Kind, number>> {
  readonly target: string;
  readonly active: boolean;
  readonly total: number;
}
export interface Matrix {
  readonly rows: readonly Row[];
  readonly totals: Row;
  /** The largest single cell, for the heat. */
  readonly hottest: number;
}

const NAMES = new Intl.Collator('en', { numeric: true });
const totalOf = (row: Readonly<Record<Kind, number>>): number => KINDS.reduce((sum, kind) => sum + row[kind], 0);
const plus = (row: Row, hit: Hit): Row => {
  const sum = { ...row, active: row.active || hit.active };
  for (const kind of KINDS) sum[kind] += hit[kind];
  return { ...sum, total: totalOf(sum) };
};
const blank = (target: string): Row => ({
  target,
  active: false,
  errors: 0,
  latencies: 0,
  drops: 0,
  throttled: 0,
  others: 0,
  total: 0,
});

/** One row a target: those under fault first, then those that were hit, then by name. A row does not jump because its figures grow. */
export function matrixOf(hits: readonly Hit[], onlyActive = false): Matrix {
  const byTarget = new Map<string, Row>();
  for (const hit of hits) byTarget.set(hit.target, plus(byTarget.get(hit.target) ?? blank(hit.target), hit));
  const rows = [...byTarget.values()]
    .filter(({ active }) => active || !onlyActive)
    .toSorted(
      (a, b) =>
        Number(b.active) - Number(a.active) ||
        Number(b.total > 0) - Number(a.total > 0) ||
        NAMES.compare(a.target, b.target),
    );
  const totals = rows.reduce((sum, row) => plus(sum, row), blank('All targets'));
  return { rows, totals, hottest: Math.max(0, ...rows.flatMap((row) => KINDS.map((kind) => row[kind]))) };
}

/** How hot a cell is, 0 to 4. Logarithmic: between one fault and a thousand lies the same step as between a thousand and a million. */
export function heatOf(value: number, hottest: number): 0 | 1 | 2 | 3 | 4 {
  if (value <= 0) return 0;
  const share = hottest <= 1 ? 1 : Math.log1p(value) / Math.log1p(hottest);
  return share > 0.9 ? 4 : share > 0.65 ? 3 : share > 0.35 ? 2 : 1;
}
