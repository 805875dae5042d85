import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, test } from 'node:test';
import { api } from './contract/api.ts';
import { createClient, type EngineClient } from './contract/client.ts';
import { type Route } from './contract/models.ts';
import { type Topology } from './contract/room.ts';
import { startDemo } from './demo/demo.ts';
import { type Connections } from './host/connections.ts';
import { spawnNode } from './host/spawn.ts';
import { createEngine } from './index.ts';
import { realClock, VirtualClock } from './kernel/clock.ts';
import { TOPOLOGY_MS, TopologyWatch } from './topology-watch.ts';
import { serve } from './transport/dispatch.ts';
import { memoryPair } from './transport/memory.ts';

/** An engine as a host serves it. */
async function engine() {
  const parts = new AsyncDisposableStack();
  const stateDir = mkdtempSync(join(tmpdir(), 'firebreak-topology-'));
  parts.defer(() => rmSync(stateDir, { recursive: true, force: true }));
  const running = parts.use(await createEngine({ stateDir }));
  const [near, far] = memoryPair();
  parts.use(serve(api, running.api, far));
  const client = parts.use(createClient(near));
  return { client, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}
const demoOn = (client: EngineClient, rate: number) =>
  startDemo({
    openRoutes: (routes) => client.command('openRoutes', { routes }),
    closeRoutes: async (names) => void (await client.command('closeRoutes', { names: [...names] })),
    spawnNode,
    clock: realClock,
    seed: 7,
    rate,
  });

/** `caller -> service`, of the callers that were seen. */
const arrows = ({ nodes, edges }: Topology): string[] => {
  const nameOf = (id: string): string => nodes.find((node) => node.id === id)?.name ?? assert.fail(id);
  return edges.map(({ from, to }) => `${nameOf(from)} -> ${nameOf(to)}`).toSorted();
};
async function until(client: EngineClient, wanted: (topology: Topology) => boolean): Promise<Topology> {
  let last: Topology | undefined;
  for await (const topology of client.stream('topology', {}, AbortSignal.timeout(60_000))) {
    last = topology;
    if (wanted(topology)) return topology;
  }
  return assert.fail(`it never came to that; the last was ${JSON.stringify(last)}`);
}
const SHOP = ['load -> storefront', 'orders -> payments', 'payments -> ledger', 'storefront -> orders'];
const linux = process.platform === 'linux' ? {} : { skip: 'callers are told by /proc, which only Linux has' };

describe('the topology of the demo', { timeout: 180_000, ...linux }, () => {
  it('is load -> storefront -> orders -> payments -> ledger, with the probes apart and what is down', async () => {
    await using s = await engine();
    assert.deepEqual((await until(s.client, () => true)).nodes, []);
    {
      await using demo = await demoOn(s.client, 20);
      const shop = await until(s.client, (topology) => arrows(topology).join() === SHOP.join());
      assert.equal(shop.limits, '');
      const running = new Map(demo.processes().map(({ name, pid }) => [name, pid]));
      const shown = shop.nodes.map(({ name, kind, pid, up }) => [name, kind, pid === running.get(name), up]);
      assert.deepEqual(shown.toSorted(), [
        ['ledger', 'service', true, true], ['load', 'client', true, true], ['orders', 'service', true, true],
        ['payments', 'service', true, true], ['storefront', 'service', true, true],
      ]);
      assert.ok(shop.edges.every(({ connections }) => connections >= 0) && shop.edges.some(({ connections }) => connections > 0));

      await s.client.command('startProbe', { name: 'checkout', probe: { type: 'http', url: 'route://storefront/checkout', every: '200ms' } });
      await until(s.client, (topology) => arrows(topology).join() === [...SHOP.slice(0, 3), 'probes -> storefront', SHOP[3]].join());

      // A route before the shop: what the wire holds to the next one is not taken for a probe, nor the other way round.
      const entry = { name: 'entry', protocol: 'http' as const, listen: '127.0.0.1:0', upstream: demo.routes[0]?.listen ?? '' };
      await s.client.command('openRoutes', { routes: [entry] });
      await s.client.command('startProbe', { name: 'entry', probe: { type: 'http', url: 'route://entry/checkout', every: '200ms' } });
      const chained = ['entry -> storefront', ...SHOP.slice(0, 3), 'probes -> entry', 'probes -> storefront', SHOP[3]];
      await until(s.client, (topology) => arrows(topology).join() === chained.join());
      await s.client.command('closeRoutes', { names: ['entry'] });
      await until(s.client, ({ edges }) => edges.every(({ route }) => route !== 'entry'));

      // A killed service does not listen until it is back, as another process.
      const ledger = running.get('ledger') ?? assert.fail();
      const changed = until(s.client, ({ nodes }) => nodes.some(({ name, up, pid }) => name === 'ledger' && (!up || pid !== ledger)));
      process.kill(ledger, 'SIGKILL');
      await changed;
      await until(s.client, ({ nodes }) => nodes.some(({ name, up, pid }) => name === 'ledger' && up && pid !== null && pid !== ledger));
    }
    assert.deepEqual((await until(s.client, ({ edges }) => edges.length === 0)).nodes, []);
  });
});

test('a look is taken every two seconds and at once when routes change, one at a time, only while somebody reads', async () => {
  const clock = new VirtualClock();
  let looks = 0;
  let letGo = (): void => {};
  const connections: Connections = {
    look: async (listens, services) => {
      looks++;
      await new Promise<void>((resolve) => (letGo = resolve));
      return { callers: listens.map(() => []), services: services.map(() => ({ up: true, pids: [] })), programs: new Map(), limits: '' };
    },
  };
  const routes: Route[] = [];
  using watch = new TopologyWatch({ clock, connections, wire: { routes: () => routes, routeCounters: () => [] } });
  const graphs: number[] = [];
  watch.routesChanged();
  await clock.advance(60_000);
  assert.equal(looks, 0);
  const reader = watch.subscribe(({ edges }) => void graphs.push(edges.length));
  routes.push({ name: 'a', protocol: 'http', listen: '127.0.0.1:1', upstream: '127.0.0.1:2' });
  watch.routesChanged();
  await clock.advance(60_000);
  assert.equal(looks, 1, 'the first is still under way');
  letGo();
  await clock.advance(0);
  assert.deepEqual([looks, graphs], [2, [0]], 'what was asked for in the meantime comes at once');
  letGo();
  await clock.advance(TOPOLOGY_MS - 1);
  assert.deepEqual([looks, graphs], [2, [0, 1]]);
  await clock.advance(1);
  assert.equal(looks, 3);
  reader[Symbol.dispose]();
  letGo();
  await clock.advance(60_000);
  assert.deepEqual([looks, graphs], [3, [0, 1]]);
});
