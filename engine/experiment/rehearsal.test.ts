import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Engine } from '../index.ts';
import { engineIn } from '../test-engine.ts';
import { FirebreakError } from '../kernel/errors.ts';
import { REHEARSAL } from '../contract/room.ts';
import { measure } from './rehearsal.ts';

const never = new AbortController().signal;

async function engineFor(t: TestContext): Promise<{ api: Engine['api']; stateDir: string }> {
  const stateDir = await mkdtemp(join(tmpdir(), 'firebreak-rehearsal-'));
  const engine = await engineIn(stateDir);
  t.after(async () => {
    await engine[Symbol.asyncDispose]();
    await rm(stateDir, { recursive: true, force: true, maxRetries: 5 });
  });
  return { api: engine.api, stateDir };
}
async function service(t: TestContext): Promise<string> {
  const server = createServer((_request, answer) => answer.end('ok'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
const policy = (upstream: string, more = ''): string => `version: 1
${more}
routes:
  - { name: shop, protocol: http, listen: "127.0.0.1:0", upstream: "${upstream}" }
policies:
  - { name: outage, type: http, target: all, error_chance: 1, error_code: 503 }
`;
const isBusy = (words: RegExp) => (error: unknown) =>
  error instanceof FirebreakError && error.code === 'busy' && error.hint !== '' && words.test(error.message);

test('a rehearsal measures a real HALT and leaves nothing behind', { timeout: 300_000 }, async (t) => {
  const { api } = await engineFor(t);
  const before = await api.queries.status({}, never);
  const one = await api.commands.rehearse({}, never);
  assert.ok(one.before.faulty > 0, JSON.stringify(one));
  assert.ok(one.after.responses > one.after.faulty, JSON.stringify(one));
  assert.ok(one.haltMs > 0 && one.lastFaultMs > 0, 'something was held back, and let go: ' + JSON.stringify(one));
  assert.equal(one.clean, true);
  t.diagnostic(JSON.stringify(one));
  const after = await api.queries.status({}, never);
  assert.deepEqual(
    [after.halted, after.routes, after.faults, after.open, after.experiment],
    [before.halted, before.routes, [], [], null],
  );
  assert.deepEqual(await api.queries.history({ limit: 10 }, never), []);
  assert.deepEqual(await api.queries.versions({ limit: 10 }, never), []);
  const events: string[] = [];
  for await (const { body } of api.streams.events({ since: 0 }, never)) {
    if (body.kind === 'halt') events.push(body.by);
    if (body.kind === 'fault' && body.fault.state === 'clean') {
      assert.ok(body.fault.policy.startsWith(REHEARSAL) && body.fault.reverted);
      events.push('clean');
    }
    if (events.includes('clean') && events.includes(REHEARSAL)) break;
  }
  // And again: what the first put away is not in the way of the second.
  assert.equal((await api.commands.rehearse({}, never)).clean, true);
});

test('a HALT that was in force is in force after it', { timeout: 300_000 }, async (t) => {
  const { api } = await engineFor(t);
  await api.commands.halt({ by: 'a person' }, never);
  assert.equal((await api.commands.rehearse({}, never)).clean, true);
  assert.equal((await api.queries.status({}, never)).halted, true);
});

test('while anything is injected it refuses and touches nothing', { timeout: 300_000 }, async (t) => {
  const { api } = await engineFor(t);
  const text = policy(await service(t));
  const given = { file: 'outage.yaml', routes: [], watch: false, ttlMs: 60_000 };
  const { run, faults } = await api.commands.apply({ ...given, text }, never);
  await assert.rejects(api.commands.rehearse({}, never), isBusy(/outage on route shop/));
  const status = await api.queries.status({}, never);
  assert.deepEqual(status.faults.map(({ id, state }) => [id, state]), [[faults[0]?.id, 'active']]);
  assert.equal(status.halted, false);
  await api.commands.abort({ run, why: 'the test is over' }, never);
  assert.equal((await api.queries.released({ run }, never)).reverted, true);
  assert.equal((await api.commands.rehearse({}, never)).clean, true);
});

test('it refuses while an apply warms up or a run is under way, and while it is under way itself', { timeout: 300_000 }, async (t) => {
  const { api } = await engineFor(t);
  const upstream = await service(t);
  const leaving = new AbortController();
  const given = { file: 'outage.yaml', routes: [], watch: false, ttlMs: 60_000 };
  const warming = api.commands.apply({ ...given, text: policy(upstream, 'warmup_duration: 1h') }, leaving.signal);
  await assert.rejects(api.commands.rehearse({}, never), isBusy(/a run or an apply is under way/));
  leaving.abort(new Error('changed my mind'));
  await assert.rejects(warming, /changed my mind/);

  const experiment = `${policy(upstream)}experiment:
  hypothesis: It stays up.
  blast_radius: 1
  duration: 1m
  baseline: 1h
  steady_state:
    - { name: shop, probe: { type: http, url: "route://shop/", every: 100ms }, expect: success_rate >= 0 }
`;
  const { run } = await api.commands.run({ text: experiment, file: 'a.yaml', routes: [], overrides: {} }, never);
  await assert.rejects(api.commands.rehearse({}, never), isBusy(/under way/));
  await api.commands.abort({ run, why: 'the test is over' }, never);
  await api.queries.outcome({ run }, never);

  const first = api.commands.rehearse({}, never);
  await assert.rejects(api.commands.rehearse({}, never), isBusy(/already running here/));
  assert.equal((await first).clean, true);
});

test('a HALT by a person in the middle of it is the last word', { timeout: 300_000 }, async (t) => {
  const { api } = await engineFor(t);
  const rehearsing = assert.rejects(api.commands.rehearse({}, never), /HALT|halted/);
  for await (const { body } of api.streams.events({ since: 0 }, never)) {
    if (body.kind === 'fault' && body.fault.state === 'active') break;
  }
  await api.commands.halt({ by: 'a person' }, never);
  await rehearsing;
  const { halted, routes, faults, open } = await api.queries.status({}, never);
  assert.deepEqual([halted, routes, faults, open], [true, [], [], []]);
});

test('whoever leaves in the middle leaves nothing behind', { timeout: 300_000 }, async (t) => {
  const { api } = await engineFor(t);
  const leaving = new AbortController();
  const rehearsing = assert.rejects(api.commands.rehearse({}, leaving.signal), /gone/);
  for await (const { body } of api.streams.events({ since: 0 }, never)) {
    if (body.kind === 'fault' && body.fault.state === 'active') break;
  }
  leaving.abort(new Error('gone'));
  await rehearsing;
  const { halted, routes, faults, open, experiment } = await api.queries.status({}, never);
  assert.deepEqual([halted, routes, faults, open, experiment], [false, [], [], [], null]);
});

test('the last faulty response counts, and so does what was held back when HALT was called', () => {
  const failing = (sent: number, at: number, ok: boolean) => ({ sent, at, path: '/failing', ok });
  const slow = (sent: number, at: number) => ({ sent, at, path: '/slow', ok: true });
  const seen = [failing(990, 995, false), slow(800, 960), failing(998, 1_001, false), slow(920, 1_007.5), failing(999, 1_009, true), slow(1_008, 1_010)];
  assert.deepEqual(measure(seen, 1_000), {
    lastFaultMs: 7.5,
    before: { responses: 2, faulty: 2 },
    after: { responses: 4, faulty: 2 },
  });
  // Delays that go on after HALT are found, whenever their request was sent.
  assert.equal(measure([slow(1_100, 1_260)], 1_000).lastFaultMs, 260);
  assert.equal(measure([failing(0, 5, false), failing(5, 12, true)], 10).lastFaultMs, 0);
});
