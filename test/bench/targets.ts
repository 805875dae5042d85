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
const target = (bench: string, metric: RegExp, sense: Target['sense'], limit: number): Target => ({
  bench,
  metric,
  sense,
  limit,
});

/** What the product promises on a machine of two cores at 2.3 GHz. */
const TARGETS: readonly Target[] = [
  target('policy', /^gate$/, '<=', 25),
  target('policy', /^0 policies$/, '<=', 25),
  target('policy', /^1000 policies, miss$/, '<=', 200),
  target('policy', /, hit$/, '<=', 400),
  target('policy', /, allocated$/, '<=', 0),
  target('http', /^firebreak to toxiproxy, rate$/, '>=', 1.1),
  target('http', /^firebreak to toxiproxy, cpu$/, '<=', 0.9),
  target('http', /^firebreak, 100 policies to toxiproxy, rate$/, '>=', 1),
  target('redis', /firebreak to toxiproxy, rate$/, '>=', 1),
  target('redis', /firebreak, 100 policies to toxiproxy, rate$/, '>=', 0.8),
  target('postgres', /firebreak to toxiproxy, rate$/, '>=', 1),
  target('postgres', /firebreak, 100 policies to toxiproxy, rate$/, '>=', 0.8),
  target('http2', /firebreak to toxiproxy, rate$/, '>=', 1),
  target('http2', /firebreak, 100 policies to toxiproxy, rate$/, '>=', 0.8),
  target('grpc', /firebreak to toxiproxy, rate$/, '>=', 1),
  target('grpc', /firebreak, 100 policies to toxiproxy, rate$/, '>=', 0.8),
  target('kafka', /firebreak to toxiproxy, rate$/, '>=', 1),
  target('kafka', /firebreak, 100 policies to toxiproxy, rate$/, '>=', 0.8),
  target('bulk', /^firebreak to toxiproxy, rate$/, '>=', 1),
  target('idle', /./, '<=', 30),
  target('delay', /^firebreak, 10 ms, p50 off by$/, '<=', 0.3),
  target('halt', /^p99/, '<=', 50),
  target('cpu', /: error$/, '<=', 2),
  target('cpu', /: end$/, '<=', 1_000),
  target('room', /^long tasks per minute$/, '<=', 0),
  target('room', /^long tasks by CPU time per minute$/, '<=', 0),
  // Nine tenths of what the load gives: the rest is the unevenness of a minute.
  target('room', /^engine frames$/, '>=', 9),
  target('room', /^events$/, '>=', 1_800),
  target('room', /^events left out$/, '<=', 0),
  target('room', /^HALT by key .*p99/, '<=', 100),
  // 6 MB in an hour: less than one collection frees.
  target('soak', /^heap of the page, growth$/, '<=', 0.1),
  target('soak', /^nodes, growth$/, '<=', 1),
  target('soak', /^listeners, growth$/, '<=', 1),
  target('soak', /^events$/, '>=', 1_800),
];

/** Puts the target next to a figure. A value that is not a number meets no target. */
export function judge(figure: Figure): Judged {
  const aim = TARGETS.find(({ bench, metric }) => bench === figure.bench && metric.test(figure.metric));
  if (aim === undefined) return figure;
  const met = aim.sense === '<=' ? figure.value <= aim.limit : figure.value >= aim.limit;
  return { ...figure, target: `${aim.sense} ${aim.limit}`, met };
}

/** The targets of these benches for which there is no figure: a target that was not measured was not met. */
export function unmeasured(
  benches: readonly string[],
  figures: readonly Figure[],
): readonly { readonly bench: string; readonly metric: string; readonly target: string }[] {
  return TARGETS.filter(
    ({ bench, metric }) =>
      benches.includes(bench) && !figures.some((figure) => figure.bench === bench && metric.test(figure.metric)),
  ).map(({ bench, metric, sense, limit }) => ({
    bench,
    metric: metric.source.replace(/[\^$]/g, ''),
    target: `${sense} ${limit}`,
  }));
}
