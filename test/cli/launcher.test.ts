import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { findByArgument } from '../../engine/host/processes.ts';
import { BUSY_MACHINE, eventually } from '../crash/harness.ts';
import { folder, Running } from './process.ts';

const root = join(import.meta.dirname, '../..');
const LAUNCHER = join(root, 'engine/cli/firebreak.mjs');
/** It would install them. */
const skip = !existsSync(join(root, 'node_modules/.firebreak-lock')) && 'the dependencies are not installed by npm start or npm test';

test('what `firebreak` has started ends, and reverts, when it is killed itself: whoever watches over it sees no other process', { skip, timeout: 120_000 }, async () => {
  using dir = folder();
  await using launcher = new Running(LAUNCHER, ['serve', '--port', '0', '--state-dir', dir.path]);
  await launcher.says(/127\.0\.0\.1:/);
  const others = () => findByArgument(dir.path).filter(({ pid }) => pid !== launcher.child.pid);
  assert.notEqual(others().length, 0);
  launcher.child.kill('SIGKILL');
  try {
    await eventually('nothing of it is left', async () => others().length === 0, BUSY_MACHINE, () => launcher.out + launcher.err);
  } finally {
    for (const { pid } of others()) process.kill(pid, 'SIGTERM');
  }
});
