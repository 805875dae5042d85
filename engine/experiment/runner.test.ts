import assert from 'node:assert/strict';
import { test } from 'node:test';
import { millis } from '../kernel/brands.ts';
import { VirtualClock } from '../kernel/clock.ts';
import { FIGURES, type FigureName, type Probe, httpProbeSpec } from '../kernel/probe.ts';
import { newRunId } from '../kernel/random.ts';
import { type FaultReport, type RunRecord } from '../contract/models.ts';
import { type FaultSet, type Lifecycle } from '../lifecycle/lifecycle.ts';
import { type FirebreakFile } from '../policy/file.ts';
import { createBus } from '../telemetry/bus.ts';
import { runExperiment } from './runner.ts';

/** A system whose success rate the test scripts, and a fault that breaks it while it is in. */
interface World {
  healthy: number;
  faulty: number | null;
  bites: boolean;
  reverts: boolean;
  injectFails: boolean;
  injected: boolean;
  reverted: number;
  end: (why: 'hold-over' | 'lease-lost' | 'halted') => void;
}

const figures = (success: number | null): Record<FigureName, number | null> =>
  Object.fromEntries(FIGURES.map((name) => [name, name === 'success_rate' ? success : success === null ? null : 10])) as Record<FigureName, number | null>;

function scene(changes: Partial<World> = {}, file: Partial<FirebreakFile> = {}) {
  const clock = new VirtualClock();
  const bus = createBus(clock);
  const world: World = {
    healthy: 1, faulty: 1, bites: true, reverts: true, injectFails: false, injected: false, reverted: 0, end: () => {}, ...changes,
  };
  const report = (): FaultReport => ({
    id: 'f-000000000000', policy: 'slow', type: 'http', target: '/charge', explain: '', action: '', inverse: '', reversible: true,
    state: world.injected ? 'active' : world.reverts ? 'clean' : 'unconfirmed', injectedAt: 0, revertedAt: null, leaseUntil: null,
    effect: { bitten: world.bites, detail: 'no request reached /charge', figures: [] },
    before: 'a', after: 'a', reverted: !world.injected && world.reverts, note: '',
  });
  const set: FaultSet = {
    reports: () => [report()],
    stopped: () => [],
    verified: async () => {
      await clock.sleep(300);
      return world.bites ? 'bitten' : 'inconclusive';
    },
    revert: async () => {
      world.injected = false;
      world.reverted++;
      return [report()];
    },
    ended: new Promise((resolve) => (world.end = resolve)),
    [Symbol.asyncDispose]: async () => {},
  };
  const lifecycle: Pick<Lifecycle, 'plan' | 'start'> = {
    plan: async () => [],
    start: async () => {
      if (world.injectFails) throw new Error('the port is gone');
      world.injected = true;
      return set;
    },
  };
  const spec = httpProbeSpec.parse({ type: 'http', url: 'http://127.0.0.1:1/', every: '200ms', timeout: '1s' });
  const createProbe = (): Probe => ({
    spec,
    describe: () => 'GET /',
    poll: async () => {
      const success = world.injected ? world.faulty : world.healthy;
      return { at: clock.wall(), ok: success === 1, latency: millis(10), error: success === 1 ? '' : 'HTTP 503', figures: figures(success) };
    },
    [Symbol.asyncDispose]: async () => {},
  });
  const experiment = {
    hypothesis: 'h', blastRadius: 1 as const, duration: millis(20_000), baseline: millis(5_000), recovery: millis(10_000),
    steadyState: [{ name: 'checkout', probe: spec, expect: 'success_rate >= 0.99' }],
    abort: { when: 'success_rate < 0.95', for: millis(3_000) },
  };
  const whole: FirebreakFile = {
    version: 1, file: 'x.yaml', source: '', name: 'x', seed: 1, warmupDuration: millis(0), enableDefaultIgnored: true,
    ignoredCommands: {}, routes: [], policies: [], experiment, ...file,
  };
  const stop = new AbortController();
  const go = (): Promise<RunRecord> =>
    runExperiment(
      { run: newRunId(), file: whole, experiment: whole.experiment ?? experiment, seed: 1, requests: [] },
      { clock, bus, lifecycle, createProbe, faultCounts: () => ({}), environment: {} },
      stop.signal,
    );
  return { clock, bus, world, stop, go, experiment };
}

const phases = (record: RunRecord): string[] => record.phases.map(({ name }) => name);

test('a hypothesis that holds: every phase in order, everything reverted, exit 0', async () => {
  const { clock, go, world } = scene();
  const record = await clock.runUntil(go());
  assert.equal(record.verdict, 'held');
  assert.equal(record.exitCode, 0);
  assert.deepEqual(phases(record), ['steady-state', 'baseline', 'inject', 'observe', 'revert', 'recovery', 'analysis']);
  assert.ok(record.phases.every(({ start, end }) => end !== null && end >= start));
  assert.equal(world.reverted, 1);
  assert.ok(record.reverted);
  const observe = record.phases[3];
  assert.ok(observe !== undefined && (observe.end ?? 0) - observe.start >= 20_000);
  assert.ok(record.series.length >= 20);
});

