import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, test } from 'node:test';
import { millis } from '../../kernel/brands.ts';
import { realClock } from '../../kernel/clock.ts';
import { type FaultRequest, type InjectContext, type Injector } from '../../kernel/fault.ts';
import { newFaultId, newRunId } from '../../kernel/random.ts';
import { planLimits } from '../../host/control-limits.ts';
import { cpuSeconds } from '../../host/cpu.ts';
import { cachedMB, noCacheDrop } from '../../host/memory.ts';
import { type ProcessInfo, readProcess } from '../../host/processes.ts';
import { spawnNode } from '../../host/spawn.ts';
import { resourceInjector } from './injector.ts';
import { resourceManifest, type ResourceParams } from './manifest.ts';
import { type ResourceUndo } from './plan.ts';

const unlimited = ((): string | false => {
  try {
    planLimits([readProcess(process.pid) as ProcessInfo], { memoryMB: 64, cores: 1, pids: 100 }, 'tried-by-tests');
    return false;
  } catch (error) {
    return error instanceof Error ? error.message : 'no control groups';
  }
})();

const parse = (raw: Record<string, unknown>): ResourceParams => resourceManifest.params.parse(raw);
function requestOf(target: string, raw: Record<string, unknown>, hold = 60_000): FaultRequest<ResourceParams> {
  return { run: newRunId(), policy: 'tight', type: 'resource', target, route: '', routes: [], ignored: [], params: parse(raw), seed: 1, hold: millis(hold) };
}

