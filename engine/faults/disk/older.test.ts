import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { figureOf } from '../../../test/support/fault-life.ts';
import { noTracing } from '../../host/call-tracer.ts';
import { fileMeans, noFanotify } from '../../host/fanotify.ts';
import { mountAt } from '../../host/mounts.ts';
import { startApp } from '../kernel/test-app.ts';
import { injector, requestFor, struck } from './test-strikes.ts';

/** Where nothing is told of writes, as on older kernels, and on file systems in memory with any kernel. */
const MEMORY = '/dev/shm';
const skip = process.geteuid?.() !== 0 ? 'it needs root' : noFanotify() || noTracing() || (mountAt(MEMORY)?.type !== 'tmpfs' && `${MEMORY} is not in memory`);

describe('calls on files of which the kernel tells less', { skip, timeout: 300_000 }, () => {
  test('opens and reads are guarded; writes need the processes named, which are traced', async () => {
    await using app = await startApp();
    const folder = mkdtempSync(join(MEMORY, 'files-test-'));
    try {
      const { errors, writes } = fileMeans(folder);
      assert.equal(writes, false);
      const file = join(folder, 'file');
      writeFileSync(file, 'content');
      const plan = (fields: Record<string, unknown>): Promise<unknown> => injector.plan(requestFor(folder, fields), AbortSignal.timeout(60_000));
      await struck(folder, { operation: 'open', error: 'EPERM' }, 1, async () => assert.deepEqual(await app.does(`read ${file}`), ['EPERM']));
      const late = await struck(folder, { operation: 'read', latency: '200ms' }, 3, async () => {
        for (const wait of await app.does(`wait ${file} 3`)) assert.ok(Number(wait) >= 199, `${wait} ms`);
      });
      const { delivered } = figureOf(late, 'latency') ?? {};
      // How exactly is tried where nothing is emulated.
      assert.ok(typeof delivered === 'number' && delivered >= 199, `${delivered} ms`);
      await assert.rejects(plan({ operation: 'write', error: 'EPERM' }), /does not ask before writes/);
      if (errors) await struck(folder, { error: 'EIO' }, 1, async () => assert.deepEqual(await app.does(`read ${file}`), ['EIO']));
      else await assert.rejects(plan({ error: 'EIO' }), /cannot answer with EIO/);
      await struck(folder, { operation: 'write', error: 'ENOSPC', processes: `cmd:${app.word}` }, 1, async () => {
        assert.deepEqual(await app.does(`write ${file}`), ['ENOSPC']);
        assert.deepEqual(await app.does(`read ${file}`), ['ok']);
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
