import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { identityOf } from '../host/identity.ts';
import { spawnNode } from '../host/spawn.ts';
import { type Route } from '../contract/models.ts';
import { realClock } from '../kernel/clock.ts';
import { FirebreakError } from '../kernel/errors.ts';
import { type WirePolicy } from '../policy/snapshot.ts';
import { createWire } from '../wire/create.ts';
import { type Wire } from '../wire/wire.ts';
import { type Demo, SERVICES, startDemo } from './demo.ts';
import { Client } from './services/client.ts';

const alive = (pid: number): boolean => identityOf(pid) !== undefined;
async function until(what: string, condition: () => boolean | Promise<boolean>, within = 60_000): Promise<void> {
  for (const end = realClock.now() + within; !(await condition()); await sleep(20)) {
    assert.ok(realClock.now() < end, `still waiting: ${what}`);
  }
}

interface Shop extends AsyncDisposable {
  readonly demo: Demo;
  readonly wire: Wire;
  get(path: string, service?: (typeof SERVICES)[number]): Promise<{ status: number; body: unknown; took: number }>;
}
async function openShop(rate: number): Promise<Shop> {
  await using stack = new AsyncDisposableStack();
  const wire = stack.use(createWire());
  const demo = stack.use(
    await startDemo({
      openRoutes: (routes) => wire.open(routes),
      closeRoutes: (names) => wire.close(names),
      spawnNode,
      clock: realClock,
      seed: 7,
      rate,
    }),
  );
  const get: Shop['get'] = async (path, service = 'storefront') => {
    using client = new Client(demo.routes[SERVICES.indexOf(service)]?.listen ?? '', realClock);
    const start = realClock.now();
    const { status, body } = await client.call({ path, timeout: 60_000 });
    return { status, body, took: realClock.now() - start };
  };
  const owned = stack.move();
  return { demo, wire, get, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
const FAULT = 'f-000000000001';
const onCharges = (change: Partial<WirePolicy>): WirePolicy => ({
  id: FAULT, name: 'test', protocol: 'http', target: '/charge*', route: 'payments', seed: 1, latencyChance: 0, latencyMs: 0,
  errorChance: 0, errorCode: 503, errorBody: '', dropConnection: false, matchHeaders: {}, throttleRate: 0, ...change,
});

/** The last test kills the process that started a demo: this very file, told to be that process. */
const AS_HOST = '--as-host';
async function host(): Promise<void> {
  const openRoutes = async (routes: Route[]): Promise<Route[]> => routes.map((route) => ({ ...route, listen: route.upstream }));
  const demo = await startDemo({ openRoutes, spawnNode, clock: realClock, seed: 1 });
  process.stdout.write(`${JSON.stringify(demo.processes().map(({ pid }) => pid))}\n`);
}

if (process.argv.includes(AS_HOST)) await host();
else describe('the demo shop', { timeout: 600_000 }, () => {
  // A folder for temporary files of this file's own, so that what other tests leave there does not count.
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-demo-test-'));
  process.env['TMPDIR'] = folder;
  const files = (): string[] => readdirSync(folder);
  after(() => rmSync(folder, { recursive: true }));

  it('sells: a checkout crosses every route and is booked once', async () => {
    await using shop = await openShop(0);
    assert.deepEqual(shop.demo.routes.map(({ name }) => name), SERVICES);
    const seen = (): number[] => shop.wire.routeCounters().map(({ requests }) => requests);
    const before = seen();
    const { status, body } = await shop.get('/checkout');
    assert.equal(status, 200);
    assert.match(JSON.stringify(body), /"order":"[0-9a-f-]{36}","items":\[.+\],"cents":\d+/);
    assert.deepEqual(seen().map((count, i) => count - (before[i] ?? 0)), [1, 1, 1, 1]);
    // The first one was the health check.
    const balance = (await shop.get('/balance', 'ledger')).body as { charges: number; balanced: boolean };
    assert.deepEqual([balance.charges, balance.balanced], [2, true]);
    assert.equal((await shop.get('/catalog')).status, 200);
    for (const service of SERVICES) assert.deepEqual((await shop.get('/health', service)).body, { service, healthy: true });
    assert.equal((await shop.get('/nonsense')).status, 404);
  });

  it('serves steady traffic without a failure', async () => {
    await using shop = await openShop(40);
    await until('80 answers', () => shop.demo.load.ok >= 80);
    const { failed, p50 } = shop.demo.load;
    assert.equal(failed, 0);
    assert.ok(p50 !== null && p50 > 2, `p50 ${p50}: less than the work that the services do`);
  });

  it('survives slow payments', async () => {
    // Without other traffic, so that on a crowded machine no circuit opens for reasons of its own.
    await using shop = await openShop(0);
    await shop.wire.add(onCharges({ latencyChance: 1, latencyMs: 500 }));
    for (let i = 0; i < 3; i++) {
      const slow = await shop.get('/checkout');
      assert.equal(slow.status, 200);
      assert.ok(slow.took >= 499, `${slow.took} ms`);
    }
    await shop.wire.remove(FAULT);
    assert.equal((await shop.get('/checkout')).status, 200, 'all is as before');
  });

  it('opens its circuit under a payments outage, sells next to nothing, and closes it again', async () => {
    await using shop = await openShop(20);
    const breaker = async (): Promise<string> => JSON.stringify((await shop.get('/state', 'orders')).body);
    await shop.wire.add(onCharges({ errorChance: 0.7 }));
    await until('the circuit opens', async () => (await breaker()) === '{"breaker":"open"}');
    let good = 0;
    for (let i = 0; i < 20; i++) if ((await shop.get('/checkout')).status === 200) good++;
    assert.ok(good < 19, `${good} of 20 checkouts succeeded`);
    await shop.wire.remove(FAULT);
    await until('the circuit closes', async () => (await breaker()) === '{"breaker":"closed"}');
    await until('checkouts succeed', async () => (await shop.get('/checkout')).status === 200);
  });

  it('hangs when the ledger is stopped, because nobody there has a timeout, and recovers', async () => {
    await using shop = await openShop(0);
    const ledger = shop.demo.processes().find(({ name }) => name === 'ledger')?.pid ?? 0;
    process.kill(ledger, 'SIGSTOP');
    const hung = await shop.get('/checkout');
    process.kill(ledger, 'SIGCONT');
    assert.equal(hung.status, 502);
    assert.ok(hung.took >= 4_500, `three tries of 1.5 s each, took ${hung.took} ms`);
    await until('checkouts succeed', async () => (await shop.get('/checkout')).status === 200);
  });

  it('starts a killed service again, on the same port', async () => {
    await using shop = await openShop(0);
    const pid = (): number => shop.demo.processes().find(({ name }) => name === 'orders')?.pid ?? 0;
    const killed = pid();
    process.kill(killed, 'SIGKILL');
    await until('another process', () => pid() !== killed && alive(pid()));
    await until('checkouts succeed', async () => (await shop.get('/checkout')).status === 200);
  });

  it('leaves no process, route or file behind, not even of a stopped service', async () => {
    const shop = await openShop(20);
    assert.equal(files().length, 1);
    const pids = shop.demo.processes().map(({ pid }) => pid);
    assert.equal(pids.filter(alive).length, 5);
    process.kill(pids[2] ?? 0, 'SIGSTOP');
    await shop.demo[Symbol.asyncDispose]();
    assert.deepEqual(pids.filter(alive), []);
    assert.deepEqual(shop.wire.routes(), []);
    assert.deepEqual(files(), []);
    await shop[Symbol.asyncDispose]();
  });

  it('leaves nothing behind when the routes cannot be opened', async () => {
    const pids: number[] = [];
    const start = startDemo({
      openRoutes: () => Promise.reject(new FirebreakError('listen-failed', 'no')),
      spawnNode: (...args) => {
        const child = spawnNode(...args);
        pids.push(child.pid ?? 0);
        return child;
      },
      clock: realClock,
      seed: 7,
    });
    await assert.rejects(start, { code: 'listen-failed' });
    assert.equal(pids.length, 4);
    assert.deepEqual(pids.filter(alive), []);
    assert.deepEqual(files(), []);
  });

  it('ends by itself when whoever started it is killed with -9', async () => {
    const parent = spawnNode(import.meta.filename, [AS_HOST], { role: 'demo-test-host' });
    assert.ok(parent.stdout !== null);
    const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
    const pids = JSON.parse(line) as number[];
    assert.equal(pids.filter(alive).length, 5);
    assert.equal(files().length, 1);
    parent.kill('SIGKILL');
    await until('every child has ended', () => !pids.some(alive));
    await until('the files are gone', () => files().length === 0);
  });
});
