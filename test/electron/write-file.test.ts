import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { writeWhole } from '../../electron/write-file.ts';

const folder = (): string => mkdtempSync(join(tmpdir(), 'firebreak-write-'));

describe('a file that is saved', () => {
  test('follows a link and keeps the mode of what was there', async (t) => {
    const at = folder();
    t.after(() => rmSync(at, { recursive: true }));
    writeFileSync(join(at, 'real.yaml'), 'old');
    chmodSync(join(at, 'real.yaml'), 0o640);
    symlinkSync('real.yaml', join(at, 'link.yaml'));
    await writeWhole(join(at, 'link.yaml'), 'new');
    assert.equal(readFileSync(join(at, 'real.yaml'), 'utf8'), 'new');
    assert.equal(statSync(join(at, 'real.yaml')).mode & 0o777, 0o640);
    assert.deepEqual(readdirSync(at).sort(), ['link.yaml', 'real.yaml']);
  });

  test('is left as it was when the disk is full', async (t) => {
    const at = folder();
    t.after(() => {
      spawnSync('umount', [at]);
      rmSync(at, { recursive: true });
    });
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', at]).status !== 0)
      return t.skip('a small disk cannot be mounted here (needs root)');
    writeFileSync(join(at, 'mine.yaml'), 'old');
    await assert.rejects(writeWhole(join(at, 'mine.yaml'), Buffer.alloc(200_000)), /ENOSPC/);
    assert.equal(readFileSync(join(at, 'mine.yaml'), 'utf8'), 'old');
    assert.deepEqual(readdirSync(at), ['mine.yaml']);
  });
});
