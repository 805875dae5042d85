import assert from 'node:assert/strict';
import { test } from 'node:test';
import { millis } from '../kernel/brands.ts';
import { FIGURES, type FigureName, type Probe, httpProbeSpec } from '../kernel/probe.ts';
import { type RunOutcome } from '../contract/api.ts';
import { type FaultReport, type RunRecord } from '../contract/models.ts';
import { type Troubles, virtualRoom } from '../lifecycle/test-parts.ts';
import { type Policy } from '../policy/file.ts';
import { type Prepared } from './prepare.ts';
import { Runs } from './runs.ts';
import { unlessStopped } from './verdict.ts';

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
    inForce: () => {},
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

test('a fault stopped by hand is told, the others go on, and nothing is claimed for what held without it', async () => {
  using s = scene();
  const run = await s.start();
  await s.clock.advance(15_000);
  const id = s.lifecycle.reports().find(({ policy }) => policy === 'spoil-0')?.id ?? '';
  assert.equal(await s.clock.runUntil(s.lifecycle.stopFault(id, 'too loud')), true);
  assert.deepEqual(s.lifecycle.reports().map(({ state }) => state), ['clean', 'active']);
  const { verdict, exitCode, reverted, reason } = await run.over();
  assert.deepEqual([verdict, exitCode, reverted], ['inconclusive', 4, true]);
  assert.equal(reason, 'Before the observation was over, spoil-0 on folder one was stopped by hand: too loud. Nothing is claimed.');
  const timeline = s.records[0]?.timeline.map(({ text }) => text) ?? [];
  assert.ok(timeline.includes('spoil-0 on folder one: clean (stopped by hand: too loud)'), timeline.join('\n'));
  assert.equal(s.world.calm(), true);
});

test('a run whose last fault was stopped by hand is over: aborted, and it says who was stopped why', async () => {
  using s = scene();
  const run = await s.start();
  await s.clock.advance(15_000);
  for (const { id } of s.lifecycle.reports()) await s.clock.runUntil(s.lifecycle.stopFault(id, 'seen enough'));
  const { verdict, exitCode, reverted, reason, faults } = await run.over();
  assert.deepEqual([verdict, exitCode, reverted], ['aborted', 3, true]);
  assert.match(reason, /^Aborted: nothing was injected any more\. During the run, spoil-0 on folder one was stopped by hand: seen enough; spoil-1 /);
  assert.deepEqual(faults.map(({ state }) => state), ['clean', 'clean']);
  assert.equal(s.world.calm(), true);
});

test('a hypothesis that a stopped fault did not save is refuted all the same, and the reader hears of the stop', () => {
  const [stopped] = [{ policy: 'slow', target: 'route r /', note: 'stopped by hand: too loud' }] as FaultReport[];
  const refuted = { verdict: 'refuted', reason: 'It broke.', breach: null } as const;
  assert.deepEqual(unlessStopped(refuted, [stopped as FaultReport]), {
    ...refuted, reason: 'It broke. During the run, slow on route r / was stopped by hand: too loud.',
  });
});
