import assert from 'node:assert/strict';
import { test } from 'node:test';
import { millis } from '../../kernel/brands.ts';
import { realClock } from '../../kernel/clock.ts';
import { type FaultRequest, type InjectContext } from '../../kernel/fault.ts';
import { newFaultId, newRunId } from '../../kernel/random.ts';
import { residentMB } from '../../host/memory.ts';
import { resourceInjector } from './injector.ts';
import { resourceManifest, type ResourceParams } from './manifest.ts';
import { type MachineRoom, planResource, type ResourceUndo } from './plan.ts';

const injector = resourceInjector(realClock);
const here = { skip: injector.unavailable() || false };
const parse = (raw: Record<string, unknown>): ResourceParams => resourceManifest.params.parse(raw);

function requestOf(raw: Record<string, unknown>, hold = 20_000): FaultRequest<ResourceParams> {
  return {
    run: newRunId(), policy: 'burn', type: 'resource', target: '', route: '', routes: [], ignored: [],
    params: parse(raw), seed: 1, hold: millis(hold),
  };
}

interface Running {
  readonly undo: ResourceUndo;
  readonly context: InjectContext<ResourceParams, ResourceUndo>;
  readonly before: string;
}

/** Injects, lets the test look, reverts whatever happened, and proves the revert. */
async function withFault(raw: Record<string, unknown>, look: (running: Running) => Promise<void>, hold?: number): Promise<void> {
  const request = requestOf(raw, hold);
  const [planned] = await injector.plan(request, AbortSignal.timeout(60_000));
  assert.ok(planned);
  const undo = injector.undo.parse(JSON.parse(JSON.stringify(planned.undo)));
  const before = await injector.fingerprint(undo);
  const context = {
    fault: newFaultId(), request, signal: AbortSignal.timeout(30_000), amend: () => assert.fail('the record is complete'), injected: () => {},
  };
  try {
    await injector.inject(undo, context);
    assert.notEqual(await injector.fingerprint(undo), before, 'the fingerprint sees the fault');
    await look({ undo, context, before });
  } finally {
    await injector.revert(undo);
    assert.equal(await injector.fingerprint(undo), before, 'nothing is left');
    await injector.revert(undo);
  }
}

test('one core at a load: delivered as asked, gone after revert', here, async () => {
  await withFault({ cpuCores: 1, cpuLoad: 0.5 }, async ({ undo, context }) => {
    await injector.inject(undo, context);
    await injector.verify(undo, context);
    const effect = await injector.verify(undo, context);
    assert.equal(effect.bitten, true, effect.detail);
    const [figure] = effect.figures;
    assert.equal(figure?.requested, 0.5);
    assert.equal(figure?.samples, 2);
    assert.ok(Math.abs((figure?.delivered ?? 0) - 0.5) < 0.1, `delivered ${figure?.delivered}`);
  });
});

test('a burner reverted by another injector, as after a crash', here, async () => {
  await withFault({ cpuCores: 1, cpuLoad: 0.1 }, async ({ undo, context, before }) => {
    const other = resourceInjector(realClock);
    await other.revert(undo);
    assert.equal(await other.fingerprint(undo), before);
    const effect = await injector.verify(undo, context);
    assert.equal(effect.bitten, false, 'what has ended does not count as delivered');
    assert.match(effect.detail, /has ended/);
  });
});

test('memory is resident, measured from outside, and is given back', here, async () => {
  await withFault({ ramMB: 96 }, async ({ undo, context }) => {
    const effect = await injector.verify(undo, context);
    assert.equal(effect.bitten, true, effect.detail);
    const delivered = effect.figures[0]?.delivered ?? 0;
    assert.ok(delivered >= 96 && delivered < 96 * 1.1, `delivered ${delivered} MB`);
    const pid = Number(/process (\d+)/.exec(effect.detail)?.[1]);
    await injector.revert(undo);
    assert.equal(residentMB(pid), undefined, 'the process that held it is gone');
  });
});

test('a leak grows by its chunk and stops where it was told', here, async () => {
  await withFault({ ramChunkMB: 8, ramInterval: '100ms', ramMB: 24 }, async ({ undo, context }) => {
    let requested = 0;
    let delivered = 0;
    for (let look = 0; look < 100 && requested < 24; look++) {
      const effect = await injector.verify(undo, context);
      const figure = effect.figures[0];
      assert.equal((figure?.requested ?? 1) % 8, 0);
      [requested, delivered] = [figure?.requested ?? 0, figure?.delivered ?? 0];
      await realClock.sleep(50);
    }
    assert.equal(requested, 24);
    assert.ok(delivered >= 24 && delivered < 40, `delivered ${delivered} MB`);
  });
});

