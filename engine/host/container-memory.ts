import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readText } from './cgroups.ts';
import { type Container, hostProcess } from './containers.ts';
import { controlTrees, groupFolder } from './control-groups.ts';

/**
 * The memory limit of a container as its control group holds it. Docker can set one on a container that has none, but never
 * take it off again (0 means "as before", and less than 6 MB is refused); the kernel can.
 */

/** The limit file of a group whose name is a container's id, in either kind of tree; see cgroups(7). */
const FILE = /^\/sys\/fs\/cgroup\/.*[0-9a-f]{64}[^/]*\/memory\.(limit_in_bytes|max)$/;
export const isMemoryFile = (path: string): boolean => FILE.test(path) && !path.includes('/../');

/** The file, or why there is none that this process may write. */
export function memoryFile(container: Container): { readonly file: string } | { readonly refusal: string } {
  if (hostProcess(container) === undefined) return { refusal: 'its processes cannot be seen from here' };
  for (const tree of controlTrees()) {
    const folder = tree.v2 || tree.controllers.includes('memory') ? groupFolder(tree, container.State.Pid, 'memory') : undefined;
    const file = join(folder ?? '/', tree.v2 ? 'memory.max' : 'memory.limit_in_bytes');
    if (folder === undefined || !existsSync(file) || !isMemoryFile(file)) continue;
    return mayWrite(file) ? { file } : { refusal: `${file} may not be written by this user` };
  }
  return { refusal: 'its control group has no memory limit to set' };
}

/** No limit at all, as version 1 reads it: the largest number of pages. */
const UNLIMITED = 2n ** 62n;

/** The limit as text that can be written back; '' when the group is gone. */
export function readMemoryLimit(file: string): string {
  const text = readText(file);
  return /^\d+$/.test(text) && BigInt(text) >= UNLIMITED ? '-1' : text;
}

/** @throws the system's error, such as EBUSY when more is in use than a group of version 1 can give back. */
export function writeMemoryLimit(file: string, limit: string): void {
  if (!isMemoryFile(file)) throw new Error(`${file} is not the memory limit of a container`);
  writeFileSync(file, limit);
}

/** Bytes; Infinity for none. */
export const limitBytes = (text: string): number => (/^\d+$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY);

function mayWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    readFileSync(path);
    return true;
  } catch {
    return false;
  }
}
