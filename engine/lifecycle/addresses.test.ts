import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { FirebreakError } from '../kernel/errors.ts';
import { sentinelAddress, sentinelAddresses, watchdogAddress } from './addresses.ts';
import { temporary } from './test-parts.ts';

test('a socket lies in the state directory, or, when that path is too long, in a directory of this user alone', () => {
  using dir = temporary();
  assert.equal(watchdogAddress(dir.path), join(dir.path, 'watchdog.sock'));
  const long = join(dir.path, 'a-state-directory-with-a-long-name'.repeat(4));
  const address = watchdogAddress(long);
  const folder = dirname(address);
  try {
    assert.ok(Buffer.byteLength(sentinelAddress(long, 4_194_304)) <= 100, address);
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    assert.notEqual(folder, dirname(watchdogAddress(`${long}x`)), 'each state directory has its own');
    writeFileSync(sentinelAddress(long, 42), '');
    assert.deepEqual(sentinelAddresses(long), [sentinelAddress(long, 42)]);
    chmodSync(folder, 0o755);
    assert.throws(
      () => watchdogAddress(long),
      (error: unknown) => error instanceof FirebreakError && error.code === 'socket-unsafe',
    );
  } finally {
    rmSync(folder, { recursive: true });
    rmSync(dirname(watchdogAddress(`${long}x`)), { recursive: true });
  }
});

test('only sentinels are taken for sentinels', () => {
  using dir = temporary();
  mkdirSync(dir.path, { recursive: true });
  for (const name of ['engine-7.sock', 'engine-.sock', 'engine-x.sock', 'engine-7.json', 'watchdog.sock'])
    writeFileSync(join(dir.path, name), '');
  assert.deepEqual(sentinelAddresses(dir.path), [join(dir.path, 'engine-7.sock')]);
});
