import { type Clock } from '../kernel/clock.ts';
import { type FolderIdentity } from './disk-place.ts';
import { type Held, startHeld } from './held.ts';
import { type RoomProcesses } from './process-targets.ts';

/** What the child processes are found by; see `endHeld`. */
export const GUARD_ROLE = 'files';

export type FileOperation = 'read' | 'write' | 'open' | 'any';

/** What is done to whom. */
export interface FileStrike {
  readonly folder: FolderIdentity;
  readonly operation: FileOperation;
  /** By number; 0 = none. */
  readonly error: number;
  /** Milliseconds that each call that is struck waits first. */
  readonly delay: number;
  readonly probability: number;
  /** Every nth call. */
  readonly every: number;
  readonly seed: number;
  /** A selector; '' = whoever is not protected. */
  readonly processes: string;
  readonly room: RoomProcesses;
}
export interface GuardOrder extends FileStrike {
  /** Whether the kernel asks before writes too (see `fileMeans`). */
  readonly writes: boolean;
  /** A process whose tracees are left to it; 0 = none. */
  readonly tracer: number;
}

/**
 * Guards the files of a folder and below. Reports `problem`, or `ready`, then `matched`, `struck`, `unknown`, `passed`, `delayed`,
 * `waited` (milliseconds in all), `folders`, `left`, and `at`, which changes as long as it works. Inverse: `endHeld(GUARD_ROLE, token)`.
 * @param hold the child ends by itself after this time, in milliseconds.
 */
export const startGuard = (token: string, order: GuardOrder, hold: number, clock: Clock): Held =>
  startHeld({ script: 'file-guard', role: GUARD_ROLE, token, args: [`--order=${JSON.stringify(order)}`, `--hold=${hold}`] }, clock);
