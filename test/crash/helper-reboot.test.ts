import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { noWorld } from '../../engine/faults/network/test-world.ts';
import { faketimeLibrary } from '../../engine/host/clock-facts.ts';
import { bootGuest, guestMissing } from '../lab/guest.ts';
import { systemdMissing, withSystemd } from '../lab/systemd.ts';
import { DATA, FORGOTTEN, type Held, LASTING, OWN, OWN_SLEEP, PART, SLEEPS, UID } from './helper-reboot-faults.ts';

/** The unit of the helper, by a real systemd, through a kill and a power cut while the engine of an ordinary user has it hold faults. */

const library = faketimeLibrary()?.replace('$LIB', 'lib/x86_64-linux-gnu') ?? '';
const skip = guestMissing() || noWorld() || systemdMissing() || (library === '' && 'faketime is not installed on this machine');
/** Nothing is accelerated in the guest, and its host may be busy. Milliseconds. */
const AT_MOST = 800_000;
const UNIT = `firebreak-helper@${UID}`;
const STATE = '/mnt/state';
const SOCKET = `/run/firebreak/${UID}.sock`;
/** What the whole command line is made of: the unit starts `firebreak` as it is installed. */
const PACKAGES = [
  'koffi', 'commander', 'yaml', 'ws', 'pdfkit', 'mysql2', 'pg', 'prom-client', '@marcbachmann/cel-js', '@peculiar/x509',
  '@opentelemetry/api', '@opentelemetry/exporter-trace-otlp-http', '@opentelemetry/resources', '@opentelemetry/sdk-trace-base',
];

/** What a machine sets up when it starts. What lasts of its own disk is on another here: which units are enabled, and /var/lib. */
const startUp = (state: string, data: string): string =>
  [
    `mkdir -p ${STATE} ${DATA} /etc/systemd/system /var/lib /usr/local/bin; mount /dev/${state} ${STATE}; mount /dev/${data} ${DATA}; mount --bind ${PART} ${PART}`,
    `mount --bind ${STATE}/units /etc/systemd/system; mount --bind ${STATE}/lib /var/lib; ln -sf ${DATA}/resolv.conf /etc/resolv.conf`,
    `ln -s /bin /usr/bin; ln -s /firebreak-bin /usr/local/sbin; ln -s /firebreak/engine/cli/firebreak.mjs /usr/local/bin/firebreak; cp /firebreak/assets/systemd/* /lib/systemd/system`,
    'ip() { /firebreak-bin/ip "$@"; }; ip link add va0 type veth peer name vb0; ip addr add 10.99.0.1/24 dev va0; ip link set va0 up; ip link set vb0 up',
    `LD_PRELOAD=${library} FAKETIME_TIMESTAMP_FILE=${DATA}/clock FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 /firebreak-bin/sleep ${SLEEPS.clocked} & echo $! >/run/clocked`,
    `/firebreak-bin/sleep ${SLEEPS.frozen} & echo $! >/run/frozen`,
    `/firebreak-bin/setpriv --reuid ${UID} --regid ${UID} --clear-groups /firebreak-bin/sleep ${OWN_SLEEP} & echo $! >/run/own`,
  ].join('\n');
/** What is on the disks from the beginning. */
const FURNISH = [
  `mount /dev/vda /mnt; cd /mnt; mkdir units lib user; chown ${UID} user; cd /; umount /mnt; mount /dev/vdb /mnt; cd /mnt; mkdir part full inodes`,
  'echo of others > part/file; echo +90 > clock; printf "nameserver 10.99.0.53\\noptions ndots:2\\n" > resolv.conf; touch -d "2026-01-01 00:00" clock resolv.conf; cd /; umount /mnt',
].join('; ');
/** All that a fault could have left on disks, in the kernel and among the processes. */
const PICTURE = [
  `find ${DATA} -exec stat -c "%n %F %a %u %s" {} + | sort; cat ${DATA}/resolv.conf ${DATA}/clock ${PART}/file; stat -c %Y ${DATA}/resolv.conf ${DATA}/clock`,
  `grep ${DATA} /proc/mounts | cut -d" " -f2-; find /sys/fs/cgroup -name "firebreak-[0-9a-f]*"; for s in ${Object.keys(SLEEPS).join(' ')}; do cat /proc/$(cat /run/$s)/cgroup; cut -d" " -f3 /proc/$(cat /run/$s)/stat; done`,
  '/firebreak-bin/tc qdisc show; /firebreak-bin/ip -br link | cut -d" " -f1',
].join('; ');
const byName = (held: readonly { readonly name: string }[], more = ''): string[] => held.map(({ name }) => name + more).toSorted();
const ALL = [...LASTING, ...FORGOTTEN, ...OWN];

