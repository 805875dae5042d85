import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { contextOf, faultLife, faultRequest } from '../../../test/support/fault-life.ts';
import { BPF_ROLE, noTrace, startTrace, STRACE_ROLE, TRACE_ROLE, tracerOf } from '../../host/call-errors.ts';
import { findHeld } from '../../host/held.ts';
import { readProcess } from '../../host/processes.ts';
import { temporary } from '../../lifecycle/test-parts.ts';
import { millis } from '../../kernel/brands.ts';
import { realClock } from '../../kernel/clock.ts';
import { type Effect, type FaultRequest } from '../../kernel/fault.ts';
import { kernelInjector } from './injector.ts';
import { kernelManifest, type KernelParams } from './manifest.ts';
import { planOver } from './plan.ts';
import { type App, startApp } from './test-app.ts';

const injector = kernelInjector({ clock: realClock });
const params = (fields: Record<string, unknown>): KernelParams => kernelManifest.params.parse(fields);
const noRoot = process.geteuid?.() === 0 ? '' : 'BPF and tracing need root';
const bpf = { skip: noRoot || injector.unavailable(params({})) || false, timeout: 120_000 };
const trace = { skip: noRoot || noTrace() || false, timeout: 120_000 };

const requestFor = (app: App, fields: Record<string, unknown>): FaultRequest<KernelParams> =>
  faultRequest<KernelParams>(kernelManifest, fields, { target: `cmd:${app.word}`, hold: millis(60_000) });
const ratioOf = ({ figures: [figure] }: Effect): { requested: number; delivered: number; samples: number } => {
  assert.ok(figure !== undefined && figure.requested !== null && figure.delivered !== null);
  return { requested: figure.requested, delivered: figure.delivered, samples: figure.samples };
};
/** What is told of calls lags behind them by a moment. */
async function toldOf(injected: () => Promise<Effect>, samples: number): Promise<Effect> {
  for (;;) {
    const effect = await injected();
    if ((effect.figures[0]?.samples ?? 0) >= samples) return effect;
    await realClock.sleep(20);
  }
}
/** The group of a process, in every tree. */
const groupsOf = ({ pid }: App): string => readFileSync(`/proc/${pid}/cgroup`, 'utf8');

async function listening(): Promise<{ readonly port: number } & AsyncDisposable> {
  const server = createServer((socket) => socket.on('error', () => {}).end());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { port: (server.address() as AddressInfo).port, [Symbol.asyncDispose]: async () => void (await new Promise((resolve) => server.close(resolve))) };
}

/** The whole life of the fault, during which `act` runs; then the program must be where it was, and nothing may be left. */
async function struck(app: App, fields: Record<string, unknown>, act: () => Promise<void>, samples: number): Promise<Effect> {
  const request = requestFor(app, fields);
  const before = groupsOf(app);
  let token = '';
  const noting: typeof injector = {
    ...injector,
    plan: async (asked, signal) => {
      const plans = await injector.plan(asked, signal);
      token = plans[0]?.undo.token ?? '';
      return plans;
    },
    verify: (undo, context) => (samples > 0 && findHeld(BPF_ROLE, token).length + findHeld(TRACE_ROLE, token).length > 0 ? toldOf(() => injector.verify(undo, context), samples) : injector.verify(undo, context)),
  };
  const effect = await faultLife(noting, request, act);
  assert.equal(groupsOf(app), before);
  for (const role of [BPF_ROLE, TRACE_ROLE, STRACE_ROLE]) assert.deepEqual(findHeld(role, token), []);
  return effect;
}

