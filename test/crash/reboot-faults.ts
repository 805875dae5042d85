import { type Route } from '../../engine/contract/models.ts';
import { type FaultType } from '../../engine/faults/manifests.ts';

/**
 * One fault in a guest whose power is cut, and how a shell there sees it at work: what `seen` says must match. Absent for what
 * is in a process of Firebreak's alone, which a guest that stood still may have lost, and which no power cut can leave.
 */
export interface Struck {
  readonly name: string;
  readonly type: FaultType;
  readonly target: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly seen?: readonly [line: string, pattern: RegExp];
}

/** Where the disk with the data is mounted, and a part of it that is mounted once more. */
export const DATA = '/mnt/data';
export const PART = `${DATA}/part`;
/** The unified tree of control groups, with a group of somebody else's. */
export const TREE = '/sys/fs/cgroup';
export const SHOP = `${TREE}/shop`;
/** What the fault makes of its limit, which somebody else may as well. */
export const PIDS = 40;

export const ROUTES: readonly Route[] = [
  { name: 'web', protocol: 'http', listen: '127.0.0.1:7101', upstream: '127.0.0.1:7201' },
  { name: 'cache', protocol: 'redis', listen: '127.0.0.1:7102', upstream: '127.0.0.1:7202' },
];

/** Idle processes are told apart by how long they sleep. */
export const SLEEPS = { stopped: 911_101, frozen: 911_102, limited: 911_103, among: 911_104, slowed: 911_105, clocked: 911_106, killed: 911_107, ended: 911_108 } as const;
/** Shells that wait for a line and do what it says, by a number in their command line: what they are told is what the fault does to them. */
export const SHELLS = { refused: 911_201, bound: 911_202, socketless: 911_203, silenced: 911_204, broken: 911_205, denied: 911_206, cut: 911_207 } as const;
const ALL = { ...SLEEPS, ...SHELLS };
const of = (who: keyof typeof ALL): string => `cmd:${ALL[who]}`;
/** Whether a control group of Firebreak's is at work on one of them. */
const grouped = (who: keyof typeof ALL): string => `cat /proc/$(cat /run/${who})/cgroup`;
const state = (who: keyof typeof ALL): string => `cat /proc/$(cat /run/${who})/stat`;
/** What a shell answers to a line, which may not have apostrophes. */
const told = (who: keyof typeof SHELLS, line: string): string =>
  `echo '${line}; echo all said' > /run/${who}.told; n=0; until grep -q 'all said' /run/${who}.said || [ $n -gt 600 ]; do usleep 100000; n=$((n+1)); done; cat /run/${who}.said`;
/** Whether a child process of Firebreak's is there. */
const held = (role: string): string => `cat /proc/[0-9]*/cmdline | tr "\\0" "\\n" | grep firebreak[-]own=${role}`;
const WRITE = `perl -e "open F, q(+<), q(${DATA}/cut/file); print syswrite(F, q(x) x 1000), q( bytes)"`;

