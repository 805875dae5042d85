import { closeSync, existsSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf } from './errors.ts';

/**
 * Makes a directory and what is missing above it. Throws the system's own error. Not Node's `recursive` option: that
 * never returns where a parent exists but nothing can be made in it and the system says ENOENT, as below /proc.
 */
export function makeDirectory(path: string, mode = 0o777): void {
  if (existsSync(path)) return;
  const parent = dirname(path);
  if (parent !== path) makeDirectory(parent, mode);
  try {
    mkdirSync(path, { mode });
    // Else a power cut could take it, with what is made sure of in it.
    syncDirectory(parent);
  } catch (error) {
    // Another process may have been faster.
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

/** What some systems and file systems answer when a directory cannot be synced at all: Windows, some network disks. */
const CANNOT_SYNC: readonly unknown[] = ['EINVAL', 'EISDIR', 'EPERM', 'EACCES', 'ENOTSUP'];

/**
 * Puts the entries of a directory on the disk: until then a power cut brings back what was removed from it, and takes what
 * was added (fsync(2)). Throws the system's own error.
 */
export function syncDirectory(path: string): void {
  try {
    const directory = openSync(path, 'r');
    try {
      fsyncSync(directory);
    } finally {
      closeSync(directory);
    }
  } catch (error) {
    if (!CANNOT_SYNC.includes(errnoOf(error))) throw error;
  }
}
