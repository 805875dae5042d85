import { readdirSync, readlinkSync, statSync } from 'node:fs';
import { isFirebreak } from './process-targets.ts';
import { listProcesses, type ProcessInfo } from './processes.ts';

/** One file that a process has open: its number, and the path by which the system knows it. */
export interface OpenFile {
  readonly link: string;
  readonly path: string;
}

/** What a process has open; none where it may not be asked. */
export function openFiles(pid: number): readonly OpenFile[] {
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).map((fd) => ({ link: `${folder}/${fd}`, path: linkOr(`${folder}/${fd}`) })).filter(({ path }) => path.startsWith('/'));
  } catch {
    return [];
  }
}

/** The paths of what this Firebreak's processes have open, devices left out. */
export function ownFiles(): ReadonlySet<string> {
  const own = listProcesses().filter((info) => info.pid === process.pid || isFirebreak(info));
  return new Set(own.flatMap(({ pid }) => openFiles(pid).map(({ path }) => path)).filter((path) => !path.startsWith('/dev/')));
}

/** The processes that have a regular file open below a folder. */
export const holdersOf = (folder: string, list = listProcesses()): readonly ProcessInfo[] =>
  list.filter(({ pid }) => openFiles(pid).some(({ link, path }) => path.startsWith(`${folder}/`) && isRegular(link)));

/** Whether a path, or what a link of /proc stands for, is a regular file. Opens nothing. */
export function isRegular(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Where a link leads; '' when it is gone. */
export function linkOr(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
