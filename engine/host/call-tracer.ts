import { existsSync, readFileSync } from 'node:fs';
import { type Clock } from '../kernel/clock.ts';
import { type FolderIdentity } from './disk-place.ts';
import { endHeld, findHeld, type Held, startHeld } from './held.ts';
import { type FileOperation } from './file-guard.ts';
import { type ProcessIdentity, stateOf } from './identity.ts';
import { koffi } from './native.ts';
import { signal } from './signals.ts';

/** What the child process is found by; see `endHeld`. */
export const TRACER_ROLE = 'tracer';

/** Calls of single processes on the files below a folder that are changed on their way to the kernel, by ptrace. */
export interface TraceOrder {
  /** Compared once more just before they are traced: a pid may have been given to somebody else while the child started. */
  readonly targets: readonly ProcessIdentity[];
  /** Nothing is struck once its path leads to another folder. */
  readonly folder: FolderIdentity;
  readonly operation: FileOperation;
  /** By number; 0 = none. */
  readonly error: number;
  readonly delay: number;
  /** The share of each write that is struck that the kernel gets, one byte at least; null = writes stay whole. */
  readonly part: number | null;
  readonly probability: number;
  readonly every: number;
  readonly seed: number;
}

/** What the two threads of the child share, by index: whether it is to end, and counters. `open` are writes that were cut and have not come back yet. */
export const CELL = { ending: 0, open: 1, matched: 2, struck: 3, delayed: 4, waited: 5, asked: 6, taken: 7 } as const;

/**
 * Traces processes, and what they start. Reports `problem`, or `ready`, then `matched`, `struck`, `delayed`, `waited` (milliseconds
 * in all), and of writes that were cut `asked` and `taken` (bytes); `ended` when nobody is left. Inverse: `endTracer`.
 * @param hold the child ends by itself after this time, in milliseconds.
 */
export const startTracer = (token: string, order: TraceOrder, hold: number, clock: Clock): Held =>
  startHeld({ script: 'call-tracer', role: TRACER_ROLE, token, args: [`--order=${JSON.stringify(order)}`, `--hold=${hold}`] }, clock);

/** How long a tracer may take to see the writes through that it has cut, in milliseconds. */
const LET_GO = 3_000;

/** Ends what traces under a token: asks it first, so that no call is left changed. @throws FirebreakError `residue` */
export async function endTracer(token: string, clock: Clock): Promise<void> {
  const asked = findHeld(TRACER_ROLE, token);
  for (const one of asked) signal(one, 'terminate');
  for (const end = clock.now() + LET_GO; asked.some((one) => stateOf(one) !== 'dead') && clock.now() < end; ) await clock.sleep(5);
  await endHeld(TRACER_ROLE, token, clock);
}

/** Why the kernel lets nobody trace, or ''. The setting is that of the Yama module (kernel.org, LSM/Yama). */
export function noPtrace(): string {
  if (process.platform !== 'linux') return 'only Linux has ptrace';
  const scope = '/proc/sys/kernel/yama/ptrace_scope';
  return existsSync(scope) && readFileSync(scope, 'utf8').trim() === '3' ? 'this kernel allows nobody to trace (kernel.yama.ptrace_scope = 3)' : '';
}

/** Why calls of other processes cannot be changed on their way here, or ''. */
export function noTracing(): string {
  if (process.arch !== 'x64') return `the registers of ${process.arch} are not known`;
  return koffi() === undefined ? 'the package koffi, which calls the kernel, has no binary here' : noPtrace();
}
