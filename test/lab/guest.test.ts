import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootGuest, guestMissing } from './guest.ts';

test(
  'a command that the guest cannot read says so, and the next one is taken',
  { skip: guestMissing(), timeout: 300_000 },
  async () => {
    await using guest = await bootGuest();
    const { code, out } = await guest.run("echo /proc/7: can't open");
    assert.notEqual(code, 0);
    assert.match(out, /unterminated quoted string/);
    assert.deepEqual(await guest.run('echo on; exit 3'), { code: 3, out: 'on\n' });
    await assert.rejects(guest.run('echo one\necho two'), /no line of shell/);
  },
);
