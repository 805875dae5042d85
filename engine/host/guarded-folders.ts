import { closeSync, constants, fstatSync, openSync, readdirSync } from 'node:fs';
import { FirebreakError } from '../kernel/errors.ts';
import { type FolderIdentity } from './disk-place.ts';
import { deviceName } from './disk-space.ts';
import { type FileGuard } from './fanotify.ts';
import { type FolderWatch, watchFolders } from './inotify.ts';

/** Folders that are guarded at most, the named one included: each takes memory of the kernel's. */
export const MOST_FOLDERS = 2_000;

const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/**
 * Calls back for a folder and each one below it on the same disk, each by a path that leads to exactly this folder whatever
 * becomes of its names meanwhile: what root does in the folders of others must not follow where links point to. Opens no file.
 * @param more whether to go on.
 */
function walk(fd: number, names: readonly string[], disk: string, each: (path: string, names: readonly string[]) => boolean): void {
  const path = `/proc/self/fd/${fd}`;
  if (!each(path, names)) return;
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const inner = openIn(path, entry.name, disk);
    if (inner === undefined) continue;
    try {
      walk(inner, [...names, entry.name], disk, each);
    } finally {
      closeSync(inner);
    }
  }
}

/** A folder in another one, when it is one, on this disk, and no link. */
function openIn(path: string, name: string, disk: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(`${path}/${name}`, FOLDER);
  } catch {
    return undefined;
  }
  if (deviceName(fstatSync(fd).dev) === disk) return fd;
  closeSync(fd);
  return undefined;
}

/** The named folder itself; undefined when its path leads to another one by now. */
function openRoot({ path, device, inode }: FolderIdentity): number | undefined {
  const fd = openIn(path, '.', device);
  if (fd === undefined || fstatSync(fd).ino === inode) return fd;
  closeSync(fd);
  return undefined;
}

/** How many folders are at and below one, on its disk; stops counting beyond MOST_FOLDERS. */
export function countFolders(folder: FolderIdentity): number {
  let count = 0;
  const fd = openRoot(folder);
  if (fd === undefined) return 0;
  try {
    walk(fd, [], folder.device, () => ++count <= MOST_FOLDERS);
  } finally {
    closeSync(fd);
  }
  return count;
}

/** Guards the files of a folder and of all folders below it, also of those that come later. */
export class GuardedFolders implements Disposable {
  /** How many folders could not be guarded. */
  left = 0;
  readonly #folder: FolderIdentity;
  readonly #guard: FileGuard;
  readonly #asks: number;
  readonly #known = new Map<number, readonly string[]>();
  #watch: FolderWatch;

  /** @throws FirebreakError `target-changed`, `refused` */
  constructor(folder: FolderIdentity, guard: FileGuard, asks: number) {
    this.#folder = folder;
    this.#guard = guard;
    this.#asks = asks;
    this.#watch = watchFolders();
    if (!this.#mark([])) throw new FirebreakError('target-changed', `${folder.path} is not the folder any more that was planned with`, { hint: 'plan again' });
  }

  /** To be waited for; changes. */
  get fd(): number {
    return this.#watch.fd;
  }
  get count(): number {
    return this.#known.size;
  }

  /** Follows what has come and gone; to be called when `fd` can be read. */
  follow(): void {
    const news = this.#watch.news();
    for (const { id, what } of news) if (what === 'forgotten') this.#known.delete(id);
    // What is moved out takes its mark with it, and what is below it too: all marks are made anew.
    if (news.some(({ what }) => what === 'went' || what === 'lost')) return this.#again();
    for (const { id, name, what } of news) {
      const names = this.#known.get(id);
      if (what === 'came' && names !== undefined) this.#mark([...names, name]);
    }
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
  }

  #again(): void {
    this.#guard.unmarkAll();
    this.#watch[Symbol.dispose]();
    this.#known.clear();
    this.left = 0;
    this.#watch = watchFolders();
    this.#mark([]);
  }

  /** @returns false when the folder is not there. */
  #mark(names: readonly string[]): boolean {
    const fd = this.#open(names);
    if (fd === undefined) return false;
    try {
      walk(fd, names, this.#folder.device, (path, at) => this.#take(path, at));
      return true;
    } finally {
      closeSync(fd);
    }
  }

  #take(path: string, names: readonly string[]): boolean {
    if (this.#known.size >= MOST_FOLDERS) {
      this.left++;
      return false;
    }
    // Watched first: what is made in it after this is told, what was made before is found.
    const id = this.#watch.watch(path);
    if (id >= 0) this.#known.set(id, names);
    try {
      this.#guard.mark(path, this.#asks);
    } catch (error) {
      if (names.length === 0) throw error;
      this.left++;
    }
    return true;
  }

  #open(names: readonly string[]): number | undefined {
    let fd = openRoot(this.#folder);
    for (const name of names) {
      if (fd === undefined) return undefined;
      const inner = openIn(`/proc/self/fd/${fd}`, name, this.#folder.device);
      closeSync(fd);
      fd = inner;
    }
    return fd;
  }
}
