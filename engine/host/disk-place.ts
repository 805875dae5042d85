import { accessSync, closeSync, constants, existsSync, fstatSync, openSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { FirebreakError, messageOf } from '../kernel/errors.ts';
import { deviceName, diskOf } from './disk-space.ts';
import { listMounts, mountOf } from './mounts.ts';
import { capture } from './spawn.ts';

/** Names one folder for ever: a path can be given to another folder, or to another disk mounted in its place. */
export const folderIdentity = z.object({
  path: z.string().startsWith('/'),
  device: z.string(),
  inode: z.int().positive(),
  /** When it was made, in milliseconds; 0 where the file system does not say. */
  born: z.number(),
  /** The top folder of its disk, by which that is known again under another number, as after a reboot. */
  top: z.object({ inode: z.int().positive(), born: z.number(), id: z.string() }).optional(),
});
export type FolderIdentity = z.infer<typeof folderIdentity>;

/** The folder that a path leads to now. @throws FirebreakError `bad-target` when it is none. */
export function folderAt(path: string): FolderIdentity {
  const found = identityOr(path);
  if (found !== undefined) return { ...found, top: topOf(found.path) };
  throw new FirebreakError('bad-target', existsSync(path) ? `${path} is not a folder` : `there is no folder ${path}`, { hint: 'name a folder on the disk' });
}

function identityOr(path: string): FolderIdentity | undefined {
  try {
    const { dev, ino, birthtimeMs } = statSync(path);
    return statSync(path).isDirectory() ? { path: realpathSync(path), device: deviceName(dev), inode: ino, born: Math.floor(birthtimeMs) } : undefined;
  } catch {
    return undefined;
  }
}

/** Where the disk of a path is mounted as a whole; where only parts of it are, the part that has the path. */
function topOf(path: string): FolderIdentity['top'] {
  const mounts = listMounts();
  const own = mountOf(path, mounts);
  return topAt((mounts.find(({ device, root }) => device === own?.device && root === '/') ?? own)?.point ?? '/');
}

function topAt(point: string): FolderIdentity['top'] {
  const found = identityOr(point);
  if (found === undefined) return undefined;
  const { inode, born } = found;
  // Two disks may well be made in the same second, and ext4 says no more of the first folder; then its own number tells (statfs(2)).
  return { inode, born, id: born % 1_000 === 0 ? capture('stat', ['-f', '-c', '%i', '--', point]).trim() : '' };
}

/** Whether the path still leads to the same folder of the same disk. */
export function isStill({ path, device, inode, born }: FolderIdentity): boolean {
  const now = identityOr(path);
  return now !== undefined && now.device === device && now.inode === inode && now.born === born;
}

/** Why the folder cannot be reached by its path any more, in words; '' when it can. */
export function outOfReach(folder: FolderIdentity, mounts = listMounts()): string {
  const { path, device } = folder;
  if (isStill(folder)) return '';
  if (!mounts.some((mount) => mount.device === device)) return `the disk of ${path} is not mounted`;
  return coveredAt(path, device, mounts) ? `another file system is mounted over ${path}` : `${path} is not the folder any more that it was`;
}

/** Whether the path would lead to this device, were it not for what is mounted over it. */
export function coveredAt(path: string, device: string, mounts = listMounts()): boolean {
  const above = mounts.filter(({ point }) => point === '/' || path === point || path.startsWith(`${point}/`));
  const top = above.reduce<(typeof above)[number] | undefined>((best, one) => (best === undefined || one.point.length >= best.point.length ? one : best), undefined);
  return top?.device !== device && above.some((mount) => mount.device === device);
}

/**
 * Lets something be done in exactly this folder, by a path that leads to it whatever becomes of its names meanwhile: what root
 * does in a folder of somebody else must not follow where they point to. @throws FirebreakError `target-changed`
 */
export async function within<Result>({ path, device, inode }: FolderIdentity, act: (path: string) => Promise<Result>): Promise<Result> {
  const fd = openFolder(path);
  try {
    const now = fd === undefined ? undefined : fstatSync(fd);
    if (now === undefined || deviceName(now.dev) !== device || now.ino !== inode) {
      throw new FirebreakError('target-changed', `${path} is not the folder any more that was planned with`, { hint: 'plan again' });
    }
    return await act(`/proc/${process.pid}/fd/${fd}`);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function openFolder(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch {
    return undefined;
  }
}

/** Whether this user may make files in the folder. */
export function mayWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Where the entry of this name, which no other has, is that was made in the folder: also after the folder was moved or
 * renamed, or its disk mounted elsewhere or under another number; undefined when there is none.
 * @throws FirebreakError `disk-gone` when the disk is not mounted, `disk-covered` when another is mounted over it, so that
 * nobody can look.
 */
export function entryIn(folder: FolderIdentity, name: string): string | undefined {
  const path = join(folder.path, name);
  if (existsSync(path)) return path;
  if (isStill(folder)) return undefined;
  const points = pointsOf(folder);
  if (points.length === 0) {
    throw new FirebreakError('disk-gone', `the disk of ${folder.path} is not mounted; ${name} may be on it`, { hint: `mount it again, or remove ${name} from it by hand` });
  }
  for (const point of points) {
    // A name may hold a line feed: what follows it would be lost, and what is left be the name of something else.
    const [found] = capture('find', [point, '-xdev', '-name', name, '-print0', '-quit']).split('\0');
    if (found !== undefined && found !== '') return found;
  }
  if (coveredAt(folder.path, folder.device)) throw covered(folder.path, `${name} may be under it`);
  return undefined;
}

/** What is under it can be neither seen nor changed. */
export const covered = (path: string, so: string): FirebreakError =>
  new FirebreakError('disk-covered', `another file system is mounted over ${path}; ${so}`, { hint: `umount ${path}, and run firebreak recover` });

/** Where the disk of a folder is mounted now. Its number says so only where the disk has no better mark: a reboot gives it to another. */
function pointsOf({ device, top }: FolderIdentity): readonly string[] {
  const mounts = listMounts();
  if (top === undefined || top.born === 0) return mounts.filter((mount) => mount.device === device).map(({ point }) => point);
  // Others than disks may never answer.
  const likely = mounts.filter((mount) => mount.device === device || mount.source.startsWith('/dev/'));
  return likely.map(({ point }) => point).filter((point) => isDeepStrictEqual(topAt(point), top));
}

/**
 * The block device under a folder, as `MAJOR:MINOR`: the whole disk where it is a partition, since only that can be
 * limited (blkg_conf_prep in block/blk-cgroup.c). @throws FirebreakError `no-device`, as on a network or memory file system.
 */
export function blockDevice(folder: FolderIdentity): string {
  const entry = `/sys/dev/block/${diskOf(folder.path)}`;
  try {
    const real = realpathSync(entry);
    return readFileSync(existsSync(join(real, 'partition')) ? join(dirname(real), 'dev') : join(real, 'dev'), 'utf8').trim();
  } catch (error) {
    throw new FirebreakError('no-device', `${folder.path} is on no block device (${mountOf(folder.path)?.type ?? 'unknown'}): ${messageOf(error)}`, {
      hint: 'only reading and writing of a local disk can be limited',
      cause: error,
    });
  }
}