/** Until a condition of shell holds; says what systemd and the kernel know when it does not for long. */
const until = (condition: string): string => `n=0; until ${condition} || [ $n -gt 300 ]; do sleep 1; n=$((n+1)); done; ${condition} || { systemctl status ${UNIT}; ps; dmesg | tail -30; false; }`;
const asUser = (mode: string): string => `cd /firebreak; /firebreak-bin/setpriv --reuid ${UID} --regid ${UID} --clear-groups node test/crash/helper-reboot-child.js ${mode} ${STATE}/user/firebreak`;
/** An engine that goes on living once it has said its line. */
const STRIKE = `rm -f /tmp/said; (${asUser('strike')}) >/tmp/said 2>/tmp/wrong & n=0; until [ -s /tmp/said ] || [ ! -e /proc/$! ] || [ $n -gt 300 ]; do sleep 1; n=$((n+1)); done; [ -s /tmp/said ] && cat /tmp/said || cat /tmp/wrong`;
/** Of the processes whose command line matches; pgrep of busybox sees the beginning of it alone. The brackets keep grep out; others may end meanwhile. */
const pids = (pattern: string): string => `for p in /proc/[0-9]*; do { tr "\\0" " " <$p/cmdline | grep -q "${pattern}"; } 2>/dev/null && echo \${p#/proc/}; done | tr "\\n" " "`;
/** The helper itself, which `firebreak` has started. */
const HELPER = pids('[m]ain.js helper');
const WATCHDOG = pids('[f]irebreak-own=watchdog');
const ENGINE = pids('[h]elper-reboot-child');

function makeDisk(path: string): void {
  writeFileSync(path, '');
  truncateSync(path, 32 << 20);
  execFileSync('mkfs.ext4', ['-q', path]);
}

test('the unit of the helper: a kill and a power cut leave nothing, by the helper alone; then the engine of its user agrees', { skip, timeout: AT_MOST }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-helper-reboot-'));
  try {
    const [state, data] = ['state', 'data'].map((name) => join(folder, name)) as [string, string];
    makeDisk(state);
    makeDisk(data);
    const options = { programs: ['tc', 'ip', 'nsenter', 'unshare', 'mount', 'fallocate', 'sleep', 'date', 'setpriv'], packages: PACKAGES, files: [library] };
    const boot = async (before: string, disks: readonly string[]) => {
      const guest = await bootGuest(withSystemd({ ...options, disks, before }));
      const run = async (line: string): Promise<string> => (await guest.run(line, AT_MOST)).out.trimEnd();
      const said = async (line: string): Promise<unknown> => {
        const out = await run(line);
        assert.match(out, /^\{/, out);
        return JSON.parse(out);
      };
      const sure = async (condition: string, why: string): Promise<void> => assert.equal(await run(`${until(condition)} && echo so`), 'so', why);
      return { run, said, sure, [Symbol.asyncDispose]: () => guest[Symbol.asyncDispose]() };
    };
    const serving = async ({ sure }: Awaited<ReturnType<typeof boot>>): Promise<void> => sure(`[ -S ${SOCKET} ]`, 'the unit serves');
    const held = async ({ run }: Awaited<ReturnType<typeof boot>>, which: readonly Held[]): Promise<void> => {
      for (const { name, seen: [line, pattern] } of which) assert.match(await run(line), pattern, name);
    };
    let clean = '';
    {
      await using guest = await boot(`${FURNISH}\n${startUp('vda', 'vdb')}`, [state, data]);
      const { run, said, sure } = guest;
      await sure('[ "$(systemctl is-active multi-user.target 2>/dev/null)" = active ]', 'systemd is process 1');
      clean = await run(PICTURE);
      assert.match(clean, /nameserver 10\.99\.0\.53\noptions ndots:2\n\+90\nof others\n/);
      assert.match(await run(`systemctl enable --now ${UNIT}`), /multi-user\.target\.wants/);
      await serving(guest);
      assert.equal(await run(`stat -c "%u %a" ${SOCKET} /run/firebreak /var/lib/firebreak /var/lib/firebreak/${UID}`), `${UID} 600\n0 755\n0 755\n0 700`);

      assert.deepEqual(await said(STRIKE), { cleared: [], open: [], damage: [], active: byName(ALL, ' active') });
      await held(guest, ALL);
      const [first, watchdogs] = [await run(HELPER), await run(WATCHDOG)];
      // The engine of the user too, so that nobody is left but the watchdogs and systemd.
      assert.ok(first !== '' && watchdogs !== '');
      await run(`kill -9 $(${ENGINE}); rm ${SOCKET}; kill -9 ${first}; sleep 1`);
      // Where it takes long to start, another one may have come, and goes as it finds the first.
      assert.ok((await run(WATCHDOG)).split(' ').some((pid) => watchdogs.split(' ').includes(pid)), 'a watchdog outlives the helper of its unit');
      await serving(guest);
      assert.equal(await run(`systemctl show -P NRestarts ${UNIT}`), '1');
      assert.notEqual(await run(HELPER), first);
      assert.equal(await run(PICTURE), clean, 'what the helper held is reverted');

      assert.deepEqual(await said(STRIKE), { cleared: byName(ALL), open: [], damage: [], active: byName(ALL, ' active') });
      await held(guest, ALL);
      // What the faults have made is there; of the journals, on the other disk, only what they make sure of themselves.
      await run(`sync -f ${DATA}`);
    }
    // The unit begins by itself, so what it finds is looked at before systemd starts.
    const found = LASTING.map(({ seen: [line] }, index) => `(${line}) >/run/found-${index}`).join('\n');
    await using guest = await boot(`${startUp('vdb', 'vda')}\n${found}`, [data, state]);
    const { run, said } = guest;
    await serving(guest);
    for (const [index, { name, seen: [, pattern] }] of LASTING.entries()) {
      const out = await run(`cat /run/found-${index}`);
      assert.match(out, pattern, `${name} is there again: ${out}`);
    }
    assert.equal(await run(PICTURE), clean, 'nobody but the helper has begun yet');
    assert.deepEqual(await said(asUser('recover')), { cleared: byName(ALL), open: [], damage: [], active: [] });
    assert.equal(await run(PICTURE), clean);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
