import { closeSync, constants, existsSync, fstatSync, openSync, readdirSync, type Stats, statfsSync, statSync } from 'node:fs';
import { type FileHandle, mkdir, open, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncDirectory } from '../kernel/directory.ts';
import { errnoOf, FirebreakError, messageOf } from '../kernel/errors.ts';
import { readText } from './cgroups.ts';
import { listMounts, mountOf } from './mounts.ts';
import { ownFiles } from './open-files.ts';
import { capture } from './spawn.ts';

const MB = 1_048_576;

/** How full a file system is. `available` is what an ordinary user may still take, which is less than what is free. */
export interface DiskSpace {
  readonly usedMB: number;
  readonly availableMB: number;
  /** Files and folders that it has, and that can still be made; both 0 where it sets no number (btrfs, FAT). */
  readonly inodes: number;
  readonly freeInodes: number;
}

/** statvfs(3) of the file system that a path is on. @throws as statfs(2) */
export function spaceOf(path: string): DiskSpace {
  const { blocks, bfree, bavail, bsize, files, ffree } = statfsSync(path);
  return { usedMB: ((blocks - bfree) * bsize) / MB, availableMB: (bavail * bsize) / MB, inodes: files, freeInodes: ffree };
}

/** `MAJOR:MINOR` of a device number (makedev(3)). */
export const deviceName = (dev: number): string => {
  const wide = BigInt(dev);
  return `${((wide >> 8n) & 0xfffn) | ((wide >> 32n) & 0xfffff000n)}:${(wide & 0xffn) | ((wide >> 12n) & 0xffffff00n)}`;
};

/**
 * What a path is stored on, as `MAJOR:MINOR`. File systems that show a device of their own for each part (btrfs) are
 * told by the device that they were mounted from. @throws as stat(2)
 */
export function diskOf(path: string, mounts = listMounts()): string {
  const { dev } = statSync(path);
  const device = deviceName(dev);
  const source = device.startsWith('0:') ? (mountOf(path, mounts)?.source ?? '') : '';
  return source.startsWith('/dev/') ? deviceName(statOr(source)?.rdev ?? dev) : device;
}

/**
 * The disks that the system and Firebreak cannot do without, by `diskOf`, each with the reason in words that end
 * "it is ...": what holds the system's own folders, what is swapped to, and whatever this Firebreak's processes have open.
 */
export function systemDisks(): ReadonlyMap<string, string> {
  const disks = new Map<string, string>();
  const mounts = listMounts();
  const note = (path: string, reason: string): void => {
    if (statOr(path) === undefined) return;
    const disk = diskOf(path, mounts);
    if (!disks.has(disk)) disks.set(disk, reason);
  };
  for (const path of ['/', '/usr', '/etc', '/boot', '/var', '/run', '/dev', '/proc', '/sys', '/tmp', '/root']) note(path, `the disk of ${path}`);
  for (const line of readText('/proc/swaps').split('\n').slice(1)) note(line.split(/\s/)[0] ?? '', 'a disk that the system swaps to');
  note(process.execPath, 'the disk that this Firebreak runs from');
  note(import.meta.filename, 'the disk that this Firebreak runs from');
  for (const file of ownFiles()) note(file, "the disk of Firebreak's own files");
  return disks;
}

function statOr(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** One write of the fallback, in MB. */
const PIECE_MB = 4;

/**
 * Makes a file that takes this much of the disk: at once where the file system can set blocks aside (fallocate(2)), else
 * by writing. Gives back what others turn out to need to keep `reserve` MB free. The inverse is to remove the file.
 * @throws FirebreakError `disk-refused`; what there is of the file then stays.
 */
export async function takeSpace(file: string, mb: number, reserve: number, signal: AbortSignal): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    try {
      // By its number, not by a name that somebody else could give to another file meanwhile.
      capture('fallocate', ['-l', String(Math.floor(mb * MB)), '--', `/proc/${process.pid}/fd/${handle.fd}`]);
    } catch (error) {
      // Full before it was through, as metadata takes some as well: what there is counts.
      if (/No space left/i.test(messageOf(error))) return;
      if (!/not supported|ENOENT/i.test(messageOf(error))) throw refused(file, error);
      await writeOut(handle, file, mb, signal);
    }
    const short = reserve - spaceOf(dirname(file)).availableMB;
    if (short > 0) await handle.truncate(Math.max(0, (await handle.stat()).size - Math.ceil(short * MB)));
  } finally {
    await handle.close();
  }
}

