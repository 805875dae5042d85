import { type PhaseName, type Route } from './models.ts';

/** What people call the phases of a run, in reports and on screens alike. */
export const PHASE_WORDS: Readonly<Record<PhaseName, string>> = {
  'steady-state': 'Steady state',
  baseline: 'Baseline',
  inject: 'Inject',
  observe: 'Observe',
  revert: 'Revert',
  recovery: 'Recovery',
  analysis: 'Analysis',
};

/** Where a route leads, such as `127.0.0.1:7201` or `api.example: 10.0.0.5:443, others: 127.0.0.1:8443`. */
export function upstreamsOf({ upstream, upstreamsByName, refuseOtherNames }: Route): string {
  const named = Object.entries(upstreamsByName ?? {}).map(([name, address]) => `${name}: ${address}`);
  if (named.length === 0) return upstream;
  return [...named, refuseOtherNames === true ? `no TLS: ${upstream}, other names refused` : `others: ${upstream}`].join(', ');
}

/** How what a route does with its traffic differs from another of its name, for the end of a sentence; '' when it does not. */
export function differenceOf(open: Route, wanted: Route): string {
  if (open.protocol !== wanted.protocol) return `as ${open.protocol} instead of ${wanted.protocol}`;
  if (open.upstream !== wanted.upstream) return `to ${open.upstream} instead of ${wanted.upstream}`;
  return fieldsOf(open) === fieldsOf(wanted) ? '' : 'with other fields of TLS';
}
/** Its fields besides name and address, whatever their order; one that says nothing is as good as none. */
function fieldsOf({ name: _name, listen: _listen, ...fields }: Route): string {
  const inOrder = Object.entries(fields).map(([field, value]) => {
    const plain = typeof value === 'object' && !Array.isArray(value) ? Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)) : value;
    return [field, plain === undefined || plain === false || plain === '' ? [] : plain] as const;
  });
  return JSON.stringify(inOrder.filter(([, value]) => !Array.isArray(value) || value.length > 0).sort(([one], [other]) => (one < other ? -1 : 1)));
}