/** A program that does what it is told; see test-worker-child.ts. */
interface Worker extends AsyncDisposable {
  readonly pid: number;
  readonly word: string;
  /** Resolves with its answer, or '' when it has ended. */
  tell(order: string): Promise<string>;
}
async function startWorker(): Promise<Worker> {
  const word = `worker-${randomBytes(6).toString('hex')}`;
  const child = spawnNode(fileURLToPath(new URL('./test-worker-child.ts', import.meta.url)), [word], { role: 'worker', target: true, stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = once(child, 'exit').then(() => '');
  const lines = createInterface({ input: child.stdout as NonNullable<typeof child.stdout> });
  const answer = (): Promise<string> => Promise.race([once(lines, 'line').then(([line]) => String(line)), ended]);
  child.stdin?.on('error', () => {});
  await answer();
  return {
    pid: child.pid as number,
    word,
    tell: (order) => {
      const answered = answer();
      child.stdin?.write(`${order}\n`);
      return answered;
    },
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

interface Running {
  readonly injector: Injector<ResourceParams, ResourceUndo>;
  readonly undo: ResourceUndo;
  readonly context: InjectContext<ResourceParams, ResourceUndo>;
  readonly told: readonly string[];
}

/** Injects, lets the test look, and proves the revert through an injector that remembers nothing. */
async function withFault(target: string, raw: Record<string, unknown>, look: (running: Running) => Promise<void>, hold?: number): Promise<void> {
  const injector = resourceInjector(realClock);
  const request = requestOf(target, raw, hold);
  const [planned] = await injector.plan(request, AbortSignal.timeout(60_000));
  assert.ok(planned);
  const undo = injector.undo.parse(JSON.parse(JSON.stringify(planned.undo)));
  const before = await injector.fingerprint(undo);
  const told: string[] = [];
  const context = { fault: newFaultId(), request, signal: AbortSignal.timeout(60_000), amend: () => assert.fail('the record is complete'), injected: (text: string) => void told.push(text) };
  try {
    await injector.inject(undo, context);
    await look({ injector, undo, context, told });
  } finally {
    const afterCrash = resourceInjector(realClock);
    await afterCrash.revert(undo);
    assert.equal(await afterCrash.fingerprint(undo), before);
    assert.ok(undo.limits.every(({ group }) => !existsSync(group)));
    await injector.revert(undo);
  }
}

const code = (expected: string) => (error: unknown) => error instanceof Error && 'code' in error && error.code === expected;

describe('limits on processes', { skip: unlimited, timeout: 300_000 }, () => {
  test('memory: read back, and the kernel kills the target when it needs more', async () => {
    await using worker = await startWorker();
    await using other = await startWorker();
    await withFault(`cmd:${worker.word}`, { memoryLimitMB: 48 }, async ({ injector, undo, context, told }) => {
      const first = await injector.verify(undo, context);
      assert.equal(first.bitten, true, first.detail);
      assert.deepEqual(first.figures, [{ name: 'memory limit', unit: 'MB', requested: 48, delivered: 48, samples: 1 }]);
      assert.equal(await worker.tell('eat 8'), 'eat 8', 'it goes on as long as it stays below');
      assert.equal(await worker.tell('eat 200'), '', 'it was killed');
      const { bitten, detail } = await injector.verify(undo, context);
      assert.equal(bitten, true);
      assert.match(detail, /the limited processes have ended; the kernel killed 1 for lack of memory/);
      assert.match(told.join(), new RegExp(`the kernel killed process ${worker.pid} `));
      assert.equal(await other.tell('eat 200'), 'eat 200', 'others are as they were');
    });
  });

  test('processor: no more than asked, and in its own group again afterwards', async () => {
    await using worker = await startWorker();
    const groups = readProcess(worker.pid)?.groups;
    const used = async (): Promise<number> => {
      const [from, before] = [performance.now(), cpuSeconds(worker.pid) ?? 0];
      await worker.tell('burn 2000');
      return ((cpuSeconds(worker.pid) ?? 0) - before) / ((performance.now() - from) / 1_000);
    };
    await withFault(`cmd:${worker.word}`, { cpuLimit: 0.2 }, async ({ injector, undo, context }) => {
      const cores = await used();
      assert.ok(cores < 0.23, `used ${cores} cores`);
      const { bitten, figures: [figure], detail } = await injector.verify(undo, context);
      assert.deepEqual([bitten, figure?.requested, figure?.delivered], [true, 0.2, 0.2]);
      assert.match(detail, /was made to wait [1-9]\d* times/);
    });
    assert.deepEqual(readProcess(worker.pid)?.groups, groups);
  });

  test('processes: no more than asked can be started, and again afterwards', async () => {
    await using worker = await startWorker();
    const has = readProcess(worker.pid)?.threads ?? 0;
    await withFault(`cmd:${worker.word}`, { pidsLimit: has + 3 }, async ({ injector, undo, context }) => {
      assert.equal(await worker.tell('start 10'), 'start 7');
      assert.deepEqual((await injector.verify(undo, context)).figures[0]?.delivered, has + 3);
    });
    assert.equal(await worker.tell('start 5'), 'start 0');
  });

  test('a limit shorter than the fault is lifted in time, and keeps what was measured', async () => {
    await using worker = await startWorker();
    const before = readProcess(worker.pid)?.groups;
    await withFault(`cmd:${worker.word}`, { cpuLimit: 0.5, pidsLimit: 500, latencyDuration: '1500ms' }, async ({ injector, undo, context }) => {
      assert.equal((await injector.verify(undo, context)).bitten, true);
      for (let look = 0; look < 400 && undo.limits.some(({ group }) => existsSync(group)); look++) await realClock.sleep(10);
      assert.deepEqual(readProcess(worker.pid)?.groups, before);
      const { bitten, detail } = await injector.verify(undo, context);
      assert.equal(bitten, true);
      assert.match(detail, /the attack is over/);
    });
  });

  test('plan lists who is limited, and refuses what is unsafe', async () => {
    await using worker = await startWorker();
    const injector = resourceInjector(realClock);
    const plan = (target: string, raw: Record<string, unknown>) => injector.plan(requestOf(target, raw), AbortSignal.timeout(60_000));
    const plans = await plan(`cmd:${worker.word}`, { memoryLimitMB: 64, ramMB: 8 });
    assert.deepEqual(plans.map(({ undo }) => [undo.ram !== null, undo.limits.length]), [[true, 0], [false, 1]], 'the load and the limit are two targets');
    assert.match(plans[1]?.action ?? '', new RegExp(`^keep ${worker.pid} \\(node\\) to 64 MB of memory`));
    await assert.rejects(plan('host/system', { cpuLimit: 1 }), code('bad-target'));
    await assert.rejects(plan('pid:1', { cpuLimit: 1 }), code('protected-target'));
    await assert.rejects(plan(`pid:${process.pid}`, { memoryLimitMB: 64 }), code('protected-target'));
    assert.deepEqual(await plan('name:no-such-program-anywhere', { cpuLimit: 1 }), []);
  });
});

test('spikes: held, given back, held again', { skip: resourceInjector(realClock).unavailable() || false, timeout: 300_000 }, async () => {
  await withFault('', { ramMB: 64, ramSpike: '600ms', ramInterval: '600ms' }, async ({ injector, undo, context }) => {
    const seen: number[] = [];
    for (let look = 0; look < 200 && seen.filter((mb, at) => mb > 48 && (seen[at - 1] ?? 0) < 24).length < 3; look++) {
      const { bitten, figures: [figure], detail } = await injector.verify(undo, context);
      assert.deepEqual([figure?.name, figure?.requested, bitten], ['memory, highest', 64, true], detail);
      seen.push(Number(/holds (\d+) MB/.exec(detail)?.[1]));
      await realClock.sleep(100);
    }
    assert.ok(seen.some((mb) => mb < 24), `never given back: ${seen.join(' ')}`);
    assert.ok(seen.filter((mb, at) => mb > 48 && (seen[at - 1] ?? 0) < 24).length >= 3, `no second spike: ${seen.join(' ')}`);
  });
});

test('caches: dropped once, only when the whole machine is allowed', { skip: noCacheDrop() || false }, async () => {
  assert.deepEqual(resourceManifest.check?.(parse({ dropCaches: true })).map(({ field }) => field), ['dropCaches']);
  const before = cachedMB();
  await withFault('', { dropCaches: true, allowHost: true }, async ({ injector, undo, context }) => {
    const { bitten, figures: [figure] } = await injector.verify(undo, context);
    assert.equal(bitten, true);
    assert.ok((figure?.delivered ?? 0) > 0 && Math.abs((figure?.requested ?? 0) - before) < before * 0.2 + 64);
  });
});

test('the manifest: weights, remarks, rights and plain words of limits', () => {
  assert.equal(resourceManifest.severity(parse({ memoryLimitMB: 64 })), 0.7);
  assert.equal(resourceManifest.severity(parse({ cpuLimit: 0.5 })), 0.4);
  assert.deepEqual(resourceManifest.remarks(parse({ memoryLimitMB: 64 })), ['irreversible']);
  assert.equal(resourceManifest.noop(parse({ pidsLimit: 64 })), false);
  assert.deepEqual([{ pidsLimit: 1 }, { dropCaches: true }, { ramMB: 8 }].map((raw) => resourceManifest.needsRoot?.(parse(raw))), [true, true, false]);
  assert.deepEqual(resourceManifest.check?.(parse({ ramSpike: '1s', cpuLimit: 0.001 })).map(({ field }) => field), ['ramSpike', 'cpuLimit']);
  assert.equal(resourceManifest.explain(parse({ cpuLimit: 0.5, memoryLimitMB: 64 }), 'name:api'), 'Keeps each process that matches name:api to 64 MB of memory and 0.5 cores.');
});