describe('calls at sockets', bpf, () => {
  test('connections of one process fail with the error that was chosen, and those of another do not', async () => {
    await using app = await startApp();
    await using other = await startApp();
    await using server = await listening();
    await using elsewhere = await listening();
    const effect = await struck(app, { action: 'connect', errno: 'ETIMEDOUT', port: server.port }, async () => {
      assert.deepEqual(await app.does(`connect ${server.port} 3`), ['ETIMEDOUT', 'ETIMEDOUT', 'ETIMEDOUT']);
      assert.deepEqual(await app.does(`connect ${elsewhere.port}`), ['ok'], 'another port');
      assert.deepEqual(await other.does(`connect ${server.port}`), ['ok'], 'another process');
    }, 3);
    assert.deepEqual([effect.bitten, ratioOf(effect)], [true, { requested: 1, delivered: 1, samples: 3 }]);
    assert.deepEqual(await app.does(`connect ${server.port}`), ['ok']);
  });

  test('a chance strikes its share', async () => {
    await using app = await startApp();
    await using server = await listening();
    let failed = 0;
    const effect = await struck(app, { action: 'connect', probability: 0.3 }, async () => {
      failed = (await app.does(`connect ${server.port} 1000`)).filter((said) => said === 'ECONNREFUSED').length;
    }, 1_000);
    assert.deepEqual(ratioOf(effect), { requested: 0.3, delivered: failed / 1_000, samples: 1_000 });
    // Five standard deviations of 1000 throws.
    assert.ok(Math.abs(failed / 1_000 - 0.3) < 0.073, `${failed} of 1000`);
  });

  test('a program can neither listen nor make sockets', async () => {
    await using app = await startApp();
    await struck(app, { action: 'bind' }, async () => assert.deepEqual(await app.does('bind 0'), ['EADDRINUSE']), 1);
    await struck(app, { action: 'socket' }, async () => assert.deepEqual(await app.does('bind 0'), ['EMFILE']), 1);
    assert.deepEqual(await app.does('bind 0'), ['ok']);
  });

  test('packets of a port are dropped, in either direction', async () => {
    await using app = await startApp();
    await using server = await listening();
    for (const direction of ['egress', 'ingress', 'both']) {
      await struck(app, { action: 'packet', direction, port: server.port }, async () => {
        assert.deepEqual(await app.does(`connect ${server.port}`), ['silence'], direction);
      }, 1);
    }
    assert.deepEqual(await app.does(`connect ${server.port}`), ['ok']);
  });

  test('what is killed with -9 strikes nothing any more, and leaves an empty mark that revert removes', async () => {
    await using app = await startApp();
    await using server = await listening();
    const request = requestFor(app, { action: 'connect' });
    const [plan] = await injector.plan(request, AbortSignal.timeout(60_000));
    assert.ok(plan);
    const context = contextOf(request);
    try {
      await injector.inject(plan.undo, context);
      assert.deepEqual(await app.does(`connect ${server.port}`), ['ECONNREFUSED']);
      while (!(await injector.verify(plan.undo, context)).bitten) await realClock.sleep(20);
      const [holder] = findHeld(BPF_ROLE, plan.undo.token);
      assert.ok(holder);
      process.kill(holder.pid, 'SIGKILL');
      while ((await app.does(`connect ${server.port}`))[0] !== 'ok') await realClock.sleep(20);
      let effect = await injector.verify(plan.undo, context);
      for (; !/has ended/.test(effect.detail); effect = await injector.verify(plan.undo, context)) await realClock.sleep(20);
      assert.equal(effect.bitten, false, 'what was struck before is no sign of a fault that goes on');
      assert.ok(existsSync(plan.undo.taken[0]?.group ?? ''));
    } finally {
      await kernelInjector({ clock: realClock }).revert(plan.undo);
    }
    assert.equal(existsSync(plan.undo.taken[0]?.group ?? ''), false);
  });

  test('two faults cannot hold one process', async () => {
    await using app = await startApp();
    await struck(app, { action: 'bind' }, async () => {
      await assert.rejects(injector.plan(requestFor(app, { action: 'connect' }), AbortSignal.timeout(60_000)), /is held by another fault of Firebreak/);
    }, 0);
  });
});

describe('calls by name', trace, () => {
  test('reading a file fails, other files and other processes do not', async () => {
    using dir = temporary();
    const file = join(dir.path, 'data');
    const free = join(dir.path, 'free');
    for (const path of [file, free]) writeFileSync(path, 'content');
    await using app = await startApp();
    await using other = await startApp();
    const effect = await struck(app, { action: 'call', calls: 'read', path: file }, async () => {
      assert.deepEqual(await app.does(`read ${file} 2`), ['EIO', 'EIO']);
      assert.deepEqual(await app.does(`read ${free}`), ['ok']);
      assert.deepEqual(await other.does(`read ${file}`), ['ok']);
    }, 2);
    assert.deepEqual(ratioOf(effect), { requested: 1, delivered: 1, samples: 2 });
    assert.deepEqual(await app.does(`read ${file}`), ['ok']);
  });

  test('every third write finds the disk full', async () => {
    using dir = temporary();
    const file = join(dir.path, 'data');
    writeFileSync(file, '');
    await using app = await startApp();
    const effect = await struck(app, { action: 'call', calls: 'write,pwrite64', path: file, errno: 'ENOSPC', every_nth: 3, everyNth: 3 }, async () => {
      assert.deepEqual(await app.does(`write ${file} 6`), ['ok', 'ok', 'ENOSPC', 'ok', 'ok', 'ENOSPC']);
    }, 6);
    assert.equal(statSync(file).size, 4);
    assert.deepEqual(ratioOf(effect), { requested: 1 / 3, delivered: 1 / 3, samples: 6 });
  });

  test('calls are delayed by what was asked for', async () => {
    using dir = temporary();
    const file = join(dir.path, 'data');
    writeFileSync(file, 'content');
    await using app = await startApp();
    await struck(app, { action: 'call', calls: 'read', path: file, delay: '300ms' }, async () => {
      const began = realClock.now();
      assert.deepEqual(await app.does(`read ${file} 3`), ['ok', 'ok', 'ok']);
      assert.ok(realClock.now() - began >= 900);
    }, 3);
  });

  test('a tracer that is killed with -9 lets go, and one that somebody else has put there is left alone', async () => {
    await using app = await startApp();
    const request = requestFor(app, { action: 'call', calls: 'openat' });
    const [plan] = await injector.plan(request, AbortSignal.timeout(60_000));
    assert.ok(plan);
    try {
      await injector.inject(plan.undo, contextOf(request));
      await assert.rejects(injector.plan(request, AbortSignal.timeout(60_000)), /is traced by process \d+ already/);
      const [holder] = findHeld(TRACE_ROLE, plan.undo.token);
      assert.ok(holder);
      // strace has lost its reader, and dies of that.
      process.kill(holder.pid, 'SIGKILL');
      while ((await app.does('read /dev/null'))[0] !== 'ok') await realClock.sleep(20);
    } finally {
      await kernelInjector({ clock: realClock }).revert(plan.undo);
    }
    assert.deepEqual(await app.does('read /dev/null'), ['ok']);
    const foreign = spawn('strace', ['-p', String(app.pid), '-o', '/dev/null'], { stdio: ['ignore', 'ignore', 'pipe'] });
    try {
      await once(foreign.stderr, 'data');
      await assert.rejects(injector.plan(request, AbortSignal.timeout(60_000)), new RegExp(`is traced by process ${foreign.pid} already`));
    } finally {
      foreign.kill('SIGTERM');
      await once(foreign, 'exit');
    }
  });
});

