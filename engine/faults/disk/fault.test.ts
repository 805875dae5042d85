import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { millis } from '../../kernel/brands.ts';
import { realClock } from '../../kernel/clock.ts';
import { type FaultRequest, type InjectContext, type Injector } from '../../kernel/fault.ts';
import { newFaultId, newRunId } from '../../kernel/random.ts';
import { mountAt } from '../../host/mounts.ts';
import { diskInjector } from './injector.ts';
import { diskManifest, type DiskParams } from './manifest.ts';
import { noDisk, testDisk } from './test-disk.ts';
import { type AnyUndo } from './undo.ts';

const skip = noDisk();
const MB = 1_048_576;

function requestOf(target: string, raw: Record<string, unknown>): FaultRequest<DiskParams> {
  return {
    run: newRunId(), policy: 'full', type: 'disk', target, route: '', routes: [], ignored: [],
    params: diskManifest.params.parse(raw), seed: 7, hold: millis(60_000),
  };
}

interface Running {
  readonly injector: Injector<DiskParams, AnyUndo>;
  readonly undo: AnyUndo;
  readonly context: InjectContext<DiskParams, AnyUndo>;
}

/** Injects, lets the test look, and proves the revert through an injector that remembers nothing. */
async function withFault(target: string, raw: Record<string, unknown>, look: (running: Running) => Promise<void> | void): Promise<void> {
  const injector = diskInjector({ clock: realClock });
  const afterCrash = diskInjector({ clock: realClock });
  const request = requestOf(target, raw);
  const [planned] = await injector.plan(request, AbortSignal.timeout(60_000));
  assert.ok(planned);
  const undo = injector.undo.parse(JSON.parse(JSON.stringify(planned.undo)));
  const before = await injector.fingerprint(undo);
  const context = { fault: newFaultId(), request, signal: AbortSignal.timeout(60_000), amend: () => assert.fail('the record is complete'), injected: () => {} };
  try {
    await injector.inject(undo, context);
    assert.notEqual(await injector.fingerprint(undo), before, 'the fingerprint sees the fault');
    await look({ injector, undo, context });
  } finally {
    await afterCrash.revert(undo);
    assert.equal(await afterCrash.fingerprint(undo), before, 'nothing is left');
    await injector.revert(undo);
  }
}

const code = (expected: string, text = /./) => (error: unknown) =>
  error instanceof Error && 'code' in error && error.code === expected && text.test(error.message);
const planOf = (target: string, raw: Record<string, unknown>): Promise<unknown> =>
  diskInjector({ clock: realClock }).plan(requestOf(target, raw), AbortSignal.timeout(60_000));
const space = (path: string): { free: number; inodes: number } => {
  const { bavail, bsize, ffree } = statfsSync(path);
  return { free: (bavail * bsize) / MB, inodes: ffree };
};

