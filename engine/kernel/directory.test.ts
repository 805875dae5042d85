import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeDirectory, syncDirectory } from './directory.ts';

test('a directory is made with everything above it, once', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'firebreak-kernel-'));
  t.after(() => rmSync(root, { recursive: true }));
  makeDirectory(join(root, 'a/b/c'), 0o700);
  makeDirectory(join(root, 'a/b/c'), 0o700);
  assert.equal(statSync(join(root, 'a/b/c')).mode & 0o777, 0o700);
  writeFileSync(join(root, 'file'), '');
  assert.throws(() => makeDirectory(join(root, 'file/x')), { code: 'ENOTDIR' });
});

test('a place where nothing can be made is an error, not an endless loop', { skip: process.platform !== 'linux' && 'needs /proc' }, () => {
  assert.throws(() => makeDirectory('/proc/firebreak/state'), { code: 'ENOENT' });
});

test('the entries of a directory are put on the disk, where its file system can', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'firebreak-kernel-'));
  t.after(() => rmSync(root, { recursive: true }));
  syncDirectory(root);
  assert.throws(() => syncDirectory(join(root, 'nowhere')), { code: 'ENOENT' });
});
