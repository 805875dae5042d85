import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { noWorld } from '../../engine/faults/network/test-world.ts';
import { noWriter } from '../../engine/faults/disk/test-writer.ts';
import { faketimeLibrary } from '../../engine/host/clock-facts.ts';
import { bootGuest, type Guest, guestMissing } from '../lab/guest.ts';
import { BY_FILE, DATA, LACKING, LASTING, PART, PIDS, SHELLS, SHOP, SLEEPS, STRUCK, TREE } from './reboot-faults.ts';

const library = faketimeLibrary()?.replace('$LIB', 'lib/x86_64-linux-gnu') ?? '';
const skip = guestMissing() || noWorld() || noWriter() || (library === '' && 'faketime is not installed on this machine');
/** Nothing is accelerated in the guest, and its host may be busy. Milliseconds. */
const AT_MOST = 800_000;
const PROGRAMS = ['tc', 'ip', 'nft', 'nsenter', 'unshare', 'strace', 'mount', 'fallocate', 'sleep', 'date', 'perl'];
const [tc, ip, nft, sleep] = ['tc', 'ip', 'nft', 'sleep'].map((name) => `/firebreak-bin/${name}`);
const STATE = '/mnt/state';
const life = (mode: string): string => `cd /firebreak; node test/crash/reboot-child.js ${mode} ${STATE}/firebreak`;

/** What a machine sets up when it starts: disks, control groups, an interface, services. The state is on the first disk at first, then on the second. */
const startUp = (state: string, data: string): string =>
  [
    `mkdir -p ${STATE} ${DATA}; mount /dev/${state} ${STATE}; mount /dev/${data} ${DATA}; mount --bind ${PART} ${PART}`,
    `ln -sf ${DATA}/resolv.conf /etc/resolv.conf`,
    `mount -t cgroup2 none ${TREE}; echo "+memory +cpu +pids +io" > ${TREE}/cgroup.subtree_control; mkdir ${SHOP}; echo 900 > ${SHOP}/pids.max`,
    `${ip} link add va0 type veth peer name vb0; ${ip} addr add 10.99.0.1/24 dev va0; ${ip} link set va0 up; ${ip} link set vb0 up`,
    ...Object.entries(SLEEPS).map(([who, seconds]) => {
      const clock = who === 'clocked' ? `LD_PRELOAD=${library} FAKETIME_TIMESTAMP_FILE=${DATA}/clock FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 ` : '';
      return `${clock}${sleep} ${seconds} </dev/null >/dev/null 2>&1 & echo $! > /run/${who}`;
    }),
    ...Object.entries(SHELLS).map(([who, number]) => `mkfifo /run/${who}.told; sh -c 'while read -r line; do eval "$line"; done' ${number} <>/run/${who}.told >>/run/${who}.said 2>&1 & echo $! > /run/${who}`),
    `cat /run/among > ${SHOP}/cgroup.procs`,
  ].join('; ');

const FILES = `${DATA}/resolv.conf ${DATA}/clock`;
/** All that a fault could have left on disks, in the kernel and among the processes. */
const PICTURE = [
  `find ${DATA} -exec stat -c "%n %F %a %u %s" {} + | sort; cat ${FILES} ${DATA}/*/file; stat -c %Y ${FILES}`,
  `grep mnt /proc/mounts | cut -d" " -f2-; find ${TREE} -type d; cat ${SHOP}/pids.max`,
  `for s in ${[...Object.keys(SLEEPS), ...Object.keys(SHELLS)].join(' ')}; do cat /proc/$(cat /run/$s)/cgroup; cut -d" " -f3 /proc/$(cat /run/$s)/stat; grep TracerPid /proc/$(cat /run/$s)/status; done`,
  `${tc} qdisc show; ${tc} class show dev va0; ${tc} filter show dev va0; ${nft} list tables; cat /proc/net/netfilter/nfnetlink_queue 2>/dev/null; ${ip} -br link | cut -d" " -f1`,
  'cat /proc/[0-9]*/cmdline | tr "\\0" "\\n" | grep -c firebreak[-]own',
].join('; ');
const NAMES = [...LACKING, ...STRUCK].map(({ name }) => name).toSorted();
/** A guest that stands still would lose what lives by a lease, which is of no interest here: what holds a fault holds it until the power goes. */
const PATIENT = `sed -i "s/^export const LEASE_MS = 10_000;/export const LEASE_MS = 3_600_000;/" /firebreak/engine/host/held.js; grep -c "LEASE_MS = 3_600_000" /firebreak/engine/host/held.js`;
/** What is on the disk with the data from the beginning. */
const FURNISH = 'mkdir part full inodes guarded denied cut; for f in part guarded denied; do echo of others > $f/file; done; yes x | tr -d "\\n" | head -c 1000 > cut/file; echo +90 > clock; printf "nameserver 10.99.0.53\\noptions ndots:2\\n" > resolv.conf; touch -d "2026-01-01 00:00" clock resolv.conf';


