import { limitOf } from '../stores/run-fold.ts';

/** The simple comparisons within a CEL condition, so that each can be shown against what is measured. Pure. */

export interface Comparison {
  /** As it is written. */
  readonly text: string;
  /** Undefined when the part is more than a comparison of a figure with a number. */
  readonly limit: ReturnType<typeof limitOf>;
}

/** The parts between `&&` and `||`; what is longer than a comparison stays text. */
export function comparisonsOf(expression: string): Comparison[] {
  return expression
    .split(/&&|\|\|/)
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((text) => ({ text, limit: limitOf(text.replace(/^\(+|\)+$/g, '')) }));
}

/** Whether it is true of a value; null while there is none. */
export function holds({ operator, limit }: NonNullable<Comparison['limit']>, value: number | null): boolean | null {
  if (value === null) return null;
  switch (operator) {
    case '<':
      return value < limit;
    case '<=':
      return value <= limit;
    case '>':
      return value > limit;
    case '>=':
      return value >= limit;
  }
}

/** How far a value is from where the comparison would become true; negative once it is. In the figure's unit. */
export const distanceTo = ({ operator, limit }: NonNullable<Comparison['limit']>, value: number): number =>
  operator.startsWith('<') ? value - limit : limit - value;

const FIGURE_WORDS: Readonly<Record<string, string>> = {
  success_rate: 'success rate',
  availability: 'availability',
  throughput: 'throughput',
  apdex: 'Apdex',
  apdex_ema: 'Apdex, moving',
  value: 'value',
  samples: 'polls',
};
export const figureWord = (name: string): string => FIGURE_WORDS[name] ?? name;
export const OPERATOR_WORDS: Readonly<Record<string, string>> = { '<': '<', '<=': '≤', '>': '>', '>=': '≥' };
