import { type z } from 'zod';
import { type EngineClient } from '../contract/client.ts';
import { type standingProbe } from '../contract/room.ts';

type Wanted = z.input<typeof standingProbe>;

const http = (name: string, url: string, expect: string, every = '500ms'): Wanted => ({ name, probe: { type: 'http', url, every, timeout: '2s' }, expect });

/** What a customer of the demo shop sees, and whether each of its services answers at all. */
const PROBES: readonly Wanted[] = [
  http('checkout', 'route://storefront/checkout', 'success_rate >= 0.95 && p95 < 1000'),
  ...['orders', 'payments', 'ledger'].map((service) => http(service, `route://${service}/health`, 'success_rate >= 0.95')),
];
/** Whether one job over each of the other protocols gets done. */
const errandProbe = (errand: string): Wanted => http(`${errand} errand`, `route://errands/${errand}`, 'success_rate >= 0.95 && p95 < 1000', '1s');

/**
 * Adds the demo's standing probes until disposed, with one for each errand that the demo runs. A probe of the same name
 * that asks something else is the user's own and stays as it is; one that a killed engine left is taken over.
 */
export async function demoProbes(client: EngineClient, errands: readonly string[] = []): Promise<AsyncDisposable> {
  const known = await client.query('probes', {});
  const wanted = [...PROBES, ...errands.map(errandProbe)].filter((one) => isFree(one, known));
  for (const one of wanted) await client.command('startProbe', one);
  return {
    [Symbol.asyncDispose]: async () => {
      for (const { name } of wanted) await client.command('stopProbe', { name });
    },
  };
}
const isFree = (wanted: Wanted, known: readonly { readonly name: string; readonly probe: { readonly url: string } }[]): boolean =>
  known.every(({ name, probe }) => name !== wanted.name || probe.url === wanted.probe.url);