/** What a file takes of its disk, in MB; 0 when it is not there. */
export const sizeMB = (file: string): number => ((statOr(file)?.blocks ?? 0) * 512) / MB;

/** What differs from piece to piece is neither compressed nor stored once for all. */
async function writeOut(handle: FileHandle, file: string, mb: number, signal: AbortSignal): Promise<void> {
  try {
    const piece = Buffer.alloc(PIECE_MB * MB, 'firebreak ');
    for (let left = Math.floor(mb * MB), n = 0; left > 0; left -= piece.length, n++) {
      signal.throwIfAborted();
      for (let at = 0; at < piece.length; at += 512) piece.writeUInt32LE((n * piece.length + at) >>> 0, at);
      await handle.write(piece, 0, Math.min(left, piece.length));
    }
    await handle.sync();
  } catch (error) {
    if (errnoOf(error) !== 'ENOSPC') throw signal.aborted ? signal.reason : refused(file, error);
  }
}

const refused = (file: string, cause: unknown): FirebreakError =>
  new FirebreakError('disk-refused', `${dirname(file)} cannot be filled: ${messageOf(cause)}`, { hint: 'look whether you may write there, or run as root', cause });

/** Files in one folder: more make a folder slow to read. */
const PER_FOLDER = 5_000;

/**
 * Makes empty files until so many inodes are taken, folders included, or none is left. The inverse is to remove the
 * folder. @returns how many were taken. @throws FirebreakError `disk-refused`
 */
export async function takeInodes(folder: string, count: number, signal: AbortSignal): Promise<number> {
  await mkdir(folder, { mode: 0o700 });
  let taken = 1;
  const fd = openOwn(folder);
  try {
    for (let group = ''; taken < count; taken++) {
      signal.throwIfAborted();
      const first = (taken - 1) % PER_FOLDER === 0;
      if (first) group = `/proc/self/fd/${fd}/${taken}`;
      await (first ? mkdir(group) : writeFile(join(group, String(taken)), ''));
    }
  } catch (error) {
    if (errnoOf(error) !== 'ENOSPC') throw signal.aborted ? signal.reason : refused(folder, error);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
  return taken;
}

/** The inodes that `takeInodes` has taken and that are still there. */
export const countInodes = (folder: string): number => (existsSync(folder) ? 1 + readdirSync(folder, { recursive: true }).length : 0);

/**
 * Removes what `takeSpace` or `takeInodes` made. Does nothing when it is not there. A folder is emptied by its number, and
 * only if it is this user's: nobody can have it follow a link. A power cut does not bring it back. @throws FirebreakError `residue`
 */
export async function giveBack(path: string): Promise<void> {
  const fd = openOwn(path);
  if (fd === undefined) await rm(path, { force: true });
  else {
    try {
      const folder = `/proc/self/fd/${fd}`;
      for (const name of readdirSync(folder)) await rm(join(folder, name), { recursive: true, force: true });
      await rmdir(path);
    } finally {
      closeSync(fd);
    }
  }
  syncDirectory(dirname(path));
}

/** A folder that is no link, opened; undefined for anything else. @throws FirebreakError `residue` when it is somebody else's. */
function openOwn(path: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch {
    return undefined;
  }
  if (fstatSync(fd).uid === process.geteuid?.()) return fd;
  closeSync(fd);
  throw new FirebreakError('residue', `${path} is not Firebreak's any more`, { hint: 'look who has put it there' });
}
