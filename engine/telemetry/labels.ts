/** Prometheus keeps a series for every set of label values for ever: values are cut short, their number is bounded. */
export const MAX_LABEL = 64;
/** What every value beyond the limit is counted under. */
export const OTHER = 'other';

/** Lets the first `limit` different values through and calls all later ones `other`. */
export class BoundedLabel {
  readonly #known = new Set<string>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  of(value: string): string {
    const label = shortLabel(value);
    if (this.#known.has(label)) return label;
    if (this.#known.size >= this.#limit) return OTHER;
    this.#known.add(label);
    return label;
  }
}

/** At most 64 characters, never half of one. */
export function shortLabel(value: string): string {
  return value.length <= MAX_LABEL ? value : value.slice(0, MAX_LABEL).replace(/[\ud800-\udbff]$/, '');
}
