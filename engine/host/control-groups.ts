import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Clock } from '../kernel/clock.ts';
import { errnoOf, FirebreakError, messageOf } from '../kernel/errors.ts';
import { type ProcessIdentity, stateOf } from './identity.ts';
import { readText } from './cgroups.ts';
import { parseMounts } from './mounts.ts';

/**
 * Control groups of Firebreak's own. Each is a child of the group that a process is in already, so that every limit that
 * holds for the process goes on to hold; its name says whose it is; and to undo it only its folder must be known.
 */

/** A mounted tree of control groups; see cgroups(7). */
export interface Hierarchy {
  readonly mount: string;
  /** The group that the mount shows as its own root: '/' but in some containers. */
  readonly root: string;
  readonly v2: boolean;
}

/** Ours, and nobody else's: `firebreak-` and the token of a fault. */
const NAME = /^firebreak-[\w-]{8,}$/;
export const isOwnGroup = (folder: string): boolean => NAME.test(basename(folder));

/** The trees that can freeze, the newer kind first. Empty where there are none, as on macOS. */
function freezers(): readonly Hierarchy[] {
  const trees = controlTrees();
  return [...trees.filter(({ v2 }) => v2), ...trees.filter(({ v2, controllers }) => !v2 && controllers.includes('freezer'))];
}

/** A tree with what it controls; empty for the newer kind, whose groups say it one by one. */
export type ControlTree = Hierarchy & { readonly controllers: readonly string[] };

/** The control groups that are mounted. @param proc where the kernel tells of processes. */
export const controlTrees = (proc = '/proc'): readonly ControlTree[] => mountsOf(readText(`${proc}/self/mountinfo`));

/** The control groups among the mounts of /proc/self/mountinfo. */
export function mountsOf(text: string): readonly ControlTree[] {
  return parseMounts(text)
    .filter(({ type }) => type === 'cgroup' || type === 'cgroup2')
    .map(({ point, root, type, superOptions }) => ({
      mount: point, root, v2: type === 'cgroup2', controllers: type === 'cgroup2' ? [] : superOptions.split(','),
    }));
}

/** Why nothing can be done to single groups of the newer kind, or ''. */
export const noUnifiedTree = (): string => (controlTrees().some(({ v2 }) => v2) ? '' : 'no control groups of the newer kind (cgroup2) are mounted; mount them, as systemd does at boot');

/** The folder of the group that a process is in; undefined when it is gone or outside of what the mount shows. */
export function groupFolder(hierarchy: Hierarchy, pid: number, controller = 'freezer', proc = '/proc'): string | undefined {
  const { mount, root, v2 } = hierarchy;
  for (const line of readText(`${proc}/${pid}/cgroup`).split('\n')) {
    const [, controllers = '', ...rest] = line.split(':');
    const path = rest.join(':');
    if (v2 ? controllers !== '' : !controllers.split(',').includes(controller)) continue;
    if (root === '/') return join(mount, path);
    return path === root || path.startsWith(`${root}/`) ? join(mount, path.slice(root.length)) : undefined;
  }
  return undefined;
}

/**
 * What moving a process takes from every other fault, whatever its type (TargetPlan.takes): its place in one tree. The fault that
 * moved it first would lose it to the second, and go on believing that it has it. @param folder in the tree: any group of it.
 */
export function placeIn(folder: string, { pid, name }: { readonly pid: number; readonly name: string }): string {
  const mounts = controlTrees().map(({ mount }) => mount).filter((mount) => folder === mount || folder.startsWith(`${mount}/`));
  const tree = mounts.reduce((longest, mount) => (mount.length > longest.length ? mount : longest), '');
  return `${tree === '' ? folder : tree} (the control group of ${pid}, ${name})`;
}

/** The folder that a process would be moved into. */
export const ownGroup = (parent: string, token: string, pid: number): string => join(parent, `firebreak-${token}-${pid}`);

/** The states of the two kinds, as their files say them. */
const FROZEN = { v1: ['freezer.state', 'FROZEN', 'THAWED'], v2: ['cgroup.freeze', '1', '0'] } as const;
const fileOf = (folder: string): (typeof FROZEN)['v1' | 'v2'] => (existsSync(join(folder, FROZEN.v2[0])) ? FROZEN.v2 : FROZEN.v1);

/** Whether everything in the group stands still, by this group or by one above it. */
export function isFrozen(folder: string): boolean {
  return /^frozen 1$/m.test(readText(join(folder, 'cgroup.events'))) || readText(join(folder, 'freezer.state')) === 'FROZEN';
}

