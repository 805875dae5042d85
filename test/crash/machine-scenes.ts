import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { controlTrees, groupFolder, isOwnGroup } from '../../engine/host/control-groups.ts';
import { planLimits } from '../../engine/host/control-limits.ts';
import { mountAt } from '../../engine/host/mounts.ts';
import { type ProcessInfo, readProcess } from '../../engine/host/processes.ts';
import { testDisk } from '../../engine/faults/disk/test-disk.ts';
import { startFleet } from '../../engine/faults/process/test-fleet.ts';
import { lookalike } from './foreign.ts';
import { type Scene } from './scenes.ts';

export { noDisk } from '../../engine/faults/disk/test-disk.ts';

/** What others have put there, under a name much like one of Firebreak's. */
const FOREIGN = 'firebreak-0123456789abcdef01';

/** A small disk. @param fields of a policy of type disk. @param visible whether what it does can be seen. */
async function diskScene(fields: string, visible: (path: string) => boolean): Promise<Scene> {
  const disk = testDisk();
  writeFileSync(join(disk.path, FOREIGN), 'of somebody else');
  const look = (): unknown => {
    const { bavail, ffree } = statfsSync(disk.path);
    return [bavail, ffree, mountAt(disk.path), readdirSync(disk.path), readFileSync(join(disk.path, FOREIGN), 'utf8')];
  };
  const before = look();
  return {
    text: `version: 1\npolicies:\n  - { name: disk, type: disk, target: ${disk.path}, ${fields} }`,
    note: () => {},
    visible: async () => visible(disk.path),
    intact: async () => isDeepStrictEqual(look(), before),
    [Symbol.asyncDispose]: async () => disk[Symbol.dispose](),
  };
}

const hasOwn = (path: string): boolean => readdirSync(path).some((name) => isOwnGroup(name) && name !== FOREIGN);
export const filledScene = (): Promise<Scene> => diskScene('percentage: 100, reserve_mb: 0', hasOwn);
export const inodesScene = (): Promise<Scene> => diskScene('action: inodes, percentage: 100, reserve_inodes: 0', hasOwn);
export const readOnlyScene = (): Promise<Scene> => diskScene('action: read-only', (path) => mountAt(path)?.options.startsWith('ro') === true);

/** Why processes cannot be limited here, or false. */
export function noLimits(): string | false {
  try {
    planLimits([readProcess(process.pid) as ProcessInfo], { memoryMB: 64, cores: 1, pids: 100, disk: { device: '7:0', read: 1, write: 0, readOps: 0, writeOps: 0 } }, 'tried-by-tests');
    return false;
  } catch (error) {
    return error instanceof Error ? error.message : 'no control groups';
  }
}

/** Two processes, one of which is limited by Firebreak, the other in a group of somebody else's with a limit of its own. */
async function groupScene(policy: (word: string) => string, extra: Disposable | undefined): Promise<Scene> {
  const [fleet, others] = [await startFleet(1), await startFleet(1)];
  const KINDS = ['memory', 'cpu', 'pids', 'blkio'];
  const trees = controlTrees();
  const groupsOf = (pid: number): (string | undefined)[] =>
    trees.flatMap((tree) => tree.controllers.filter((name) => KINDS.includes(name)).map((name) => groupFolder(tree, pid, name)));
  const memory = trees.find(({ controllers }) => controllers.includes('memory'));
  const foreign = join((memory === undefined ? undefined : groupFolder(memory, process.pid, 'memory')) ?? '', lookalike());
  mkdirSync(foreign);
  writeFileSync(join(foreign, 'memory.limit_in_bytes'), '100003840');
  for (const pid of others.pids) writeFileSync(join(foreign, 'cgroup.procs'), String(pid));
  const look = (): unknown => [fleet.pids.map(groupsOf), others.pids.map(groupsOf), readFileSync(join(foreign, 'memory.limit_in_bytes'), 'utf8')];
  const before = look();
  const own = (): readonly string[] => fleet.pids.flatMap(groupsOf).flatMap((path) => (path !== undefined && isOwnGroup(path) && path !== foreign ? [path] : []));
  const seen = new Set<string>();
  return {
    text: `version: 1\npolicies:\n  - ${policy(fleet.word)}`,
    note: () => {},
    visible: async () => {
      for (const path of own()) seen.add(path);
      return own().length > 0;
    },
    intact: async () => isDeepStrictEqual(look(), before) && ![...seen].some((path) => existsSync(path)),
    [Symbol.asyncDispose]: async () => {
      await fleet[Symbol.asyncDispose]();
      await others[Symbol.asyncDispose]();
      rmdirSync(foreign);
      extra?.[Symbol.dispose]();
    },
  };
}

export const limitedScene = (fields = 'memory_limit_mb: 512, cpu_limit: 0.5, pids_limit: 200'): Promise<Scene> =>
  groupScene((word) => `{ name: tight, type: resource, target: "cmd:${word}", ${fields} }`, undefined);

export async function slowDiskScene(fields = 'write_rate: 1000'): Promise<Scene> {
  const disk = testDisk();
  return groupScene((word) => `{ name: slow, type: disk, target: ${disk.path}, action: limit, processes: "cmd:${word}", ${fields} }`, disk);
}
