import assert from 'node:assert/strict';
import { chmodSync, existsSync, lstatSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { contextOf, faultLife, faultRequest, figureOf } from '../../../test/support/fault-life.ts';
import { realClock } from '../../kernel/clock.ts';
import { DAY } from '../../kernel/fields.ts';
import { temporary } from '../../lifecycle/test-parts.ts';
import { timeInjector } from './injector.ts';
import { timeManifest, type TimeParams } from './manifest.ts';
import { type TimeUndo } from './plan.ts';
import { type Clocked, noFaketime, startClocked } from './test-clocked.ts';

const here = { skip: noFaketime, timeout: 120_000 };
const injector = timeInjector({ clock: realClock });
const request = (clocked: Pick<Clocked, 'word'>, fields: Record<string, unknown>) =>
  faultRequest<TimeParams>(timeManifest, fields, { target: `cmd:${clocked.word}` });
const code = (expected: string) => (error: unknown) => error instanceof Error && 'code' in error && error.code === expected;
/** A slow machine takes its time to answer; what is asked is whether it is off at all, and by how much. */
const near = (value: number, wanted: number): void => assert.ok(Math.abs(value - wanted) < 2_000, `${value} instead of ${wanted}`);

/** Holds the fault while `look` looks, and proves that the file is as it was to the byte. */
async function held(clocked: Clocked, fields: Record<string, unknown>, look: (undo: TimeUndo) => Promise<void>): Promise<void> {
  const asked = request(clocked, fields);
  const [plan] = await injector.plan(asked, AbortSignal.timeout(60_000));
  assert.ok(plan);
  const undo = injector.undo.parse(JSON.parse(JSON.stringify(plan.undo)));
  const before = await injector.fingerprint(undo);
  try {
    await injector.inject(undo, contextOf(asked));
    await look(undo);
  } finally {
    // As the watchdog would: another injector, which knows the record alone.
    await timeInjector({ clock: realClock }).revert(undo);
    await injector.revert(undo);
    assert.equal(await injector.fingerprint(undo), before);
  }
}

test('a running process sees its clock two days ahead, and right again afterwards', here, async () => {
  await using clocked = await startClocked();
  near(await clocked.offset(), 0);
  const effect = await faultLife(injector, request(clocked, { offset: '48h' }), async () => near(await clocked.offset(), 2 * DAY));
  assert.equal(effect.bitten, true, effect.detail);
  const figure = figureOf(effect, 'clock offset');
  assert.equal(figure?.requested, 2 * DAY);
  near(figure?.delivered ?? 0, 2 * DAY);
  near(await clocked.offset(), 0);
  assert.deepEqual(readdirSync(clocked.folder), [], 'there was no file, and there is none');
});

test('what the file said comes back with its owner, its mode and its date', here, async () => {
  await using clocked = await startClocked();
  writeFileSync(clocked.file, '# an hour back\n-3600\n');
  chmodSync(clocked.file, 0o640);
  utimesSync(clocked.file, 1_000_000, 1_000_000);
  near(await clocked.offset(), -3_600_000);
  await held(clocked, { offset: '10m' }, async () => near(await clocked.offset(), 600_000));
  near(await clocked.offset(), -3_600_000);
  const { mode, mtimeMs } = lstatSync(clocked.file);
  assert.deepEqual([mode & 0o777, mtimeMs, readFileSync(clocked.file, 'utf8')], [0o640, 1_000_000_000, '# an hour back\n-3600\n']);
  assert.deepEqual(readdirSync(clocked.folder), ['clock']);
});

test('a clock that drifts runs away at the rate that was asked for', here, async () => {
  await using clocked = await startClocked();
  await held(clocked, { action: 'drift', drift: '200ms', behind: true }, async (undo) => {
    const context = contextOf(request(clocked, { action: 'drift', drift: '200ms', behind: true }));
    while ((await clocked.offset()) > -700) await realClock.sleep(50);
    const effect = await injector.verify(undo, context);
    assert.equal(effect.bitten, true, effect.detail);
    const figure = figureOf(effect, 'drift per second');
    assert.ok(Math.abs((figure?.delivered ?? 0) - 200) < 30, `${figure?.delivered} ms per second`);
  });
});

test('a clock jumps there and back', here, async () => {
  await using clocked = await startClocked();
  await held(clocked, { action: 'jump', offset: '1h', interval: '500ms' }, async () => {
    const seen: boolean[] = [];
    while (seen.length < 5) {
      const off = (await clocked.offset()) > 1_800_000;
      if (seen.at(-1) !== off) seen.push(off);
      await realClock.sleep(20);
    }
    assert.deepEqual(seen, [true, false, true, false, true]);
  });
});

test('timers go on while the clock is set off and back', here, async () => {
  await using clocked = await startClocked();
  const timer = 'new Promise((resolve) => setTimeout(() => resolve("rang"), 100))';
  await held(clocked, { offset: '48h' }, async () => assert.equal(await clocked.evaluate(timer), 'rang'));
  assert.equal(await clocked.evaluate(timer), 'rang');
});

test('what somebody else writes meanwhile is left alone, and said', here, async () => {
  await using clocked = await startClocked();
  const asked = request(clocked, { action: 'drift', drift: '100ms' });
  const [plan] = await injector.plan(asked, AbortSignal.timeout(60_000));
  assert.ok(plan);
  await injector.inject(plan.undo, contextOf(asked));
  writeFileSync(clocked.file, '+7\n');
  while (!(await injector.verify(plan.undo, contextOf(asked))).detail.includes('something else')) await realClock.sleep(50);
  await assert.rejects(injector.revert(plan.undo), code('changed-meanwhile'));
  assert.equal(readFileSync(clocked.file, 'utf8'), '+7\n');
});

test('a process that cannot be set off is refused with the reason', here, async () => {
  const reasons: readonly [Record<string, string>, RegExp][] = [
    [{ LD_PRELOAD: '' }, /was not started under libfaketime/],
    [{ FAKETIME_TIMESTAMP_FILE: '' }, /names no FAKETIME_TIMESTAMP_FILE/],
    [{ FAKETIME: '+1h' }, /follows FAKETIME instead of the file/],
    [{ FAKETIME_DONT_FAKE_MONOTONIC: '0' }, /timers moved too/],
  ];
  for (const [env, reason] of reasons) {
    await using clocked = await startClocked(env);
    await assert.rejects(injector.plan(request(clocked, { offset: '1h' }), AbortSignal.timeout(60_000)), reason);
  }
});

test('a file that is something else, or that sets other clocks too, is not touched', here, async () => {
  await using clocked = await startClocked();
  const plan = (target = clocked) => injector.plan(request(target, { offset: '1h' }), AbortSignal.timeout(60_000));
  writeFileSync(clocked.file, 'root:x:0:0\n');
  await assert.rejects(plan(), code('not-a-clock-file'));
  writeFileSync(clocked.file, '');
  assert.equal((await plan()).length, 1);
  await using other = await startClocked({ FAKETIME_TIMESTAMP_FILE: clocked.file });
  await using third = await startClocked();
  await assert.rejects(plan(), code('shared-clock'));
  // One that is not to be set off because its timers would be, and would be set off with the other.
  await using unfit = await startClocked({ FAKETIME_TIMESTAMP_FILE: third.file, FAKETIME_DONT_FAKE_MONOTONIC: '0' });
  await assert.rejects(injector.plan(faultRequest<TimeParams>(timeManifest, { offset: '1h' }, { target: `pid:${third.pid},${unfit.pid}` }), AbortSignal.timeout(60_000)), code('shared-clock'));
  symlinkSync(clocked.file, other.file);
  await using linked = await startClocked({ FAKETIME_TIMESTAMP_FILE: other.file });
  await assert.rejects(plan(linked), code('not-a-clock-file'));
  assert.equal(existsSync(clocked.file), true);
});

test('the manifest: weights, limits and plain words', () => {
  const parse = (raw: Record<string, unknown>): TimeParams => timeManifest.params.parse(raw);
  assert.equal(timeManifest.severity(parse({ offset: '48h' })), 0.6);
  assert.equal(timeManifest.noop(parse({ offset: '0s' })), true);
  assert.equal(timeManifest.needsRoot?.(parse({ otherUsers: true })), true);
  assert.throws(() => parse({ action: 'jump', interval: '100ms' }), /250ms/);
  assert.equal(timeManifest.explain(parse({ action: 'drift', drift: '50ms', behind: true }), 'name:node'), 'The clock of the processes that match name:node is 50ms further behind with each second.');
  assert.ok(timeManifest.target.check?.('node') !== undefined);
});

test('a clock in a mount namespace of its own is reached through its process, and put back there', { ...here, skip: noFaketime || (process.geteuid?.() !== 0 && 'namespaces are made by root') }, async () => {
  using folder = temporary();
  // Its folder is another one than that of the same name here.
  const through = ['unshare', '--mount', '--', 'sh', '-c', 'mount -t tmpfs none "$1" && shift && exec "$@"', 'sh', folder.path];
  await using clocked = await startClocked({ FAKETIME_TIMESTAMP_FILE: join(folder.path, 'clock') }, { through });
  await held(clocked, { offset: '48h', otherUsers: true }, async (undo) => {
    assert.equal(undo.apart, true);
    near(await clocked.offset(), 2 * DAY);
    const effect = await injector.verify(undo, contextOf(request(clocked, { offset: '48h' })));
    assert.equal(effect.bitten, true, effect.detail);
    assert.deepEqual(readdirSync(folder.path), [], 'nothing is written here');
  });
  near(await clocked.offset(), 0);
  assert.deepEqual(readdirSync(`/proc/${clocked.pid}/root${folder.path}`), []);
});
