import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { millis } from '../../kernel/brands.ts';
import { realClock } from '../../kernel/clock.ts';
import { newFaultId, newRunId } from '../../kernel/random.ts';
import { readProcess } from '../../host/processes.ts';
import { markOf } from '../../host/spawn.ts';
import { diskInjector } from './injector.ts';
import { diskManifest } from './manifest.ts';
import { noDisk, testDisk } from './test-disk.ts';

const parse = (raw: Record<string, unknown>) => diskManifest.params.parse(raw);
const fieldsOf = (raw: Record<string, unknown>): string[] => (diskManifest.check?.(parse(raw)) ?? []).map(({ field }) => field);

test('bandwidth and operations: what a process writes and reads is held to the limit, and no longer afterwards', { skip: noDisk(), timeout: 300_000 }, async (t) => {
  using disk = testDisk(32, 'noatime');
  // Past the cache, as databases do: what is only in memory is no reading and writing of a disk.
  const writing = `while :; do dd if=/dev/zero of=${disk.path}/a bs=64k count=64 oflag=direct; done`;
  const reading = `dd if=/dev/zero of=${disk.path}/b bs=64k count=64 oflag=direct; while :; do dd if=${disk.path}/b of=/dev/null bs=64k iflag=direct; done`;
  const start = (commands: string) => spawn('sh', ['-c', commands, 'sh', markOf('disk', '', true)], { stdio: 'ignore', detached: true });
  const [target, other] = [start(writing), start(reading)];
  const injector = diskInjector({ clock: realClock });
  await using stack = new AsyncDisposableStack();
  try {
    const pid = target.pid ?? 0;
    const before = readProcess(pid)?.groups;
    const request = {
      run: newRunId(), policy: 'slow', type: 'disk', target: disk.path, route: '', routes: [], ignored: [], seed: 1, hold: millis(60_000),
      params: parse({ action: 'limit', processes: `pid:${pid},${other.pid}`, writeRate: 2_000, readRate: 4_000 }),
    };
    const [planned] = await injector.plan(request, AbortSignal.timeout(60_000));
    assert.ok(planned && planned.undo.action === 'limit');
    const { limits } = planned.undo;
    assert.match(planned.action, /^limit \d+ \(sh\), \d+ \(sh\) to 4000 KB\/s of reading and 2000 KB\/s of writing each, on device 7:\d+$/);
    const clean = await injector.fingerprint(planned.undo);
    const context = { fault: newFaultId(), request, signal: AbortSignal.timeout(120_000), amend: () => {}, injected: () => {} };
    stack.defer(() => injector.revert(planned.undo));
    await injector.inject(planned.undo, context);
    let effect = await injector.verify(planned.undo, context);
    // Its present child was started before; the next one is in the group.
    for (let look = 0; look < 60 && effect.figures.some(({ samples }) => samples < 3); look++) {
      await realClock.sleep(1_000);
      effect = await injector.verify(planned.undo, context);
    }
    assert.equal(effect.bitten, true);
    for (const { name, requested, delivered } of effect.figures) {
      t.diagnostic(`${name}: ${requested} KB/s asked for, ${delivered} measured`);
      assert.ok(requested !== null && delivered !== null && delivered > requested * 0.9 && delivered < requested * 1.15, `${name}: ${requested} KB/s asked for, ${delivered} measured`);
    }
    const after = diskInjector({ clock: realClock });
    await after.revert(planned.undo);
    assert.equal(await after.fingerprint(planned.undo), clean);
    assert.ok(limits.every(({ group }) => !existsSync(group)));
    assert.deepEqual(readProcess(pid)?.groups, before);
  } finally {
    const ended = [once(target, 'exit'), once(other, 'exit')];
    for (const { pid } of [target, other]) process.kill(-(pid as number), 'SIGKILL');
    await Promise.all(ended);
  }
});

test('the manifest: what does not go together, weights and plain words', () => {
  assert.deepEqual(fieldsOf({}), []);
  assert.deepEqual(fieldsOf({ writeRate: 5, processes: 'name:x' }), ['processes', 'writeRate']);
  assert.deepEqual(fieldsOf({ action: 'inodes', sizeMB: 5 }), ['sizeMB']);
  assert.deepEqual(fieldsOf({ action: 'limit' }), ['processes', 'writeRate']);
  assert.deepEqual(fieldsOf({ action: 'limit', processes: 'name:x', readOps: 5 }), []);
  assert.equal(diskManifest.severity(parse({ sizeMB: 1 })), 0.6);
  assert.equal(diskManifest.severity(parse({ sizeMB: 1, allowSystemDisk: true })), 0.95);
  assert.equal(diskManifest.needsRoot?.(parse({ sizeMB: 1 })), false);
  assert.equal(diskManifest.needsRoot?.(parse({ action: 'read-only' })), true);
  assert.equal(
    diskManifest.explain(parse({}), '/srv/data'),
    'Fills the disk of /srv/data until 95 % are used, and leaves at least 64 MB free, until the fault ends.',
  );
  assert.equal(diskManifest.target.check?.('data')?.message, 'expected the absolute path of a folder');
});
