import assert from 'node:assert/strict';
import { test } from 'node:test';
import { millis } from '../kernel/brands.ts';
import { FIGURES, type FigureName, type Probe, httpProbeSpec } from '../kernel/probe.ts';
import { type RunOutcome } from '../contract/api.ts';
import { type RunRecord } from '../contract/models.ts';
import { type Troubles, virtualRoom } from '../lifecycle/test-parts.ts';
import { type Policy } from '../policy/file.ts';
import { type Prepared } from './prepare.ts';
import { Runs } from './runs.ts';

/** Experiments over the real lifecycle, in virtual time: a fault spoils a folder, and every answer is good. */
const spec = httpProbeSpec.parse({ type: 'http', url: 'http://127.0.0.1:1/', every: '200ms', timeout: '1s' });
const good = Object.fromEntries(FIGURES.map((name) => [name, name === 'success_rate' ? 1 : 10])) as Record<FigureName, number>;

function scene(troubles: Troubles = {}) {
  const room = virtualRoom(troubles);
  const { clock, bus, lifecycle, world } = room;
  const records: RunRecord[] = [];
  const createProbe = (): Probe => ({
    spec,
    describe: () => 'GET /',
    poll: async () => ({ at: clock.wall(), ok: true, latency: millis(10), error: '', figures: good }),
    [Symbol.asyncDispose]: async () => {},
  });
  const routes = { lent: 0 };
  const runs = new Runs({
    clock, bus, lifecycle, createProbe,
    history: {
      begin: () => {}, append: (record) => void records.push(record), list: () => [], get: () => undefined, notices: [],
      [Symbol.dispose]: () => {},
    },
    openRoutes: async (wanted) => {
      routes.lent++;
      return { routes: wanted, [Symbol.asyncDispose]: async () => void routes.lent-- };
    },
    takePlace: () => ({ [Symbol.dispose]: () => {} }),
    writeReports: async () => [],
    recovered: () => {},
    faultCounts: () => ({}),
    environment: () => ({}),
  });
  const policies = world.paths.map((target, index): Policy => ({
    name: `spoil-${index}`, type: 'folder', target, route: '', params: {}, place: { file: 'x.yaml', line: 1, column: 1 }, hash: index,
  }));
  const prepared: Prepared = {
    seed: 1,
    file: {
      version: 1, file: 'x.yaml', source: '', name: 'x', seed: 1, warmupDuration: millis(0), enableDefaultIgnored: true,
      ignoredCommands: {}, routes: [], policies,
      experiment: {
        hypothesis: 'h', blastRadius: 1, duration: millis(20_000), baseline: millis(5_000), recovery: millis(5_000),
        steadyState: [{ name: 'checkout', probe: spec, expect: 'success_rate >= 0.99' }], abort: null,
      },
    },
  };
  /** Starts the experiment; `over` waits for its outcome in virtual time. */
  const start = async (): Promise<{ over(): Promise<RunOutcome> }> => {
    const run = await runs.start(prepared, undefined);
    return { over: () => clock.runUntil(runs.outcome(run)) };
  };
  return { ...room, runs, records, routes, start };
}

for (const phase of ['steady-state', 'baseline'] as const) {
  test(`HALT before anything is injected (${phase}) is the last word: the run ends, and injects nothing`, async () => {
    using s = scene();
    const run = await s.start();
    await s.clock.advance(phase === 'baseline' ? 3_000 : 300);
    await s.clock.runUntil(s.lifecycle.halt('the test'));
    const { verdict, exitCode, reason, faults } = await run.over();
    assert.deepEqual([verdict, exitCode, faults], ['aborted', 3, []]);
    assert.match(reason, /HALT by the test/);
    assert.deepEqual(s.injector.calls, []);
    assert.equal(s.wire.halted, true, 'nothing has taken HALT back');
  });
}

test('HALT in the middle of the injection ends the run as aborted, with everything put back', async () => {
  const wait = Promise.withResolvers<void>();
  using s = scene({ injectWaits: wait.promise });
  const run = await s.start();
  await s.clock.advance(8_000);
  assert.deepEqual(s.injector.calls, ['inject one']);
  const halting = s.lifecycle.halt('the test');
  wait.resolve();
  await s.clock.runUntil(halting);
  const { verdict, exitCode, reverted, faults } = await run.over();
  assert.deepEqual([verdict, exitCode, reverted], ['aborted', 3, true]);
  assert.deepEqual(faults.map(({ state }) => state), ['clean', 'clean'], 'the report names what was put back');
  assert.equal(s.world.calm(), true);
});

test('what an injection that failed half-way left behind is residue, whatever the verdict', async () => {
  using s = scene({ injectHalfWay: true, revertFails: 99 });
  const run = await s.start();
  const { verdict, exitCode, reverted, reason } = await run.over();
  assert.deepEqual([verdict, exitCode, reverted], ['failed', 6, false]);
  assert.match(reason, /the disk went away/);
  assert.match(reason, /Not proven clean: spoil-0 on folder one/);
  assert.equal(s.world.calm(), false);
});

test('a fault that stopped biting half-way proves nothing, though every sample held', async () => {
  const troubles: Troubles = {};
  using s = scene(troubles);
  const run = await s.start();
  await s.clock.advance(15_000);
  troubles.neverBites = true;
  const { verdict, exitCode, reverted, reason, faults } = await run.over();
  assert.deepEqual([verdict, exitCode, reverted], ['inconclusive', 4, true]);
  assert.match(reason, /spoil-0 no longer had a measured effect/);
  assert.deepEqual(faults.map(({ effect }) => effect.bitten), [false, false]);
});

test('one measurement that misses the effect does not make a run inconclusive', async () => {
  const troubles: Troubles = {};
  using s = scene(troubles);
  const run = await s.start();
  await s.clock.advance(15_000);
  troubles.neverBites = true;
  await s.clock.advance(1_500);
  troubles.neverBites = false;
  assert.equal((await run.over()).verdict, 'held');
});
