import assert from 'node:assert/strict';
import { test } from 'node:test';
import { realClock } from '../kernel/clock.ts';
import { startApp } from '../faults/kernel/test-app.ts';
import { tracerOf } from './call-errors.ts';
import { endTracer, noTracing, startTracer } from './call-tracer.ts';

const skip = noTracing() || (process.geteuid?.() !== 0 && 'it needs root');

test('whoever has the pid of a target by the time it is to be traced is left alone', { skip, timeout: 120_000 }, async () => {
  await using app = await startApp();
  const token = 'another-namesake';
  const order = { folder: { path: '/nowhere', device: '0:0', inode: 1, born: 0 }, operation: 'write', error: 5, delay: 0, part: null, probability: 1, every: 1, seed: 1 } as const;
  using held = startTracer(token, { ...order, targets: [{ pid: app.pid, started: 'earlier' }] }, 60_000, realClock);
  await assert.rejects(held.ready(AbortSignal.timeout(60_000)));
  assert.equal(held.news.get('problem'), 'the processes have ended');
  assert.deepEqual([tracerOf(app.pid), await app.does('read /dev/null')], [0, ['ok']]);
  await endTracer(token, realClock);
});