describe('disk', { skip, timeout: 300_000 }, () => {
  test('filled to a size: as much is taken, at once, and given back; files that were there stay', async () => {
    using disk = testDisk();
    writeFileSync(join(disk.path, 'theirs'), 'as it was');
    mkdirSync(join(disk.path, 'firebreak-of-somebody-else'));
    const before = space(disk.path);
    await withFault(disk.path, { sizeMB: 8, reserveMB: 2 }, async ({ injector, undo, context }) => {
      const { bitten, figures: [figure] } = await injector.verify(undo, context);
      assert.equal(bitten, true);
      assert.equal(figure?.requested, 8);
      assert.ok(Math.abs((figure?.delivered ?? 0) - 8) < 0.1, `${figure?.delivered} MB`);
      assert.ok(Math.abs(before.free - space(disk.path).free - 8) < 0.2);
      await injector.inject(undo, context);
      assert.equal(readdirSync(disk.path).filter((name) => name.startsWith('firebreak-')).length, 2);
    });
    assert.deepEqual(space(disk.path), before);
    assert.deepEqual(readdirSync(disk.path).toSorted(), ['firebreak-of-somebody-else', 'lost+found', 'theirs']);
    assert.equal(readFileSync(join(disk.path, 'theirs'), 'utf8'), 'as it was');
  });

  test('filled to the last byte: a program that writes gets ENOSPC, and can write again afterwards', async () => {
    using disk = testDisk();
    // Nobody but root may take the last blocks, so the program runs as nobody.
    execFileSync('chmod', ['777', disk.folder, disk.path]);
    const write = (): string => {
      try {
        execFileSync('dd', ['if=/dev/zero', `of=${disk.path}/log`, 'bs=64k', 'count=4'], { uid: 65_534, gid: 65_534, stdio: 'pipe' });
        return 'written';
      } catch (error) {
        return String(error);
      }
    };
    await withFault(disk.path, { percentage: 100, reserveMB: 0 }, async ({ injector, undo, context }) => {
      assert.match(write(), /No space left on device/);
      assert.match((await injector.verify(undo, context)).detail, /^100 % of the disk are used/);
    });
    assert.equal(write(), 'written');
  });

  test('a percentage is of what df shows, and the reserve stays free also when others take some meanwhile', async () => {
    using disk = testDisk();
    await withFault(disk.path, { percentage: 50, reserveMB: 4 }, () => {
      const { blocks, bfree, bavail } = statfsSync(disk.path);
      assert.ok(Math.abs((blocks - bfree) / (blocks - bfree + bavail) - 0.5) < 0.01);
    });
    const injector = diskInjector({ clock: realClock });
    const request = requestOf(disk.path, { sizeMB: 8, reserveMB: 4 });
    const [planned] = await injector.plan(request, AbortSignal.timeout(60_000));
    assert.ok(planned);
    writeFileSync(join(disk.path, 'theirs'), Buffer.alloc(6 * MB));
    const context = { fault: newFaultId(), request, signal: AbortSignal.timeout(60_000), amend: () => {}, injected: () => {} };
    await injector.inject(planned.undo, context);
    const left = space(disk.path).free;
    assert.ok(left >= 4 && left < 4.3, `${left} MB are free`);
    const effect = await injector.verify(planned.undo, context);
    assert.equal(effect.bitten, false, 'less than was asked for is not called done');
    await injector.revert(planned.undo);
  });

  test('inodes: all but the reserve are taken; nobody can make a file, though there is space', async () => {
    using disk = testDisk();
    const before = space(disk.path);
    await withFault(disk.path, { action: 'inodes', percentage: 100, reserveInodes: 0 }, async ({ injector, undo, context }) => {
      assert.equal(space(disk.path).inodes, 0);
      assert.throws(() => closeSync(openSync(join(disk.path, 'one-more'), 'wx')), { code: 'ENOSPC' });
      assert.ok(space(disk.path).free > 8);
      const { bitten, figures: [figure] } = await injector.verify(undo, context);
      assert.deepEqual([bitten, figure?.requested, figure?.delivered], [true, before.inodes, before.inodes]);
    });
    assert.deepEqual(space(disk.path), before);
    await withFault(disk.path, { action: 'inodes', percentage: 50, reserveInodes: 100 }, () => {
      assert.equal(space(disk.path).inodes, 2_048);
    });
  });

  test('read-only: the mount alone, EROFS, and exactly the options of before', async () => {
    using disk = testDisk();
    const other = join(disk.folder, 'other');
    mkdirSync(other);
    execFileSync('mount', ['--bind', disk.path, other]);
    try {
      const before = mountAt(disk.path);
      await withFault(disk.path, { action: 'read-only' }, async ({ injector, undo, context }) => {
        assert.throws(() => writeFileSync(join(disk.path, 'one'), ''), { code: 'EROFS' });
        writeFileSync(join(other, 'two'), 'another mount of the same disk goes on');
        assert.equal(mountAt(disk.path)?.options, 'ro,nosuid,noatime');
        assert.equal((await injector.verify(undo, context)).bitten, true);
      });
      assert.deepEqual(mountAt(disk.path), before);
      assert.equal(before?.options, 'rw,nosuid,noatime');
      writeFileSync(join(disk.path, 'one'), '');
    } finally {
      execFileSync('umount', [other]);
    }
  });

  test('read-only: refused while somebody writes, and what somebody else mounts meanwhile stays', async () => {
    using disk = testDisk();
    const injector = diskInjector({ clock: realClock });
    const request = requestOf(disk.path, { action: 'read-only' });
    const [planned] = await injector.plan(request, AbortSignal.timeout(60_000));
    assert.ok(planned);
    const context = { fault: newFaultId(), request, signal: AbortSignal.timeout(60_000), amend: () => {}, injected: () => {} };
    const before = await injector.fingerprint(planned.undo);
    const open = openSync(join(disk.path, 'log'), 'w');
    await assert.rejects(injector.inject(planned.undo, context), code('remount-refused', /open for writing/));
    closeSync(open);
    assert.equal(await injector.fingerprint(planned.undo), before);
    const again = diskInjector({ clock: realClock });
    await again.inject(planned.undo, context);
    execFileSync('mount', ['-o', 'remount,bind,rw,nodev,noatime', disk.path]);
    await again.revert(planned.undo);
    assert.equal(mountAt(disk.path)?.options, 'rw,nosuid,nodev,noatime');
    assert.notEqual(await again.fingerprint(planned.undo), before, 'it is not as it was, and that is told');
    await assert.rejects(diskInjector({ clock: realClock }).inject(planned.undo, context), code('target-changed'));
  });

  test('a folder that was moved or renamed is found again; another one in its place is not touched', async () => {
    using disk = testDisk();
    const [old, renamed] = [join(disk.path, 'data'), join(disk.path, 'deep', 'moved')];
    mkdirSync(old);
    mkdirSync(join(disk.path, 'deep'));
    const before = space(disk.path);
    await withFault(old, { sizeMB: 4, reserveMB: 2 }, () => {
      renameSync(old, renamed);
      mkdirSync(old);
      writeFileSync(join(old, 'theirs'), '');
    });
    assert.deepEqual(readdirSync(renamed), []);
    assert.deepEqual(readdirSync(old), ['theirs']);
    assert.ok(before.free - space(disk.path).free < 0.1);
    const injector = diskInjector({ clock: realClock });
    const request = requestOf(renamed, { sizeMB: 4, reserveMB: 2 });
    const [planned] = await injector.plan(request, AbortSignal.timeout(60_000));
    assert.ok(planned);
    rmSync(renamed, { recursive: true });
    mkdirSync(renamed);
    const context = { fault: newFaultId(), request, signal: AbortSignal.timeout(60_000), amend: () => {}, injected: () => {} };
    await assert.rejects(injector.inject(planned.undo, context), code('target-changed'));
    assert.deepEqual(readdirSync(renamed), []);
  });

  test('a disk that was taken out in the middle is told, not called clean', async () => {
    using disk = testDisk();
    const injector = diskInjector({ clock: realClock });
    const request = requestOf(disk.path, { sizeMB: 4, reserveMB: 2 });
    const [planned] = await injector.plan(request, AbortSignal.timeout(60_000));
    assert.ok(planned);
    await injector.inject(planned.undo, { fault: newFaultId(), request, signal: AbortSignal.timeout(60_000), amend: () => {}, injected: () => {} });
    const loop = execFileSync('findmnt', ['-no', 'SOURCE', disk.path], { encoding: 'utf8' }).trim();
    const image = join(disk.folder, 'kept.img');
    execFileSync('cp', ['--sparse=always', loop, image]);
    execFileSync('umount', [disk.path]);
    await assert.rejects(injector.revert(planned.undo), code('disk-gone'));
    await assert.rejects(injector.fingerprint(planned.undo), code('disk-gone'));
    execFileSync('mount', ['-o', 'loop', disk.image, disk.path]);
    await injector.revert(planned.undo);
    assert.equal(existsSync(join(disk.path, `firebreak-${planned.undo.token}`)), false);
  });

  test('plan refuses what is unsafe or cannot be, with the reason', async () => {
    using disk = testDisk();
    await assert.rejects(planOf('/', { sizeMB: 1 }), code('system-disk', /is on the disk of \//));
    await assert.rejects(planOf('/usr', { sizeMB: 1 }), code('system-disk'));
    await assert.rejects(planOf('/', { action: 'read-only', allowSystemDisk: true }), code('system-disk', /never made read-only/));
    await assert.rejects(planOf('/dev/shm', { sizeMB: 1 }), code('no-disk', /in memory/));
    await assert.rejects(planOf(join(disk.path, 'nowhere'), { sizeMB: 1 }), code('bad-target'));
    await assert.rejects(planOf(disk.image, { sizeMB: 1 }), code('bad-target', /is not a folder/));
    await assert.rejects(planOf(disk.path, { sizeMB: 12, reserveMB: 4 }), code('disk-reserve', /8\.\d MB can be taken/));
    await assert.rejects(planOf(disk.path, { sizeMB: 4 }), code('disk-reserve', /64 MB of them stay free/));
    await assert.rejects(planOf(join(disk.path, 'lost+found'), { action: 'read-only' }), code('not-a-mount'));
    await assert.rejects(planOf(disk.path, { action: 'inodes', percentage: 99, reserveInodes: 500 }), code('disk-reserve'));
    const held = openSync(join(disk.path, 'journal'), 'w');
    await assert.rejects(planOf(disk.path, { sizeMB: 1, reserveMB: 1 }), code('system-disk', /Firebreak's own files/));
    closeSync(held);
    assert.deepEqual(readdirSync(disk.path).toSorted(), ['journal', 'lost+found']);
  });
});
