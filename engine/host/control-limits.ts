import { accessSync, constants, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { type Clock } from '../kernel/clock.ts';
import { errnoOf, FirebreakError, messageOf } from '../kernel/errors.ts';
import { readText } from './cgroups.ts';
import { type ControlTree, controlTrees, groupFolder, isOwnGroup, ownGroup, placeIn, removeGroup } from './control-groups.ts';
import { ofThisBoot, processIdentity, stateOf } from './identity.ts';
import { type ProcessInfo } from './processes.ts';
import { nameOf } from './process-targets.ts';

/**
 * Limits on processes by control groups. In a tree of the older kind (cgroup v1) each process goes into a group of
 * Firebreak's own below its own, so that every limit it is under goes on to hold. In the unified tree (v2) a group that holds
 * processes can have no children with limits ("No Internal Process Constraint" of the kernel's cgroup-v2.rst). Where all that
 * is in a group is meant, the limit is written on the group itself, and an empty child says whose it is. Else each process goes
 * into a group beside its own, with the limits that its own has.
 */

/** What is to be limited; only what is named. */
export interface Limits {
  readonly memoryMB?: number;
  /** Cores' worth of processor time. */
  readonly cores?: number;
  /** Processes and threads. */
  readonly pids?: number;
  readonly disk?: DiskLimits;
}
/** On one block device; 0 is no limit. */
export interface DiskLimits {
  /** `MAJOR:MINOR`. */
  readonly device: string;
  /** Bytes a second. */
  readonly read: number;
  readonly write: number;
  /** Operations a second. */
  readonly readOps: number;
  readonly writeOps: number;
}

const KINDS = ['memory', 'cpu', 'pids', 'disk'] as const;
type Kind = (typeof KINDS)[number];
/** What each is called in the older trees and in the unified one. */
const CONTROLLER: Readonly<Record<Kind, readonly [v1: string, v2: string]>> = {
  memory: ['memory', 'memory'], cpu: ['cpu', 'cpu'], pids: ['pids', 'pids'], disk: ['blkio', 'io'],
};

/** One limit on one process, complete before anything is changed. */
export const limitEntry = processIdentity.extend({
  name: z.string(),
  kind: z.enum(KINDS),
  v2: z.boolean(),
  /** Where the group of Firebreak's own is, seen from that of the process. `itself`: that one is limited, and this is only a mark in it. */
  place: z.enum(['below', 'beside', 'itself']),
  group: z.string().refine(isOwnGroup, 'expected a control group of Firebreak'),
  /** The group that the process was in. */
  home: z.string().startsWith('/'),
  /** In this order; `prior` is what the file said before, '' in a group that is new. */
  writes: z.array(z.object({ file: z.string().regex(/^(memory|cpu|pids|io|blkio)\.[\w.]+$/), value: z.string(), prior: z.string() })).min(1),
});
export type LimitEntry = z.infer<typeof limitEntry>;

/** The processor's period, in microseconds: the kernel's own default (sched-bwc.rst). */
const PERIOD = 100_000;
const MB = 1_048_576;

type Write = readonly [file: string, value: string];
/** What to write; a file in brackets only where the kernel has it. See cgroup-v1/{memory,blkio-controller}.rst, sched-bwc.rst and cgroup-v2.rst. */
function writesOf(kind: Kind, limits: Limits, v2: boolean): readonly Write[] {
  const bytes = String((limits.memoryMB ?? 0) * MB);
  const quota = String(Math.round((limits.cores ?? 0) * PERIOD));
  const { device = '', read = 0, write = 0, readOps = 0, writeOps = 0 } = limits.disk ?? {};
  switch (kind) {
    case 'memory':
      // Nor may it be swapped out instead.
      return v2 ? [['memory.max', bytes], ['(memory.swap.max)', '0']] : [['memory.limit_in_bytes', bytes], ['(memory.memsw.limit_in_bytes)', bytes]];
    case 'cpu':
      return v2 ? [['cpu.max', `${quota} ${PERIOD}`]] : [['cpu.cfs_period_us', String(PERIOD)], ['cpu.cfs_quota_us', quota]];
    case 'pids':
      return [['pids.max', String(limits.pids ?? 0)]];
    case 'disk':
      if (v2) {
        const parts = Object.entries({ rbps: read, wbps: write, riops: readOps, wiops: writeOps }).filter(([, value]) => value > 0);
        return [['io.max', [device, ...parts.map(([key, value]) => `${key}=${value}`)].join(' ')]];
      }
      return Object.entries({ read_bps: read, write_bps: write, read_iops: readOps, write_iops: writeOps })
        .filter(([, value]) => value > 0)
        .map(([key, value]) => [`blkio.throttle.${key}_device`, `${device} ${value}`] as const);
  }
}

/**
 * Decides how each of these processes will be limited; changes nothing. @param proc where the kernel tells of processes.
 * @throws FirebreakError `limit-refused` where this machine, or the group that a process is in, cannot.
 */
export function planLimits(fleet: readonly ProcessInfo[], limits: Limits, token: string, proc = '/proc'): readonly LimitEntry[] {
  const trees = controlTrees(proc);
  const asked: Readonly<Record<Kind, unknown>> = { memory: limits.memoryMB, cpu: limits.cores, pids: limits.pids, disk: limits.disk };
  const kinds = KINDS.filter((kind) => asked[kind] !== undefined);
  const set = new Set(kinds.flatMap((kind) => writesOf(kind, limits, true)).map(([file]) => file.replace(/[()]/g, '')));
  return kinds.flatMap((kind) => {
    const marked = new Set<string>();
    return fleet.flatMap((info) => {
      const { tree, folder } = findGroup(kind, info, trees, proc);
      const place = !tree.v2 || folder === tree.mount ? 'below' : isAllMeant(folder, fleet) ? 'itself' : 'beside';
      // One limit for the whole group, however many of the fleet are in it.
      if (place === 'itself' && marked.has(folder)) return [];
      marked.add(folder);
      refuseTaken(folder, tree);
      const { pid, started } = info;
      const writes = writesOf(kind, limits, tree.v2).flatMap(([name, value]) => {
        const file = name.replace(/^\((.*)\)$/, '$1');
        if (file !== name && !existsSync(join(folder, file))) return [];
        return [{ file, value, prior: place === 'itself' ? priorOf(readText(join(folder, file)), value) : '' }];
      });
      if (place === 'beside') writes.push(...carriedOver(folder, writes, set));
      const parent = place === 'beside' ? dirname(folder) : folder;
      return [{ pid, started, name: info.program || info.name, kind, v2: tree.v2, place, group: ownGroup(parent, token, pid), home: folder, writes }];
    });
  });
}

/** What a limit takes from every other fault; see TargetPlan.takes. */
export const takenBy = (entry: LimitEntry): string => (entry.place === 'itself' ? entry.home : placeIn(entry.home, entry));

function findGroup(kind: Kind, info: ProcessInfo, trees: readonly ControlTree[], proc: string): { readonly tree: ControlTree; readonly folder: string } {
  const [v1, v2] = CONTROLLER[kind];
  const tree = trees.find((one) => one.controllers.includes(v1)) ?? trees.find((one) => one.v2);
  if (tree === undefined) throw refused(`no control groups are mounted that can limit ${kind}`, 'mount them, as systemd does at boot');
  const folder = groupFolder(tree, info.pid, v1, proc)?.replace(/\/$/, '');
  if (folder === undefined) throw refused(`the control group of process ${nameOf(info)} cannot be seen from here`, 'run outside of the container');
  const file = writesOf(kind, { disk: { device: '0:0', read: 1, write: 1, readOps: 1, writeOps: 1 } }, tree.v2)[0]?.[0] ?? '';
  if (tree.v2) {
    // In the root group a process has no limits of its own, but may have a group below.
    const above = folder === tree.mount ? folder : dirname(folder);
    const has = folder === tree.mount ? readText(join(above, 'cgroup.subtree_control')).split(' ').includes(v2) : existsSync(join(folder, file));
    if (!has) throw refused(`the control group of process ${nameOf(info)} does not limit ${kind} (${v2})`, `as root: echo +${v2} > ${join(above, 'cgroup.subtree_control')}`);
  }
  try {
    accessSync(folder, constants.W_OK);
    if (tree.v2 && folder !== tree.mount) accessSync(dirname(folder), constants.W_OK);
  } catch {
    throw refused(`the control group of process ${nameOf(info)} cannot be changed`, 'run as root, or start the helper: sudo firebreak helper');
  }
  return { tree, folder };
}

const levelsOf = (mount: string, folder: string): readonly string[] => folder.slice(mount.length).split('/').filter(Boolean);

/** Two faults cannot hold the same group: the first to end would leave the other without its own. */
function refuseTaken(folder: string, { mount, v2 }: ControlTree): void {
  const levels = levelsOf(mount, folder);
  if ((v2 ? [...levels, ...readdirSync(folder)] : levels).some((name) => isOwnGroup(name))) throw refused(`${folder} is held by another fault already`, 'wait until it has ended; firebreak recover clears what was left open');
}

/** Whether a limit on the whole group would hit nobody else. */
function isAllMeant(folder: string, fleet: readonly ProcessInfo[]): boolean {
  const meant = new Set(fleet.map(({ pid }) => String(pid)));
  return membersOf(folder).every((pid) => meant.has(pid));
}

/** Limits of groups of the unified tree that a process must not lose when it leaves; see cgroup-v2.rst for what they say without one. */
const CARRIED = { 'memory.max': 'max', 'memory.high': 'max', 'memory.swap.max': 'max', 'cpu.max': 'max 100000', 'pids.max': 'max' } as const;

/**
 * What the group of a process allows it, but for the files that are about to be set anyhow: all limits of a fault share its new
 * group. @throws FirebreakError `limit-refused` when it allows less than is asked for.
 */
function carriedOver(folder: string, writes: LimitEntry['writes'], set: ReadonlySet<string>): LimitEntry['writes'] {
  return Object.entries(CARRIED).flatMap(([file, none]) => {
    const value = readText(join(folder, file));
    if (value === '' || value === none || (file === 'cpu.max' && value.startsWith('max'))) return [];
    const asked = writes.find((one) => one.file === file);
    if (asked === undefined) return set.has(file) ? [] : [{ file, value, prior: '' }];
    if (share(value) < share(asked.value)) throw refused(`${folder} allows less already: ${file} is ${value}`, 'ask for less');
    return [];
  });
}
/** `N` or `N of M`. */
const share = (value: string): number => Number(value.split(' ')[0]) / Number(value.split(' ')[1] ?? 1);

/** Every process in a group and below. */
function membersOf(folder: string): readonly string[] {
  const below = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [...readText(join(folder, 'cgroup.procs')).split('\n').filter(Boolean), ...below.flatMap(({ name }) => membersOf(join(folder, name)))];
}

/** What must be written to have it as it was: io.max forgets a device only when every limit on it is `max`. */
function priorOf(text: string, value: string): string {
  const [device = ''] = value.split(' ');
  if (!/^\d+:\d+$/.test(device)) return text;
  return text.split('\n').find((line) => line.startsWith(`${device} `)) ?? `${device} rbps=max wbps=max riops=max wiops=max`;
}

const folderOf = (entry: LimitEntry): string => (entry.place === 'itself' ? entry.home : entry.group);
const valueOf = (entry: LimitEntry, file: string): string => readText(join(folderOf(entry), file));

/** Whether a file says a value: one of its lines has every word of it. */
const says = (text: string, value: string): boolean =>
  text.split('\n').some((line) => value.split(' ').every((word, index) => (index === 0 ? line.split(' ')[0] === word : line.split(' ').includes(word))));

/** Sets one limit. @returns `gone` when the process has ended meanwhile. @throws FirebreakError `limit-refused` */
export function setLimit(entry: LimitEntry): 'set' | 'gone' {
  if (stateOf(entry) === 'dead') return 'gone';
  // Another limit of the same fault may have moved it into its group already.
  const there = [...membersOf(entry.home), ...(existsSync(entry.group) ? membersOf(entry.group) : [])];
  if (!there.includes(String(entry.pid))) throw refused(`process ${entry.pid} (${entry.name}) is in another control group than planned`, 'plan again');
  try {
    // Where two controllers share one tree, the group of the first serves the second as well.
    mkdirSync(entry.group, { recursive: true });
    for (const { file, value } of entry.writes) writeFileSync(join(folderOf(entry), file), value);
    if (entry.place !== 'itself') writeFileSync(join(entry.group, 'cgroup.procs'), String(entry.pid));
    return 'set';
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return 'gone';
    throw refused(`process ${entry.pid} (${entry.name}) cannot be limited (${entry.kind}): ${messageOf(error)}`, 'a limit above that of a group above it is refused as well; ask for less', error);
  }
}

/** Read back: whether the limit is in force on that very process. */
export function limitHolds(entry: LimitEntry): boolean {
  if (stateOf(entry) === 'dead' || !entry.writes.every(({ file, value }) => says(valueOf(entry, file), value))) return false;
  return membersOf(folderOf(entry)).includes(String(entry.pid));
}

/** A limit as it was asked for and as the kernel says it now: MB, cores or processes. Undefined where the group is gone. */
export function limitInForce(entry: LimitEntry): { readonly wanted: number; readonly now: number } | undefined {
  if (!existsSync(folderOf(entry))) return undefined;
  const read = (text: (file: string) => string): number => {
    switch (entry.kind) {
      case 'memory':
        return Number(text(entry.v2 ? 'memory.max' : 'memory.limit_in_bytes')) / MB;
      case 'cpu': {
        const [quota, period] = entry.v2 ? text('cpu.max').split(' ') : [text('cpu.cfs_quota_us'), text('cpu.cfs_period_us')];
        return Number(quota) / Number(period);
      }
      case 'pids':
        return Number(text('pids.max'));
      case 'disk':
        return Number.NaN;
    }
  };
  return { wanted: read((file) => entry.writes.find((one) => one.file === file)?.value ?? ''), now: read((file) => valueOf(entry, file)) };
}

/** Whether anything of it is left. */
export const limitLeft = (entry: LimitEntry): boolean => existsSync(entry.group) || changedFiles(entry).length > 0;

/** The files of a group that is not ours which still say what this limit wrote, and did not say it before. */
const changedFiles = (entry: LimitEntry): LimitEntry['writes'] =>
  entry.place === 'itself' && ofThisBoot(entry) ? entry.writes.filter(({ file, value, prior }) => prior !== value && !says(prior, value) && says(valueOf(entry, file), value)) : [];

/**
 * Takes the limit away. What somebody else has written meanwhile stays. Idempotent.
 * @throws FirebreakError `residue` when the kernel keeps the group.
 */
export async function liftLimit(entry: LimitEntry, clock: Clock): Promise<void> {
  for (const { file, prior } of changedFiles(entry).toReversed()) {
    try {
      writeFileSync(join(folderOf(entry), file), prior);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENODEV') throw new FirebreakError('residue', `${join(folderOf(entry), file)} cannot be set back to ${prior}: ${messageOf(error)}`, { cause: error });
    }
  }
  await removeGroup(entry.group, clock, () => {}, entry.home);
}

/** What the kernel counts in a limited group; undefined where the group is gone. */
export interface LimitCounts {
  /** Processes that it killed because the memory of the group was full. */
  readonly oomKills: number;
  readonly memoryMB: number;
  /** Periods in which the processor's limit made it wait. */
  readonly throttled: number;
  readonly pids: number;
  /** Bytes and operations on the limited device so far. */
  readonly disk: { readonly read: number; readonly write: number; readonly readOps: number; readonly writeOps: number };
}

/** See memory.txt (oom_control) and blkio-controller.rst for v1, cgroup-v2.rst (memory.events, io.stat) for v2. */
export function limitCounts(entry: LimitEntry): LimitCounts | undefined {
  const folder = folderOf(entry);
  if (!existsSync(folder)) return undefined;
  const number = (file: string, key: RegExp = /^(\d+)/m): number => Number(key.exec(valueOf(entry, file))?.[1] ?? 0);
  const device = entry.writes[0]?.value.split(' ')[0] ?? '';
  const io = (v1: string, word: string, v2: string): number =>
    entry.v2 ? number('io.stat', new RegExp(`^${device} .*\\b${v2}=(\\d+)`, 'm')) : number(`blkio.throttle.${v1}_recursive`, new RegExp(`^${device} ${word} (\\d+)$`, 'm'));
  return {
    oomKills: number(entry.v2 ? 'memory.events' : 'memory.oom_control', /^oom_kill (\d+)$/m),
    memoryMB: number(entry.v2 ? 'memory.current' : 'memory.usage_in_bytes') / MB,
    throttled: number('cpu.stat', /^nr_throttled (\d+)$/m),
    pids: number('pids.current'),
    disk: {
      read: io('io_service_bytes', 'Read', 'rbytes'), write: io('io_service_bytes', 'Write', 'wbytes'),
      readOps: io('io_serviced', 'Read', 'rios'), writeOps: io('io_serviced', 'Write', 'wios'),
    },
  };
}

const refused = (what: string, hint: string, cause?: unknown): FirebreakError => new FirebreakError('limit-refused', what, { hint, cause });
