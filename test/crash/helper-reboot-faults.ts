import { type FaultType } from '../../engine/faults/manifests.ts';

/** What an ordinary user's engine holds in a guest whose power is cut, and how a shell there sees it at work: what `seen` says must match. */
export interface Held {
  readonly name: string;
  readonly type: FaultType;
  readonly target: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly seen: readonly [line: string, pattern: RegExp];
}

/** The user, whom nothing belongs to but a process and the state of the engine. */
export const UID = 1_000;
/** Where the disk with the data is mounted, and a part of it that is mounted once more. */
export const DATA = '/mnt/data';
export const PART = `${DATA}/part`;
/** How long the process of the user itself sleeps. */
export const OWN_SLEEP = 912_201;
/** Idle processes of root are told apart by how long they sleep. */
export const SLEEPS = { clocked: 912_101, frozen: 912_102 } as const;

/** What is on a disk, and therefore still there when the power comes back: by the helper, as root. */
export const LASTING: readonly Held[] = [
  { name: 'full', type: 'disk', target: `${DATA}/full`, fields: { sizeMB: 6, reserveMB: 1, asRoot: true }, seen: [`ls -s ${DATA}/full`, /6\d\d\d firebreak-[0-9a-f]{18}$/m] },
  { name: 'no inodes', type: 'disk', target: `${DATA}/inodes`, fields: { action: 'inodes', percentage: 1, asRoot: true }, seen: [`ls ${DATA}/inodes`, /^firebreak-[0-9a-f]{18}$/m] },
  { name: 'clock', type: 'time', target: `cmd:${SLEEPS.clocked}`, fields: { offset: '1h', otherUsers: true }, seen: [`cat ${DATA}/clock`, /^# firebreak-[0-9a-f]+\n\+3600/] },
  // The guest has no nft, so the file itself names the resolver.
  { name: 'names', type: 'dns', target: 'host', fields: { names: '*.file.test' }, seen: ['cat /etc/resolv.conf', /^# firebreak-[0-9a-f]+:.*\nnameserver 127\./] },
];
/** What the kernel forgets, also by the helper. */
export const FORGOTTEN: readonly Held[] = [
  { name: 'read-only', type: 'disk', target: PART, fields: { action: 'read-only' }, seen: ['cat /proc/mounts', new RegExp(`${PART} ext4 ro`)] },
  { name: 'frozen', type: 'process', target: `cmd:${SLEEPS.frozen}`, fields: { action: 'freeze', allowLast: true }, seen: ['cat /proc/$(cat /run/frozen)/cgroup', /firebreak-/] },
  { name: 'link', type: 'network', target: 'va0', fields: { latency: '100ms', allowWhole: true }, seen: ['/firebreak-bin/tc qdisc show', /qdisc netem [0-9a-f]+: dev va0 .*delay 100ms/] },
];
/** What needs no root: the engine does it itself, and it is none of the helper's business. */
export const OWN: readonly Held[] = [
  { name: 'own', type: 'process', target: `cmd:${OWN_SLEEP}`, fields: { action: 'stop', allowLast: true }, seen: ['cat /proc/$(cat /run/own)/stat', /\) T /] },
];
