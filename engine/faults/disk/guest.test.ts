import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootGuest, guestMissing } from '../../../test/lab/guest.ts';

/** Nothing is accelerated in the guest, and its host may be busy. Milliseconds. */
const AT_MOST = 600_000;

test('in a guest with an older kernel: calls on files are struck as far as it tells of them', { skip: guestMissing(), timeout: AT_MOST }, async () => {
  await using guest = await bootGuest({ packages: ['zod', 'koffi'] });
  const { code, out } = await guest.run('mkdir -p /dev/shm && mount -t tmpfs memory /dev/shm && cd /firebreak && node engine/faults/disk/older.test.js', AT_MOST);
  assert.equal(code, 0, out);
  assert.match(out, /pass 1\n/);
  assert.match(out, /skipped 0\n/);
});