test('whoever has the pid of a target by the time it is to be traced is left alone', { skip: noTrace() || false }, async () => {
  await using app = await startApp();
  const strike = { calls: ['read'], errno: 'EIO', delay: 0, every: 1, path: '' };
  using held = startTrace({ token: 'a-namesake', hold: 10_000, targets: [{ pid: app.pid, started: 'earlier' }], strike }, realClock);
  await assert.rejects(held.ready(AbortSignal.timeout(60_000)));
  assert.equal(held.news.get('problem'), 'the processes have ended');
  assert.deepEqual([tracerOf(app.pid), await app.does('read /dev/null')], [0, ['ok']]);
});

test('a target that has ended is not struck, nor one of Firebreak', { ...bpf }, async () => {
  const app = await startApp();
  const request = requestFor(app, { action: 'connect' });
  const [plan] = await injector.plan(request, AbortSignal.timeout(60_000));
  assert.ok(plan);
  await app[Symbol.asyncDispose]();
  try {
    await assert.rejects(injector.inject(plan.undo, contextOf(request)), /has ended/);
  } finally {
    await injector.revert(plan.undo);
  }
  const self = { ...request, target: `pid:${process.pid}` };
  await assert.rejects(injector.plan(self, AbortSignal.timeout(60_000)), /is this Firebreak/);
  assert.deepEqual(await injector.plan(request, AbortSignal.timeout(60_000)), []);
});

test('more processes than somebody could mean are refused, however many match', () => {
  const self = readProcess(process.pid);
  assert.ok(self);
  const list = Array.from({ length: 150 }, (_, index) => ({ ...self, pid: 4_000_000 + index, ppid: 1, argv: ['worker'], command: 'worker', program: 'worker', name: 'worker' }));
  const ask = (fields: Record<string, unknown>): void => void planOver(list, faultRequest<KernelParams>(kernelManifest, fields, { target: 'name:worker' }), { self: 1, own: [], ssh: false });
  assert.throws(() => ask({ action: 'call', calls: 'read', percentage: 100 }), { code: 'too-many-processes' });
  assert.doesNotThrow(() => ask({ action: 'call', calls: 'read', percentage: 50 }));
});

test('what makes no sense is said with its field', () => {
  const fieldsOf = (fields: Record<string, unknown>): readonly string[] => kernelManifest.check?.(params(fields)).map(({ field }) => field) ?? [];
  assert.deepEqual(fieldsOf({ action: 'connect', errno: 'ENOSPC' }), ['errno']);
  assert.deepEqual(fieldsOf({ action: 'packet', errno: 'EPERM' }), ['errno']);
  assert.deepEqual(fieldsOf({ action: 'bind', calls: 'read', path: '/x', everyNth: 2, delay: '1s' }), ['calls', 'path', 'everyNth', 'delay']);
  assert.deepEqual(fieldsOf({ action: 'socket', port: 80 }), ['port']);
  assert.deepEqual(fieldsOf({ action: 'call' }), ['calls']);
  assert.deepEqual(fieldsOf({ action: 'call', calls: 'read,exit_group' }), ['calls']);
  assert.deepEqual(fieldsOf({ action: 'call', calls: 'read', errno: 'none' }), ['delay']);
  assert.deepEqual(fieldsOf({ action: 'call', calls: 'read', port: 80, probability: 0.5, path: 'x' }), ['port', 'probability', 'path']);
});