/** Node says one line when it is done, and goes on living: what it holds is to be held when the power goes. */
const until = (command: string): string => `(${command}) >/tmp/said 2>/tmp/wrong & n=0; until [ -s /tmp/said ] || [ ! -e /proc/$! ] || [ $n -gt 300 ]; do sleep 1; n=$((n+1)); done; [ -s /tmp/said ] && cat /tmp/said || cat /tmp/wrong`;

function makeDisk(path: string, megabytes: number): void {
  writeFileSync(path, '');
  truncateSync(path, megabytes << 20);
  execFileSync('mkfs.ext4', ['-q', path]);
}
/** Whose host may be so busy that the shortest line takes minutes. */
const patient = ({ run }: Guest): Pick<Guest, 'run'> => ({ run: (line) => run(line, AT_MOST) });

test('power cut while every fault of a machine is in it: after the boot nothing is left, whatever its disks are called now', { skip, timeout: AT_MOST }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-reboot-'));
  try {
    const [state, data] = ['state', 'data'].map((name) => join(folder, name)) as [string, string];
    makeDisk(state, 16);
    makeDisk(data, 32);
    const options = { programs: PROGRAMS, packages: ['koffi', '@marcbachmann/cel-js'], files: [library] };
    let [clean, pid] = ['', 0];
    {
      await using machine = await bootGuest({ ...options, disks: [state, data] });
      const guest = patient(machine);
      await guest.run(`mount /dev/vdb /mnt; cd /mnt; ${FURNISH}; cd /; umount /mnt`);
      // Numbers that no process of the second boot has by itself.
      await guest.run('echo 20000 > /proc/sys/kernel/ns_last_pid');
      await guest.run(startUp('vda', 'vdb'));
      assert.equal((await guest.run(PATIENT)).out.trim(), '1');
      clean = (await guest.run(PICTURE)).out;
      assert.match(clean, /nameserver 10\.99\.0\.53\noptions ndots:2\n\+90\n/);
      pid = Number((await guest.run('cat /run/stopped')).out);
      // What the faults write is on the disk at once: of the journal, only what it makes sure of itself.
      await guest.run(`mount -o remount,sync,dirsync ${DATA}`);
      const struck = await guest.run(until(life('strike')));
      assert.deepEqual(JSON.parse(struck.out), NAMES.map((name) => `${name} active`), struck.out);
      for (const { name, seen: [line, pattern] = ['', /^/] } of [...LACKING, ...STRUCK]) assert.match((await guest.run(line || 'true')).out, pattern, name);
    }
    await using machine = await bootGuest({ ...options, disks: [data, state] });
    const guest = patient(machine);
    await guest.run(startUp('vdb', 'vda'));
    // Somebody else stops a process that has the number of one that Firebreak had stopped, and sets the limit that it had set.
    await guest.run(`echo ${pid - 1} > /proc/sys/kernel/ns_last_pid; ${sleep} 922222 >/dev/null 2>&1 & kill -STOP ${pid}; echo ${PIDS} > ${SHOP}/pids.max`);
    const namesake = `cut -d" " -f3 /proc/${pid}/stat`;
    assert.equal((await guest.run(namesake)).out.trim(), 'T');
    for (const { name, seen: [line, pattern] = ['', /^/] } of [BY_FILE, ...LASTING]) assert.match((await guest.run(line || 'true')).out, pattern, `${name} is there again`);
    const { out } = await guest.run(life('recover'));
    assert.deepEqual(JSON.parse(out), { cleared: NAMES.toSorted(), open: [], damage: [] });
    assert.equal((await guest.run(`${namesake}; kill -KILL ${pid}`)).out.trim(), 'T', 'the namesake is still stopped');
    assert.equal((await guest.run(`cat ${SHOP}/pids.max; echo 900 > ${SHOP}/pids.max`)).out.trim(), `${PIDS}`);
    assert.equal((await guest.run(PICTURE)).out, clean);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
