import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { noDisk, testDisk } from '../engine/faults/disk/test-disk.ts';
import { cli, folder, REAL } from './cli/process.ts';
import { noLimits } from './crash/machine-scenes.ts';

/** The experiments of the library in which the demo shop runs out of disk and of memory, through the command line. */

interface Verdict {
  readonly verdict: string;
  readonly reason: string;
  readonly reverted: boolean;
  readonly recovery_ms: number | null;
  readonly faults: readonly { readonly type: string; readonly reverted: boolean; readonly delivered: Readonly<Record<string, number | null>> }[];
}

/** Runs an experiment of the library after a change to its text. */
async function run(name: string, change: (text: string) => string, env: Readonly<Record<string, string>>, duration: string) {
  using dir = folder();
  const file = dir.file(`${name}.yaml`, change(readFileSync(resolve(import.meta.dirname, `../assets/experiments/${name}.yaml`), 'utf8')));
  const all = { FIREBREAK_HOME: join(dir.path, 'state'), ...env };
  const done = await cli(REAL, ['run', file, '--demo', '--duration', duration, '--report-dir', join(dir.path, 'out'), '--json'], all);
  const lines = done.out.trim().split('\n');
  const open = await cli(REAL, ['recover', '--json'], all);
  return { code: done.code, text: done.out, verdict: JSON.parse(lines.at(-1) ?? '{}') as Verdict, open: open.out.trim() };
}

describe('out of room', { concurrency: 1, timeout: 600_000 }, () => {
  test('disk-full: nobody can buy while the disk of the ledger is full, the run aborts, and all goes on by itself', { skip: noDisk() }, async () => {
    using disk = testDisk(24, 'noatime');
    const { code, verdict, open } = await run('disk-full', (text) => text.replace(/^( *- .*)target: \/mnt\/firebreak-disk/m, `$1target: ${disk.path}`), { TMPDIR: disk.path }, '40s');
    assert.equal(verdict.verdict, 'aborted', verdict.reason);
    assert.equal(code, 3);
    assert.deepEqual(verdict.faults.map(({ type, reverted }) => [type, reverted]), [['disk', true]]);
    assert.ok(verdict.reverted && verdict.recovery_ms !== null, 'the steady state came back');
    assert.equal(open, '[]');
  });

  test('memory-leak-oom: the kernel kills payments, its supervisor brings it back, the leak is given back', { skip: noLimits() }, async () => {
    const { verdict, text, open } = await run('memory-leak-oom', (same) => same, {}, '35s');
    assert.match(text, /the kernel killed process \d+ \(node\)/);
    assert.ok(verdict.faults.every(({ reverted }) => reverted));
    const [leak, limit] = verdict.faults.map(({ delivered }) => delivered);
    assert.ok((leak?.['memory_mb'] ?? 0) >= 200, JSON.stringify(leak));
    assert.equal(limit?.['memory_limit_mb'], 2);
    assert.equal(open, '[]');
  });
});
