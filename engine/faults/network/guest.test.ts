import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { bootGuest, guestMissing } from '../../../test/lab/guest.ts';
import { noWorld } from './test-world.ts';

const skip = guestMissing() || noWorld();
const PROGRAMS = ['tc', 'ip', 'nft', 'nsenter', 'unshare'];
/** Nothing is accelerated in the guest, and its host may be busy. Milliseconds. */
const AT_MOST = 900_000;

describe('a network fault in a guest whose kernel has netem', { skip, timeout: 2 * AT_MOST }, () => {
  test('does all that needs netem, as netem.test.ts measures it', async (t) => {
    await using guest = await bootGuest({ programs: PROGRAMS });
    const { code, out } = await guest.run('cd /firebreak; node engine/faults/network/netem.test.js', AT_MOST);
    for (const line of out.split('\n').filter((one) => /^ {2}[^ ]/.test(one))) t.diagnostic(line.trim());
    assert.equal(code, 0, out);
    assert.match(out, /skipped 0\n/);
    assert.match(out, /pass [1-9]/);
  });

  test('power cut in mid-fault: after the boot nothing is left, and recovery says so', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'firebreak-disk-'));
    try {
      const disk = join(folder, 'disk');
      writeFileSync(disk, Buffer.alloc(64 << 20));
      execFileSync('mkfs.ext4', ['-q', disk]);
      const options = { programs: PROGRAMS, disk };
      // With their paths: the shell of the guest has commands of these names built in.
      const [tc, ip, nft] = ['tc', 'ip', 'nft'].map((name) => `/firebreak-bin/${name}`);
      const prepare = `mount /dev/vda /mnt; ${ip} link add va0 type veth peer name vb0; ${ip} addr add 10.99.0.1/24 dev va0; ${ip} link set va0 up; ${ip} link set vb0 up`;
      const life = 'cd /firebreak; node engine/faults/network/test-reboot.js';
      const shown = `${tc} qdisc show; ${tc} class show dev va0; ${tc} filter show dev va0; ${nft} list tables; ${ip} -br link | cut -d" " -f1`;
      let clean: string;
      {
        await using guest = await bootGuest(options);
        await guest.run(prepare);
        clean = (await guest.run(shown)).out;
        const struck = await guest.run(`${life} strike /mnt/state va0 >/tmp/said 2>&1 & n=0; until grep -q . /tmp/said || [ $n -gt 300 ]; do sleep 1; n=$((n+1)); done; cat /tmp/said; ${shown}`, AT_MOST);
        assert.match(struck.out, /\["active"\]/);
        assert.match(struck.out, /qdisc netem [0-9a-f]+: dev va0 parent fb00:[0-9a-f]+ limit 50000 delay 100ms +loss 10%/);
        assert.match(struck.out, /^fb-[0-9a-f]{12}$/m);
        assert.doesNotMatch(struck.out, /^ifb/m, 'its module brings no interfaces of its own');
      }
      await using guest = await bootGuest(options);
      await guest.run(prepare);
      assert.equal((await guest.run(shown)).out, clean);
      const recovered = await guest.run(`${life} recover /mnt/state`, AT_MOST);
      assert.match(recovered.out, /\{"cleared":1,"open":0\}/);
      assert.equal((await guest.run(shown)).out, clean);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
