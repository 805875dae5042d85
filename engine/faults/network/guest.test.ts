import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bootGuest, guestMissing } from '../../../test/lab/guest.ts';
import { noWorld } from './test-world.ts';

const skip = guestMissing() || noWorld();
const PROGRAMS = ['tc', 'ip', 'nft', 'nsenter', 'unshare'];
/** Nothing is accelerated in the guest, and its host may be busy. Milliseconds. */
const AT_MOST = 900_000;

describe('a network fault in a guest whose kernel has netem', { skip, timeout: AT_MOST }, () => {
  test('does all that needs netem, as netem.test.ts measures it', async (t) => {
    await using guest = await bootGuest({ programs: PROGRAMS });
    const { code, out } = await guest.run('cd /firebreak; node engine/faults/network/netem.test.js', AT_MOST);
    for (const line of out.split('\n').filter((one) => /^ {2}[^ ]/.test(one))) t.diagnostic(line.trim());
    assert.equal(code, 0, out);
    assert.match(out, /skipped 0\n/);
    assert.match(out, /pass [1-9]/);
  });
});