/** On a disk as well, as the file itself names the resolver. */
export const BY_FILE: Struck = { name: 'names, by the file', type: 'dns', target: 'host', fields: { names: '*.file.test' }, seen: ['cat /etc/resolv.conf', /^# firebreak-[0-9a-f]+:.*\nnameserver 127\./] };
/** What is done another way where a kernel has neither rules for names nor netem: then a program holds the packets. */
export const LACKING: readonly Struck[] = [
  BY_FILE,
  {
    name: 'held link', type: 'network', target: 'lo', fields: { port: '7301', latency: '60s' },
    // A packet waits there when the power goes.
    seen: ['(nc 127.0.0.1 7301 </dev/null >/dev/null 2>&1 &); sleep 1; cat /proc/net/netfilter/nfnetlink_queue', /^ *\d+ +\d+ +[1-9]/m],
  },
];

/** What is on a disk, and therefore still there when the power comes back. */
export const LASTING: readonly Struck[] = [
  { name: 'full', type: 'disk', target: `${DATA}/full`, fields: { sizeMB: 6, reserveMB: 1 }, seen: [`ls -s ${DATA}/full`, /6\d\d\d firebreak-[0-9a-f]{18}$/m] },
  { name: 'no inodes', type: 'disk', target: `${DATA}/inodes`, fields: { action: 'inodes', percentage: 1 }, seen: [`ls ${DATA}/inodes`, /^firebreak-[0-9a-f]{18}$/m] },
  { name: 'clock', type: 'time', target: of('clocked'), fields: { offset: '1h' }, seen: [`cat ${DATA}/clock`, /^# firebreak-[0-9a-f]+\n\+3600/] },
];

export const STRUCK: readonly Struck[] = [
  ...LASTING,
  { name: 'caches', type: 'resource', target: 'host', fields: { dropCaches: true, allowHost: true }, seen: ['cat /proc/vmstat', /drop_pagecache [1-9]/] },
  { name: 'read-only', type: 'disk', target: PART, fields: { action: 'read-only' }, seen: ['cat /proc/mounts', new RegExp(`${PART} ext4 ro`)] },
  { name: 'slow disk', type: 'disk', target: DATA, fields: { action: 'limit', processes: of('slowed'), writeRate: 100, readOps: 20 }, seen: [`${grouped('slowed')}; cat ${TREE}/firebreak-*/io.max`, /firebreak-[^]*riops=20/] },
  { name: 'files', type: 'disk', target: `${DATA}/guarded`, fields: { action: 'files', operation: 'open', error: 'EPERM' }, seen: [`cat ${DATA}/guarded/file`, /Operation not permitted/] },
  { name: 'files of a process', type: 'disk', target: `${DATA}/denied`, fields: { action: 'files', operation: 'write', error: 'ENOSPC', processes: of('denied') }, seen: [told('denied', `echo more >> ${DATA}/denied/file`), /No space left/] },
  { name: 'short writes', type: 'disk', target: `${DATA}/cut`, fields: { action: 'short-writes', processes: of('cut') }, seen: [told('cut', WRITE), /^500 bytes/m] },
  { name: 'limits', type: 'resource', target: of('limited'), fields: { memoryLimitMB: 64, pidsLimit: 30, cpuLimit: 0.5 }, seen: [`${grouped('limited')}; cat ${TREE}/firebreak-*/cpu.max`, /firebreak-[^]*50000 100000/] },
  { name: 'limits of a group', type: 'resource', target: of('among'), fields: { pidsLimit: PIDS }, seen: [`cat ${SHOP}/pids.max`, new RegExp(`^${PIDS}\\s*$`)] },
  { name: 'load', type: 'resource', target: 'host', fields: { cpuCores: 1, cpuLoad: 0.1 }, seen: [held('cpu'), /cpu/] },
  { name: 'stopped', type: 'process', target: of('stopped'), fields: { action: 'stop', allowLast: true }, seen: [state('stopped'), /\) T /] },
  { name: 'frozen', type: 'process', target: of('frozen'), fields: { action: 'freeze', allowLast: true }, seen: [grouped('frozen'), /firebreak-/] },
  { name: 'killed', type: 'process', target: of('killed'), fields: { action: 'kill', allowLast: true }, seen: [state('killed'), /No such file|\) Z /] },
  { name: 'ended', type: 'process', target: of('ended'), fields: { action: 'terminate', allowLast: true }, seen: [state('ended'), /No such file|\) Z /] },
  { name: 'refused', type: 'kernel', target: of('refused'), fields: { action: 'connect', errno: 'EACCES' }, seen: [told('refused', 'nc 127.0.0.1 7201'), /Permission denied/] },
  { name: 'no listening', type: 'kernel', target: of('bound'), fields: { action: 'bind', port: 7401 }, seen: [told('bound', 'timeout 5 nc -l -p 7401'), /Address already in use/] },
  { name: 'no sockets', type: 'kernel', target: of('socketless'), fields: { action: 'socket' }, seen: [told('socketless', 'nc 127.0.0.1 7201'), /Too many open files/] },
  { name: 'no packets', type: 'kernel', target: of('silenced'), fields: { action: 'packet', direction: 'egress' }, seen: [told('silenced', 'ping -c 1 -W 1 127.0.0.1'), /Operation not permitted/] },
  { name: 'broken', type: 'kernel', target: of('broken'), fields: { action: 'call', calls: 'read', path: `${DATA}/resolv.conf` }, seen: [told('broken', `cat ${DATA}/resolv.conf`), /Input\/output error|I\/O error/] },
  { name: 'names', type: 'dns', target: 'host', fields: { names: '*.rules.test' } },
  { name: 'link', type: 'network', target: 'va0', fields: { latency: '100ms', loss: 0.1, direction: 'both', allowWhole: true }, seen: ['/firebreak-bin/tc qdisc show', /qdisc netem [0-9a-f]+: dev va0 parent fb00:[0-9a-f]+ limit 50000 delay 100ms +loss 10%/] },
  { name: 'web', type: 'http', target: '/charge*', fields: { errorChance: 1, errorCode: 503 }, seen: ['netstat -ltn', /:7101 /] },
  { name: 'cache', type: 'redis', target: 'GET *', fields: { errorChance: 1 }, seen: ['netstat -ltn', /:7102 /] },
];