test('an attack shorter than the fault ends by itself and keeps what was measured', here, async () => {
  await withFault({ cpuCores: 1, cpuLoad: 0.3, latencyDuration: '1500ms' }, async ({ undo, context, before }) => {
    assert.equal(undo.endsEarly, true);
    assert.equal((await injector.verify(undo, context)).bitten, true);
    for (let look = 0; look < 400 && (await injector.fingerprint(undo)) !== before; look++) await realClock.sleep(10);
    assert.equal(await injector.fingerprint(undo), before);
    const effect = await injector.verify(undo, context);
    assert.equal(effect.bitten, true);
    assert.match(effect.detail, /the attack is over/);
  });
});

const roomy: MachineRoom = { cores: 4, available: 16_000, reserve: 1_600, taken: 0 };
const planOf = (raw: Record<string, unknown>, room: Partial<MachineRoom> = {}, hold = 20_000): ResourceUndo =>
  planResource(requestOf(raw, hold), { ...roomy, ...room }, 'token-token');
const code = (expected: string) => (error: unknown) => error instanceof Error && 'code' in error && error.code === expected;

test('the parameters come to a load and cores', () => {
  assert.deepEqual(planOf({ cpuCores: 2 }).cpu, { cores: 2, load: 1 });
  assert.deepEqual(planOf({ cpuLoad: 0.3 }).cpu, { cores: 4, load: 0.3 });
  assert.deepEqual(planOf({ throttleThreshold: 50_000 }).cpu, { cores: 4, load: 0.5 });
  assert.deepEqual(planOf({ throttleThreshold: 10_000_000 }).cpu, { cores: 4, load: 1 });
  assert.equal(planOf({ ramMB: 10 }).cpu, null);
  assert.throws(() => planOf({ latencyDuration: '10s' }), code('nothing-to-do'));
  assert.throws(() => planOf({ cpuCores: 5 }), code('not-enough-cores'));
});

test('the ceiling covers all memory faults of the machine, and the reserve stays free', () => {
  assert.deepEqual(planOf({ ramMB: 4_096 }).ram, { cap: 4_096, chunk: 4_096, interval: 0, spike: 0 });
  assert.throws(() => planOf({ ramMB: 3_000 }, { taken: 1_200 }), code('ram-ceiling'));
  assert.throws(() => planOf({ ramMB: 3_000 }, { available: 4_000, reserve: 1_001 }), code('ram-reserve'));
  assert.throws(() => planOf({ ramChunkMB: 600 }, { available: 1_000, reserve: 512 }), code('ram-reserve'));
  assert.throws(() => planOf({ ramChunkMB: 100 }, { taken: 4_096 }), code('ram-ceiling'));
  assert.deepEqual(planOf({ ramChunkMB: 64 }, {}, 30_000).ram, { cap: 31 * 64, chunk: 64, interval: 1_000, spike: 0 });
  assert.deepEqual(planOf({ ramChunkMB: 64 }, {}, 3_600_000).ram, { cap: 4_096, chunk: 64, interval: 1_000, spike: 0 });
  assert.deepEqual(planOf({ ramChunkMB: 64, ramInterval: 0, ramMB: 128 }).ram, { cap: 128, chunk: 64, interval: 1_000, spike: 0 });
  assert.deepEqual(planOf({ ramChunkMB: 64 }, { available: 2_000 }, 3_600_000).ram, { cap: 400, chunk: 64, interval: 1_000, spike: 0 });
});

test('the manifest: weights, remarks and plain words', () => {
  const severity = (raw: Record<string, unknown>): number => resourceManifest.severity(parse(raw));
  assert.equal(severity({ ramChunkMB: 255 }), 0.2);
  assert.equal(severity({ ramChunkMB: 256 }), 0.5);
  assert.equal(severity({ ramMB: 1_024 }), 0.9);
  assert.equal(severity({ throttleThreshold: 99_999 }), 0.4);
  assert.equal(severity({ throttleThreshold: 100_000 }), 0.8);
  assert.equal(severity({ cpuCores: 1 }), 0.8);
  assert.equal(severity({ cpuLoad: 0.5 }), 0.4);
  assert.deepEqual(resourceManifest.remarks(parse({ ramMB: 2_000, cpuCores: 1 })), ['oom', 'cpu-lock']);
  assert.equal(resourceManifest.noop(parse({ latencyDuration: '10s' })), true);
  assert.equal(resourceManifest.noop(parse({ cpuLoad: 0.1 })), false);
  assert.equal(resourceManifest.explain(parse({ cpuCores: 1, cpuLoad: 0.8, latencyDuration: '30s' }), ''), 'Loads 1 core of this machine to 80 % for 30s.');
});
