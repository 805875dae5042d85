import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootGuest, guestMissing } from '../../../test/lab/guest.ts';

/** Nothing is accelerated in the guest, and its host may be busy. Milliseconds. */
const AT_MOST = 600_000;
const TREE = '/sys/fs/cgroup';
const ALL = '"+memory +cpu +pids +io"';

test('in a guest with the unified tree: processes among others are limited beside their group, and come back', { skip: guestMissing(), timeout: AT_MOST }, async () => {
  const group = { folder: `${TREE}/shop.slice`, home: `${TREE}/shop.slice/session.scope` };
  await using guest = await bootGuest({ packages: ['zod'] });
  const prepare = [
    `mount -t cgroup2 none ${TREE}`, `echo ${ALL} > ${TREE}/cgroup.subtree_control`, `mkdir ${group.folder}`,
    `echo ${ALL} > ${group.folder}/cgroup.subtree_control`, `mkdir ${group.home}`, `echo 900 > ${group.home}/pids.max`,
  ];
  assert.equal((await guest.run(prepare.join(' && '))).code, 0);
  for (const [file, pattern] of [['engine/host/control-limits.test.js', 'real tree'], ['engine/faults/resource/limits.test.js', 'limits on processes']]) {
    const inside = `echo \\$\\$ > ${group.home}/cgroup.procs; exec node --test-name-pattern='${pattern}' ${file}`;
    const { code, out } = await guest.run(`cd /firebreak; sh -c "${inside}"`, AT_MOST);
    assert.equal(code, 0, out);
    assert.match(out, /pass [1-9]/);
    assert.match(out, /skipped 0\n/);
  }
  const { out } = await guest.run(`find ${TREE} -name 'firebreak*'; cat ${group.home}/pids.max`);
  assert.equal(out.trim(), '900', 'no group is left, and the foreign one is as it was');
});
