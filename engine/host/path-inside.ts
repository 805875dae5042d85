import { closeSync, constants, lstatSync, openSync, readlinkSync, type Stats } from 'node:fs';
import { resolve } from 'node:path';
import { errnoOf, FirebreakError } from '../kernel/errors.ts';

/**
 * Paths that somebody else may have laid out, as root may follow them. A path that begins with `/proc/PID/root` is that of a
 * process with a root folder of its own, such as in a container: links in it begin at that folder, and not at ours.
 */

const INSIDE = /^(\/proc\/\d+\/root)(\/.*)$/;
/** As many links as the kernel itself follows; path_resolution(7). */
const MOST_LINKS = 40;
/** O_PATH of asm-generic/fcntl.h, for which Node has no name: a folder on the way need not be readable. */
const O_PATH = 0o10000000;

/** The same place without links, as far as it is there. @throws FirebreakError `too-many-links`. */
export function withoutLinks(path: string): string {
  const [, root = '', inside = path] = INSIDE.exec(path) ?? [];
  const rest = inside.split('/');
  let done: string[] = [];
  for (let links = 0; rest.length > 0; ) {
    const part = rest.shift() ?? '';
    if (part === '..') done.pop();
    if (part === '' || part === '.' || part === '..') continue;
    const here = `${root}/${[...done, part].join('/')}`;
    if (statOf(here)?.isSymbolicLink() !== true) {
      done.push(part);
      continue;
    }
    if (++links > MOST_LINKS) throw new FirebreakError('too-many-links', `${path} leads through too many links`);
    const to = readlinkSync(here);
    if (to.startsWith('/')) done = [];
    rest.unshift(...to.split('/'));
  }
  return `${root}/${done.join('/')}`;
}

/**
 * Opens a folder step by step, so that nobody can put a link in the way meanwhile. The caller closes it.
 * @throws the system's error: ENOENT, and ELOOP or ENOTDIR where there is a link by now.
 */
export function openFolder(path: string): number {
  const [, root = '/', inside = path] = INSIDE.exec(path) ?? [];
  let folder = openSync(root, O_PATH | constants.O_DIRECTORY);
  for (const part of resolve('/', inside).split('/').filter(Boolean)) {
    const above = folder;
    try {
      folder = openSync(`/proc/self/fd/${above}/${part}`, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    } finally {
      closeSync(above);
    }
  }
  return folder;
}

/** Of the entry itself, and not of what it may link to; undefined when there is none. */
export function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error))) return undefined;
    throw error;
  }
}
