import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { createEngine, spawnNode } from '../engine/index.ts';
import { stateOf } from '../engine/host/identity.ts';
import { listProcesses } from '../engine/host/processes.ts';
import { folder } from './cli/process.ts';
import { startService } from './support/service.ts';

/**
 * What the users of other tools complain of most, each complaint a test on the real engine with a real service. Others
 * of the list are tested where they belong: faults that outlive the experiment in test/crash, undo that is claimed and
 * not proven in engine/lifecycle/revert.test.ts, foreign state in engine/faults/process/fault.test.ts, the open port in
 * test/conformance/websocket.test.ts.
 */
const LIMIT = { timeout: 300_000 };
const forever = new AbortController().signal;

async function stage() {
  await using parts = new AsyncDisposableStack();
  const dir = parts.use(folder());
  const { address: upstream } = parts.use(await startService((_request, response) => response.end('ok')));
  const { api } = parts.use(await createEngine({ stateDir: join(dir.path, 'state') }));
  const [shop] = await api.commands.openRoutes(
    { routes: [{ name: 'shop', protocol: 'http', listen: '127.0.0.1:0', upstream }] },
    forever,
  );
  assert.ok(shop !== undefined);
  const fileOf = (policies: string): string =>
    `version: 1
seed: 3
routes:
  - { name: shop, protocol: http, listen: "${shop.listen}", upstream: "${upstream}" }
policies:
${policies}`;
  const begin = async (text: string): Promise<string> => {
    const asked = { text, file: 'x.yaml', ttlMs: 600_000, routes: [], watch: false };
    return (await api.commands.apply(asked, forever)).run;
  };
  /** Applies policies; `end` resolves when they are put back. */
  const apply = async (policies: string) => {
    const run = await begin(fileOf(policies));
    return {
      end: async () => {
        await api.commands.abort({ run, why: 'the test says so' }, forever);
        return api.queries.released({ run }, forever);
      },
    };
  };
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  parts.defer(() => agent.destroy());
  const get = (path: string): Promise<{ status: number | undefined; socket: Socket | null }> =>
    new Promise((resolve, reject) => {
      const call = request(`http://${shop.listen}${path}`, { agent }, (response) => {
        response.resume().on('end', () => resolve({ status: response.statusCode, socket: call.socket }));
      });
      call.on('error', reject).end();
    });
  const status = () => api.queries.status({}, forever);
  const all = parts.move();
  return { api, apply, begin, get, status, fileOf, shop, dir, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

test('a chance of 0 has no effect at all, next to one of 1', LIMIT, async () => {
  await using s = await stage();
  const applied = await s.apply(`  - { name: never-fails, type: http, target: all, error_chance: 0, error_code: 503 }
  - { name: never-waits, type: http, target: all, latency_chance: 0, latency_duration: 10m }
  - { name: never-long, type: http, target: all, latency_chance: 1, latency_duration: 0s }
  - { name: always, type: http, target: /always, error_chance: 1, error_code: 418 }
`);
  for (let call = 0; call < 500; call++) assert.equal((await s.get('/some')).status, 200);
  assert.equal((await s.get('/always')).status, 418);
  const { faults } = await applied.end();
  assert.deepEqual(faults.filter(({ effect }) => effect.bitten).map(({ policy }) => policy), ['always']);
});

test('a connection that was open before a fault does not escape it, nor does it keep it', LIMIT, async () => {
  await using s = await stage();
  const before = await s.get('/charge');
  const applied = await s.apply('  - { name: down, type: http, target: /charge, error_chance: 1, error_code: 503 }\n');
  const under = await s.get('/charge');
  await applied.end();
  const after = await s.get('/charge');
  assert.deepEqual([before.status, under.status, after.status], [200, 503, 200]);
  assert.ok(before.socket === under.socket && under.socket === after.socket, 'all on one connection');
});

test('ending one never disturbs another on the same route, nor restores what the other holds', LIMIT, async () => {
  await using s = await stage();
  const one = await s.apply('  - { name: one, type: http, target: /one, error_chance: 1, error_code: 501 }\n');
  const two = await s.apply('  - { name: two, type: http, target: /two, error_chance: 1, error_code: 502 }\n');
  const both = await s.get('/one');
  assert.equal(both.status, 501);
  assert.equal((await one.end()).reverted, true);
  const [left, other] = [await s.get('/one'), await s.get('/two')];
  assert.deepEqual([left.status, other.status], [200, 502]);
  assert.equal(other.socket, both.socket, 'the connection of the application was not touched');
  assert.deepEqual((await s.status()).faults.map(({ policy, state }) => [policy, state]), [['two', 'active']]);
  assert.equal((await two.end()).reverted, true);
});

test('removing a fault does not wait for what it holds back, which goes on at once', LIMIT, async () => {
  await using s = await stage();
  const stuck = '  - { name: stuck, type: http, target: all, latency_chance: 1, latency_duration: 10m }\n';
  const applied = await s.apply(stuck);
  const held = s.get('/held');
  const detail = async () => (await s.status()).faults[0]?.effect.detail ?? '';
  while (!/^1 request reached/.test(await detail())) await setTimeout(20);
  // Both would take ten minutes otherwise; the limit of the test is one.
  assert.equal((await applied.end()).reverted, true);
  assert.equal((await held).status, 200);
});

test('a plan kills nobody', LIMIT, async () => {
  await using s = await stage();
  const script = s.dir.file('sleeper.mjs', 'setInterval(() => {}, 1000);');
  const token = `peers-${process.pid}`;
  const children = [1, 2].map(() => spawnNode(script, [], { role: 'sleeper', token, target: true, stdio: 'ignore' }));
  try {
    const pids = children.map(({ pid }) => pid);
    const there = () => listProcesses().filter(({ pid }) => pids.includes(pid));
    const before = there();
    assert.equal(before.length, 2);
    const kill = `  - { name: kill, type: process, target: "cmd:${token}", action: kill, percentage: 99 }\n`;
    const text = s.fileOf(kill);
    const result = await s.api.queries.plan({ text, file: 'x.yaml', routes: [], overrides: {} }, forever);
    assert.ok(result.ok);
    assert.equal(result.plan.faults[0]?.targets.length, 1);
    assert.ok(before.every((one) => stateOf(one) !== 'dead'));
    assert.deepEqual((await s.api.queries.open({}, forever)).open, []);
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(children.map((child) => once(child, 'exit')));
  }
});

test('HALT ends the faults, and leaves the applications on their routes alone', LIMIT, async () => {
  await using s = await stage();
  const file = s.fileOf('  - { name: down, type: http, route: own, target: all, error_chance: 1, error_code: 503 }\n');
  const own = `  - { name: own, protocol: http, listen: "127.0.0.1:0", upstream: "${s.shop.upstream}" }`;
  const run = await s.begin(file.replace('policies:', `${own}\npolicies:`));
  const listen = (await s.status()).routes.find(({ name }) => name === 'own')?.listen;
  const call = async () => (await fetch(`http://${listen}/`)).status;
  assert.equal(await call(), 503);
  await s.api.commands.halt({ by: 'the test' }, forever);
  assert.equal((await s.api.queries.released({ run }, forever)).reverted, true);
  assert.equal(await call(), 200);
});
