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
