import { accessSync, constants } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { type Clock } from '../kernel/clock.ts';
import { errnoOf, FirebreakError } from '../kernel/errors.ts';
import { type Held, startHeld } from './held.ts';
import { readText } from './cgroups.ts';
import { RAM_ROLE } from './memory-facts.ts';

export { availableMB, othersRamMB, RAM_ROLE, reserveMB, residentMB } from './memory-facts.ts';

export interface RamHold {
  readonly token: string;
  /** The most that this child may ever hold, in MB; counts against the ceiling for as long as it lives. */
  readonly cap: number;
  /** What all such children of the machine may hold together, in MB. */
  readonly ceiling: number;
  /** MB taken at a time, and milliseconds between two times; an interval of 0 takes one chunk only. */
  readonly chunk: number;
  readonly interval: number;
  /** How long a chunk is held before it is given back, in milliseconds; 0, or absent: for good. */
  readonly spike?: number;
  /** The child ends by itself after this time, in milliseconds. */
  readonly hold: number;
}

/**
 * Starts a child that takes memory when told `go`. It reports `takes` when it begins a chunk, then `done` (the same
 * number), `held` (MB in all; 0 between two spikes) and `limit` (`ceiling` or `reserve` when it could not take all, else ''). The inverse is
 * `endHeld(RAM_ROLE, token)`.
 */
export function startRamHold(asked: RamHold, clock: Clock): Held {
  const { cap, ceiling, chunk, interval, spike = 0, hold } = asked;
  const args = [`--cap=${cap}`, `--ceiling=${ceiling}`, `--chunk=${chunk}`, `--interval=${interval}`, `--spike=${spike}`, `--hold=${hold}`];
  return startHeld({ script: 'ram-holder', role: RAM_ROLE, token: asked.token, args }, clock);
}

const DROP = '/proc/sys/vm/drop_caches';

/** Why this process may not drop the caches, or ''. */
export function noCacheDrop(): string {
  try {
    accessSync(DROP, constants.W_OK);
    return '';
  } catch (error) {
    return errnoOf(error) === 'ENOENT' ? 'only Linux can drop its caches' : 'the caches cannot be dropped; run as root, or start the helper: sudo firebreak helper';
  }
}

/** What the system keeps of its disks and could let go of at once, in MB: neither changed nor in use as shared memory. */
export function cachedMB(): number {
  const text = readText('/proc/meminfo');
  const kb = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0);
  return Math.max(0, kb('Cached') + kb('Buffers') + kb('SReclaimable') - kb('Shmem') - kb('Dirty')) / 1_024;
}

/**
 * Has the kernel let go of its caches of files and folders; see sysctl/vm.rst. There is no inverse: it reads again what is
 * needed. @throws FirebreakError `drop-refused`
 */
export async function dropCaches(): Promise<void> {
  try {
    await writeFile(DROP, '3');
  } catch (cause) {
    throw new FirebreakError('drop-refused', noCacheDrop() || 'the kernel did not drop its caches', { hint: 'run as root', cause });
  }
}
