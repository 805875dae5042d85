import { basename, dirname, join } from 'node:path';
import { existsSync, realpathSync } from 'node:fs';
import { ownFiles } from './open-files.ts';

/** Nobody could log in, or end a fault, while calls on these fail: neither they nor anything in or around them is guarded. */
const SYSTEM = ['/usr', '/etc', '/boot', '/proc', '/sys', '/bin', '/sbin', '/lib', '/lib64'];
/** Folders that so many use that nobody means all of them. */
const SHARED = ['/dev', '/run', '/var', '/var/lib', '/var/log', '/home', '/root', '/tmp', '/opt', '/mnt', '/media', '/srv'];
/** Where this product lies: the folder of its engine, with the packages that it runs from. */
const PRODUCT = join(import.meta.dirname, '..', '..');
const JOURNAL = 'journal.db';

/** Why the files of a folder are never struck, in words that end "it is ...", or ''. @param folder as realpath(3) gives it. */
export function neverStruck(folder: string): string {
  const around = (path: string): boolean => folder === '/' || path === folder || path.startsWith(`${folder}/`);
  const within = (path: string): boolean => path === folder || folder.startsWith(`${path}/`);
  const system = [...SYSTEM, ...SYSTEM.filter((path) => existsSync(path)).map((path) => realpathSync(path))].find((path) => around(path) || within(path));
  if (system !== undefined) return around(system) && system !== folder ? `around ${system}` : `part of ${system}`;
  const shared = SHARED.find(around);
  if (shared !== undefined) return shared === folder ? 'shared by everybody' : `around ${shared}`;
  for (const path of [process.execPath, PRODUCT]) if (around(path)) return 'where this Firebreak runs from';
  if (within(PRODUCT)) return 'where this Firebreak runs from';
  for (const file of ownFiles()) {
    if (around(file) || (basename(file) === JOURNAL && within(dirname(file)))) return `where Firebreak has ${file} open`;
  }
  return '';
}
