import { type Figure } from './figure.ts';

/** A figure with what was aimed at; both are left out where nothing was. */
export interface Judged extends Figure {
  readonly target?: string;
  readonly met?: boolean;
}

interface Target {
  readonly bench: string;
  readonly metric: RegExp;
  readonly limit: number;
  readonly sense: '<=' | '>=';
}
const target = (bench: string, metric: RegExp, sense: Target['sense'], limit: number): Target => ({ bench, metric, sense, limit });

/** What the product promises on a machine of two cores at 2.3 GHz. */
const TARGETS: readonly Target[] = [
  target('policy', /^gate$/, '<=', 25),
  target('policy', /^0 policies$/, '<=', 25),
  target('policy', /^1000 policies, miss$/, '<=', 200),
  target('policy', /, hit$/, '<=', 400),
  target('policy', /, allocated$/, '<=', 0),
  target('halt', /^p99/, '<=', 50),
];

/** Puts the target next to a figure. A value that is not a number meets no target. */
export function judge(figure: Figure): Judged {
  const aim = TARGETS.find(({ bench, metric }) => bench === figure.bench && metric.test(figure.metric));
  if (aim === undefined) return figure;
  const met = aim.sense === '<=' ? figure.value <= aim.limit : figure.value >= aim.limit;
  return { ...figure, target: `${aim.sense} ${aim.limit}`, met };
}