test('a breach of the expectation without an abort condition met: refuted, and the first broken sample is named', async () => {
  const { clock, go } = scene({ faulty: 0.97 });
  const record = await clock.runUntil(go());
  assert.equal(record.verdict, 'refuted');
  assert.equal(record.exitCode, 1);
  assert.equal(record.breach?.figures['success_rate'], 0.97);
});

test('the abort condition, held for its time, ends the run within one poll of it', async () => {
  const { clock, go, world, bus } = scene({ faulty: 0.3 });
  const record = await clock.runUntil(go());
  assert.equal(record.verdict, 'aborted');
  assert.equal(record.exitCode, 3);
  assert.equal(world.reverted, 1);
  const first = record.samples.find(({ figures: { success_rate: rate } }) => rate === 0.3);
  const revert = record.phases.find(({ name }) => name === 'revert');
  assert.ok(first !== undefined && revert !== undefined);
  const late = revert.start - first.at - 3_000;
  assert.ok(late >= 0 && late <= 200, `aborted ${late} ms after the condition had held for 3 s`);
  assert.match(record.reason, new RegExp(`sample ${record.breach?.seq}`));
  assert.ok(bus.recent().some(({ body }) => body.kind === 'breach'));
});

test('a dip shorter than the hold does not abort', async () => {
  const { clock, go, world, experiment } = scene({}, {});
  const running = go();
  await clock.advance(experiment.baseline + 5_000);
  world.faulty = 0.5;
  await clock.advance(2_500);
  world.faulty = 1;
  const record = await clock.runUntil(running);
  assert.equal(record.verdict, 'refuted');
});

test('a fault that does not bite is inconclusive, and is reverted', async () => {
  const { clock, go, world } = scene({ bites: false });
  const record = await clock.runUntil(go());
  assert.equal(record.verdict, 'inconclusive');
  assert.equal(record.exitCode, 4);
  assert.equal(world.reverted, 1);
  assert.match(record.reason, /no request reached/);
  assert.ok(!phases(record).includes('observe'));
});

test('a steady state that does not hold beforehand: nothing is injected, exit 1, and the reason', async () => {
  const { clock, go, world } = scene({ healthy: 0.5 });
  const record = await clock.runUntil(go());
  assert.equal(record.verdict, 'refuted');
  assert.equal(record.exitCode, 1);
  assert.deepEqual(record.faults, []);
  assert.equal(world.reverted, 0);
  assert.match(record.reason, /Nothing was injected/);
  assert.match(record.reason, /success_rate 0\.5/);
});

test('figures that nobody measured under fault prove nothing', async () => {
  const { clock, go } = scene({ faulty: null });
  const record = await clock.runUntil(go());
  assert.equal(record.verdict, 'inconclusive');
});

test('HALT ends the run as aborted', async () => {
  const { clock, go, world } = scene();
  const running = go();
  await clock.advance(12_000);
  assert.ok(world.injected);
  world.end('halted');
  const record = await clock.runUntil(running);
  assert.equal(record.verdict, 'aborted');
  assert.match(record.reason, /HALT/);
  assert.equal(world.reverted, 1);
});

for (const at of [100, 3_000, 6_600, 15_000]) {
  test(`an abort by the user ${at} ms into the run leaves nothing injected`, async () => {
    const { clock, go, world, stop } = scene();
    const running = go();
    await clock.advance(at);
    stop.abort(new Error('Ctrl-C'));
    const record = await clock.runUntil(running);
    assert.equal(record.verdict, 'aborted');
    assert.equal(record.exitCode, 3);
    assert.match(record.reason, /Ctrl-C/);
    assert.equal(world.injected, false);
  });
}

test('an injection that fails is the verdict failed, exit 5', async () => {
  const { clock, go } = scene({ injectFails: true });
  const record = await clock.runUntil(go());
  assert.equal(record.verdict, 'failed');
  assert.equal(record.exitCode, 5);
  assert.match(record.reason, /the port is gone/);
});

test('residue outranks the verdict: exit 6', async () => {
  const { clock, go } = scene({ reverts: false });
  const record = await clock.runUntil(go());
  assert.equal(record.verdict, 'held');
  assert.equal(record.exitCode, 6);
  assert.equal(record.reverted, false);
  assert.match(record.reason, /Not proven clean/);
});

test('no fault fires before the warm-up has passed', async () => {
  const { clock, go, world } = scene({}, { warmupDuration: millis(9_000) });
  const running = go();
  await clock.advance(9_500);
  assert.equal(world.injected, false);
  const record = await clock.runUntil(running);
  assert.equal(record.verdict, 'held');
});

test('recovery time is measured from the revert to the first good poll', async () => {
  const { clock, go, world } = scene();
  const running = go();
  await clock.advance(26_500);
  world.healthy = 0.2;
  await clock.advance(1_500);
  const back = clock.wall();
  world.healthy = 1;
  const record = await clock.runUntil(running);
  const revert = record.phases.find(({ name }) => name === 'revert');
  assert.ok(record.recoveryMs !== null && revert?.end !== undefined && revert.end !== null);
  assert.ok(Math.abs(record.recoveryMs - (back - revert.end)) <= 1_500, `recovery ${record.recoveryMs} ms`);
});
