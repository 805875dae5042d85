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
export const SLEEPS = { stopped: 911_101, frozen: 911_102, limited: 911_103, among: 911_104, slowed: 911_105, refused: 911_106, broken: 911_107, clocked: 911_108 } as const;
const sleeping = (who: keyof typeof SLEEPS): string => `cmd:${SLEEPS[who]}`;
/** Whether a control group of Firebreak's is at work on one of them. */
const grouped = (who: keyof typeof SLEEPS): string => `cat /proc/$(cat /run/${who})/cgroup`;

/** What names its resolver in the file itself. */
export const UNRULED: readonly Struck[] = [
  { name: 'names, by the file', type: 'dns', target: 'host', fields: { names: '*.file.test' }, seen: ['cat /etc/resolv.conf', /^# firebreak-[0-9a-f]+:.*\nnameserver 127\./] },
];

/** What is on a disk, and therefore still there when the power comes back. */
export const LASTING: readonly Struck[] = [
  { name: 'full', type: 'disk', target: `${DATA}/full`, fields: { sizeMB: 6, reserveMB: 1 }, seen: [`ls -s ${DATA}/full`, /6\d\d\d firebreak-[0-9a-f]{18}$/m] },
  { name: 'no inodes', type: 'disk', target: `${DATA}/inodes`, fields: { action: 'inodes', percentage: 1 }, seen: [`ls ${DATA}/inodes`, /^firebreak-[0-9a-f]{18}$/m] },
  { name: 'clock', type: 'time', target: sleeping('clocked'), fields: { offset: '1h' }, seen: [`cat ${DATA}/clock`, /^# firebreak-[0-9a-f]+\n\+3600/] },
];

export const STRUCK: readonly Struck[] = [
  ...LASTING,
  { name: 'read-only', type: 'disk', target: PART, fields: { action: 'read-only' }, seen: ['cat /proc/mounts', new RegExp(`${PART} ext4 ro`)] },
  { name: 'slow disk', type: 'disk', target: DATA, fields: { action: 'limit', processes: sleeping('slowed'), writeRate: 100 }, seen: [grouped('slowed'), /firebreak-/] },
  { name: 'limits', type: 'resource', target: sleeping('limited'), fields: { memoryLimitMB: 64, pidsLimit: 30 }, seen: [grouped('limited'), /firebreak-/] },
  { name: 'limits of a group', type: 'resource', target: sleeping('among'), fields: { pidsLimit: PIDS }, seen: [`cat ${SHOP}/pids.max`, new RegExp(`^${PIDS}\\s*$`)] },
  { name: 'load', type: 'resource', target: 'host', fields: { cpuCores: 1, cpuLoad: 0.1 } },
  { name: 'stopped', type: 'process', target: sleeping('stopped'), fields: { action: 'stop', allowLast: true }, seen: [`cat /proc/$(cat /run/stopped)/stat`, /\) T /] },
  { name: 'frozen', type: 'process', target: sleeping('frozen'), fields: { action: 'freeze', allowLast: true }, seen: [grouped('frozen'), /firebreak-/] },
  { name: 'refused', type: 'kernel', target: sleeping('refused'), fields: { action: 'connect' }, seen: [grouped('refused'), /firebreak-/] },
  { name: 'broken', type: 'kernel', target: sleeping('broken'), fields: { action: 'call', calls: 'read' } },
  { name: 'names', type: 'dns', target: 'host', fields: { names: '*.rules.test' } },
  { name: 'link', type: 'network', target: 'va0', fields: { latency: '100ms', loss: 0.1, direction: 'both', allowWhole: true }, seen: ['/firebreak-bin/tc qdisc show', /qdisc netem [0-9a-f]+: dev va0 parent fb00:[0-9a-f]+ limit 50000 delay 100ms +loss 10%/] },
  { name: 'web', type: 'http', target: '/charge*', fields: { errorChance: 1, errorCode: 503 }, seen: ['netstat -ltn', /:7101 /] },
  { name: 'cache', type: 'redis', target: 'GET *', fields: { errorChance: 1 }, seen: ['netstat -ltn', /:7102 /] },
];