/** Whether a process stands still because it is frozen, by whomever. */
export const isFrozenProcess = (pid: number): boolean =>
  freezers().some((tree) => {
    const folder = groupFolder(tree, pid);
    return folder !== undefined && isFrozen(folder);
  });

/**
 * Moves a process into a group of its own and freezes it. Children that it starts from now on are in the group as well.
 * @returns `gone` when it has ended. @throws FirebreakError `freeze-refused`; the group may then be there, see `thaw`.
 */
export function freeze(folder: string, identity: ProcessIdentity): 'sent' | 'gone' {
  if (stateOf(identity) === 'dead') return 'gone';
  try {
    mkdirSync(folder, { recursive: false });
    if (enterGroup(folder, identity) === 'gone') return 'gone';
    const [file, on] = fileOf(folder);
    writeFileSync(join(folder, file), on);
    return 'sent';
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return 'gone';
    throw new FirebreakError('freeze-refused', `process ${identity.pid} cannot be frozen: ${messageOf(error)}`, {
      hint: 'run as root, or use action: stop',
      cause: error,
    });
  }
}

/** Makes a group of Firebreak's own, without anything in it. */
export const makeGroup = (folder: string): void => mkdirSync(folder);

/** Moves a process into a group. */
export function enterGroup(folder: string, identity: ProcessIdentity): 'sent' | 'gone' {
  if (stateOf(identity) === 'dead') return 'gone';
  try {
    writeFileSync(join(folder, 'cgroup.procs'), String(identity.pid));
    return 'sent';
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return 'gone';
    throw error;
  }
}

/** How long the kernel may take to let go of a group, in milliseconds: a process that is just ending stays in it. */
const LEAVE_WITHIN = 5_000;

/** Thaws a group of Firebreak's own and removes it, as `removeGroup` does. */
export const thaw = (folder: string, clock: Clock): Promise<void> =>
  removeGroup(folder, clock, () => {
    const [file, , off] = fileOf(folder);
    writeFileSync(join(folder, file), off);
  });

/**
 * Moves whatever is in a group of Firebreak's own back home, and removes it. Does nothing when it is not there.
 * @param home where it came from: the group above, unless it says otherwise. @throws FirebreakError `residue` when the kernel keeps it.
 */
export async function removeGroup(folder: string, clock: Clock, before: () => void = () => {}, home = dirname(folder)): Promise<void> {
  if (!isOwnGroup(folder)) throw new FirebreakError('foreign-group', `${folder} is not a control group of Firebreak's`);
  const end = clock.now() + LEAVE_WITHIN;
  for (let problem = ''; existsSync(folder); await clock.sleep(5)) {
    try {
      before();
      for (const pid of readText(join(folder, 'cgroup.procs')).split('\n')) if (pid !== '') move(pid, home);
      rmdirSync(folder);
      return;
    } catch (error) {
      problem = messageOf(error);
      if (errnoOf(error) === 'ENOENT' && !existsSync(folder)) return;
    }
    if (clock.now() > end) throw new FirebreakError('residue', `the control group ${folder} cannot be removed: ${problem}`, { hint: `as root: rmdir ${folder}` });
  }
}

function move(pid: string, folder: string): void {
  try {
    writeFileSync(join(folder, 'cgroup.procs'), pid);
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error; // it has ended
  }
}

/**
 * The tree in which processes can be frozen, found by trying it here and now; or the reason why there is none. Nothing
 * stays of the trial.
 */
export function usableFreezer(token: string): Hierarchy | { readonly refusal: string } {
  if (process.platform !== 'linux') return { refusal: 'only Linux has control groups' };
  const trees = freezers();
  const reasons = trees.map((tree) => refusalOf(tree, token));
  return trees[reasons.indexOf('')] ?? { refusal: reasons[0] ?? 'no control groups are mounted that can freeze; mount them, as systemd does at boot' };
}

function refusalOf(tree: Hierarchy, token: string): string {
  const folder = ownGroup(groupFolder(tree, process.pid) ?? tree.mount, token, process.pid);
  try {
    mkdirSync(folder);
  } catch (error) {
    return `a control group cannot be made (${messageOf(error)}); run as root, or start the helper: sudo firebreak helper`;
  }
  try {
    const [file, , off] = fileOf(folder);
    writeFileSync(join(folder, file), off);
    return '';
  } catch (error) {
    return `this kernel cannot freeze a control group (${messageOf(error)})`;
  } finally {
    rmdirSync(folder);
  }
}
