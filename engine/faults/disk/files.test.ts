import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { contextOf, figureOf } from '../../../test/support/fault-life.ts';
import { tracerOf } from '../../host/call-errors.ts';
import { noTracing, TRACER_ROLE } from '../../host/call-tracer.ts';
import { GUARD_ROLE } from '../../host/file-guard.ts';
import { findHeld } from '../../host/held.ts';
import { signal } from '../../host/signals.ts';
import { realClock } from '../../kernel/clock.ts';
import { type App, startApp } from '../kernel/test-app.ts';
import { noDisk, noFileStrikes, testDisk, type TestDisk } from './test-disk.ts';
import { injector, requestFor, struck, told } from './test-strikes.ts';
import { noWriter, startWriter, type Writer } from './test-writer.ts';

const skip = noFileStrikes();

interface Place extends AsyncDisposable {
  readonly disk: TestDisk;
  readonly folder: string;
  readonly file: string;
  readonly app: App;
}
async function place(): Promise<Place> {
  await using stack = new AsyncDisposableStack();
  const disk = stack.use(testDisk());
  const folder = join(disk.path, 'data');
  mkdirSync(join(folder, 'inner'), { recursive: true });
  for (const path of [join(folder, 'file'), join(folder, 'inner', 'file'), join(disk.path, 'beside')]) writeFileSync(path, 'content');
  const app = stack.use(await startApp());
  const all = stack.move();
  return { disk, folder, file: join(folder, 'file'), app, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

describe('calls on the files of a folder', { skip, timeout: 240_000 }, () => {
  test('writes fail with ENOSPC; reads, files beside the folder and programs of Firebreak go on', async () => {
    await using at = await place();
    const effect = await struck(at.folder, { operation: 'write', error: 'ENOSPC' }, 2, async () => {
      assert.deepEqual(await at.app.does(`write ${at.file}`), ['ENOSPC']);
      assert.deepEqual(await at.app.does(`write ${join(at.folder, 'inner', 'file')}`), ['ENOSPC'], 'a folder below');
      assert.deepEqual(await at.app.does(`read ${at.file}`), ['ok']);
      assert.deepEqual(await at.app.does(`write ${join(at.disk.path, 'beside')}`), ['ok']);
      writeFileSync(at.file, 'of Firebreak');
    });
    assert.deepEqual([effect.bitten, figureOf(effect, 'calls struck')?.delivered], [true, 1]);
    assert.deepEqual(await at.app.does(`write ${at.file}`), ['ok']);
    assert.equal(readFileSync(at.file, 'utf8'), 'of Firebreakx');
  });

  test('reads fail with EIO by default, opens alone when asked for, and copying counts as what it does to each file', async () => {
    await using at = await place();
    await struck(at.folder, { operation: 'read' }, 1, async () => {
      assert.deepEqual(await at.app.does(`read ${at.file}`), ['EIO']);
      assert.deepEqual(await at.app.does(`write ${at.file}`), ['ok']);
    });
    await struck(at.folder, { operation: 'open', error: 'EBUSY' }, 1, async () => assert.deepEqual(await at.app.does(`read ${at.file}`), ['EBUSY']));
    const copy = (from: string, to: string): string => {
      try {
        // The word makes it a program that experiments may hit.
        execFileSync('sh', ['-c', 'cp "$0" "$1"', from, to, '--firebreak-target=files'], { stdio: 'pipe' });
        return 'ok';
      } catch (error) {
        return String(error);
      }
    };
    await struck(at.folder, { operation: 'write', error: 'EDQUOT' }, 1, async () => {
      assert.match(copy(join(at.disk.path, 'beside'), at.file), /quota exceeded/i);
      assert.equal(copy(at.file, join(at.disk.path, 'beside')), 'ok');
    });
  });

  test('a delay is held as long as asked for, and answers that wait hold up nobody else', async () => {
    await using at = await place();
    await using other = await startApp();
    const effect = await struck(at.folder, { operation: 'read', latency: '100ms', processes: `cmd:${at.app.word}` }, 10, async () => {
      const waits = (await at.app.does(`wait ${at.file} 10`)).map(Number).sort((a, b) => a - b);
      assert.ok(waits[0] !== undefined && waits[0] >= 99, `${waits.join(', ')} ms`);
      assert.deepEqual(await other.does(`read ${at.file}`), ['ok']);
      const slow = at.app.does(`read ${at.file}`);
      const [fast] = await other.does(`wait ${at.file}`);
      assert.ok(Number(fast) < 90, `${fast} ms, while another waits`);
      assert.deepEqual(await slow, ['ok']);
    });
    const latency = figureOf(effect, 'latency');
    assert.ok(latency?.delivered !== null && latency !== undefined && Math.abs(latency.delivered - 100) < 10, `${latency?.delivered} ms`);
  });

  test('a chance and every nth are what was asked for', async () => {
    await using at = await place();
    const effect = await struck(at.folder, { operation: 'write', error: 'EAGAIN', probability: 0.3 }, 1_000, async () => {
      const said = await at.app.does(`write ${at.file} 1000`);
      const share = said.filter((one) => one === 'EAGAIN').length / said.length;
      assert.ok(Math.abs(share - 0.3) < 0.03, `${share}`);
    });
    assert.ok(Math.abs((figureOf(effect, 'calls struck')?.delivered ?? 0) - 0.3) < 0.03);
    await struck(at.folder, { operation: 'write', everyNth: 3 }, 6, async () => {
      assert.deepEqual(await at.app.does(`write ${at.file} 6`), ['ok', 'ok', 'EIO', 'ok', 'ok', 'EIO']);
    });
  });

  test('folders that are made or moved in later are guarded, those that are moved out are not any more', async () => {
    await using at = await place();
    await struck(at.folder, { operation: 'write' }, 2, async () => {
      mkdirSync(join(at.folder, 'new', 'deep'), { recursive: true });
      mkdirSync(join(at.disk.path, 'outside'));
      renameSync(join(at.disk.path, 'outside'), join(at.folder, 'moved-in'));
      renameSync(join(at.folder, 'inner'), join(at.disk.path, 'moved-out'));
      await realClock.sleep(300);
      for (const path of ['new/deep', 'moved-in']) assert.deepEqual(await at.app.does(`write ${join(at.folder, path, 'file')}`), ['EIO'], path);
      assert.deepEqual(await at.app.does(`write ${join(at.disk.path, 'moved-out', 'file')}`), ['ok']);
      assert.deepEqual(await at.app.does(`write ${at.file}`), ['EIO']);
    });
  });

  test('files that were open before: their holder is traced, named in the plan, struck once, and let go', async () => {
    await using at = await place();
    await at.app.does(`keep ${at.file}`);
    const [planned] = await injector.plan(requestFor(at.folder, {}), AbortSignal.timeout(60_000));
    assert.match(planned?.action ?? '', new RegExp(`${at.app.pid} \\(.*\\) traced for it, with files open there already`));
    const effect = await struck(at.folder, { error: 'ENOSPC' }, 3, async () => {
      assert.equal(Number(tracerOf(at.app.pid) > 0), 1);
      assert.deepEqual(await at.app.does('write kept'), ['ENOSPC']);
      assert.deepEqual(await at.app.does('read kept'), ['ENOSPC']);
      assert.deepEqual(await at.app.does(`write ${at.file}`), ['ENOSPC']);
      assert.deepEqual(await at.app.does(`write ${join(at.disk.path, 'beside')}`), ['ok']);
    });
    assert.equal(figureOf(effect, 'calls struck')?.samples, 3);
    assert.equal(tracerOf(at.app.pid), 0);
    assert.deepEqual(await at.app.does('write kept'), ['ok']);
    const late = await struck(at.folder, { operation: 'read', latency: '100ms' }, 5, async () => {
      for (const wait of await at.app.does('wait kept 5')) assert.ok(Number(wait) >= 99 && Number(wait) < 200, `${wait} ms`);
    });
    assert.ok(Math.abs((figureOf(late, 'latency')?.delivered ?? 0) - 100) < 10);
  });

  test('the guard killed with -9: whoever waits goes on, and the fault says that it has ended', async () => {
    await using at = await place();
    const request = requestFor(at.folder, { operation: 'read', latency: '1m' });
    const context = contextOf(request);
    const [planned] = await injector.plan(request, context.signal);
    assert.ok(planned);
    await injector.inject(planned.undo, context);
    const waiting = at.app.does(`read ${at.file}`);
    await realClock.sleep(300);
    const [guard] = findHeld(GUARD_ROLE, planned.undo.token);
    assert.ok(guard);
    signal(guard, 'kill');
    assert.deepEqual(await waiting, ['ok']);
    await told(planned.undo, context, /what strikes them has ended/);
    assert.equal((await injector.verify(planned.undo, context)).bitten, false, 'what was struck before is no sign of a fault that goes on');
    await injector.revert(planned.undo);
  });

  test('a guard that is stopped is noticed, ended, and lets go', async () => {
    await using at = await place();
    const request = requestFor(at.folder, { operation: 'write' });
    const context = contextOf(request);
    const [planned] = await injector.plan(request, context.signal);
    assert.ok(planned);
    await injector.inject(planned.undo, context);
    const [guard] = findHeld(GUARD_ROLE, planned.undo.token);
    assert.ok(guard);
    await realClock.sleep(500);
    signal(guard, 'stop');
    const waiting = at.app.does(`read ${at.file}`);
    await told(planned.undo, context, /did not answer for 5 s and was ended/);
    assert.deepEqual(await waiting, ['ok']);
    await injector.revert(planned.undo);
  });

  test('what is never struck is refused with the reason, and so is more than can be guarded', async () => {
    await using at = await place();
    const plan = (target: string, fields: Record<string, unknown> = {}): Promise<unknown> => injector.plan(requestFor(target, fields), AbortSignal.timeout(60_000));
    const code = (expected: string, text = /./) => (error: unknown) => error instanceof Error && 'code' in error && error.code === expected && text.test(error.message);
    await assert.rejects(plan(at.disk.folder), code('system-disk'));
    for (const path of ['/', '/usr', '/proc', '/etc', '/tmp', '/usr/lib']) await assert.rejects(plan(path, { allowSystemDisk: true }), code('protected-folder'), path);
    await assert.rejects(plan(join(import.meta.dirname, '..', '..', '..'), { allowSystemDisk: true }), code('protected-folder', /runs from/));
    const inner = join(at.folder, 'inner');
    const held = openSync(join(at.folder, 'journal.db'), 'w');
    try {
      for (const path of [at.disk.path, at.folder, inner]) await assert.rejects(plan(path, { allowSystemDisk: true }), code('protected-folder', /journal\.db open/), path);
    } finally {
      closeSync(held);
    }
    await plan(inner);
    for (let i = 0; i < 2_000; i++) mkdirSync(join(inner, String(i)));
    await assert.rejects(plan(at.folder), code('too-many-folders', /more than 2000/));
  });
});

describe('writes cut short', { skip: noDisk() || noTracing() || noWriter(), timeout: 240_000 }, () => {
  const short = (writer: Writer, fields: Record<string, unknown> = {}): Record<string, unknown> => ({ action: 'short-writes', processes: `pid:${writer.pid}`, ...fields });

  test('the program is told what the file holds, to the byte; others, and other files, as before', async () => {
    await using at = await place();
    const file = join(at.folder, 'new');
    await using writer = await startWriter(file);
    await using beside = await startWriter(join(at.disk.path, 'beside'));
    await using other = await startWriter(join(at.folder, 'other'));
    const effect = await struck(at.folder, { action: 'short-writes', processes: `pid:${writer.pid},${beside.pid}`, part: 0.3 }, 5, async () => {
      assert.deepEqual(await writer.writes(5), [300, 300, 300, 300, 300]);
      assert.equal(readFileSync(file, 'utf8'), 'x'.repeat(1_500));
      assert.deepEqual(await beside.writes(1), [1_000]);
      assert.deepEqual(await other.writes(1), [1_000]);
    });
    assert.deepEqual([effect.bitten, figureOf(effect, 'bytes taken')?.delivered, figureOf(effect, 'bytes taken')?.samples], [true, 0.3, 5]);
    assert.equal(tracerOf(writer.pid), 0);
    assert.deepEqual(await writer.writes(1), [1_000]);
    await struck(at.folder, short(writer, { part: 0 }), 2, async () => assert.deepEqual(await writer.writes(2), [1, 1], 'one byte at least'));
  });

  test('a process that has ended since the plan is not looked for again', async () => {
    await using at = await place();
    const writer = await startWriter(at.file);
    const request = requestFor(at.folder, short(writer));
    const context = contextOf(request);
    const [planned] = await injector.plan(request, context.signal);
    assert.ok(planned);
    await writer[Symbol.asyncDispose]();
    await assert.rejects(injector.inject(planned.undo, context), /perl\) has ended/);
    await injector.revert(planned.undo);
  });

  test('every third of them, also by what the program starts, and by one that was stopped in between', async () => {
    await using at = await place();
    await using writer = await startWriter(at.file);
    await struck(at.folder, short(writer, { everyNth: 3 }), 10, async () => {
      assert.deepEqual(await writer.writes(4), [1_000, 1_000, 500, 1_000]);
      assert.deepEqual(await writer.writes(4, true), [1_000, 500, 1_000, 1_000]);
      process.kill(writer.pid, 'SIGSTOP');
      const writing = writer.writes(2);
      await realClock.sleep(300);
      assert.match(readFileSync(`/proc/${writer.pid}/stat`, 'latin1'), /\) [tT] /);
      process.kill(writer.pid, 'SIGCONT');
      assert.deepEqual(await writing, [500, 1_000]);
    });
  });

  test('the tracer killed with -9: the program goes on whole, and the fault says that it has ended', async () => {
    await using at = await place();
    await using writer = await startWriter(at.file);
    const request = requestFor(at.folder, short(writer));
    const context = contextOf(request);
    const [planned] = await injector.plan(request, context.signal);
    assert.ok(planned);
    await injector.inject(planned.undo, context);
    assert.deepEqual(await writer.writes(1), [500]);
    await assert.rejects(injector.plan(request, context.signal), /is traced by process \d+ already/);
    const [tracer] = findHeld(TRACER_ROLE, planned.undo.token);
    assert.ok(tracer);
    const writing = writer.writes(3_000);
    signal(tracer, 'kill');
    const said = await writing;
    assert.equal(said.at(-1), 1_000);
    assert.equal(statSync(at.file).size, 500 + said.reduce((sum, one) => sum + one, 'content'.length));
    await told(planned.undo, context, /what strikes them has ended/);
    assert.equal((await injector.verify(planned.undo, context)).bitten, false, 'what was struck before is no sign of a fault that goes on');
    await injector.revert(planned.undo);
  });
});
