import { type Clock } from '../kernel/clock.ts';
import { endHeld, findHeld, type Held, startHeld } from './held.ts';
import { type ProcessIdentity, stateOf } from './identity.ts';
import { type NetNamespace } from './net-namespace.ts';
import { type PacketOrder } from './packet-delays.ts';
import { signal } from './signals.ts';

/** A child that decides over the packets that rules leave to it; when it ends, they pass. */

/** What the child is found by; see `endHeld`. */
const READER_ROLE = 'packets';

export interface ReaderOrder {
  readonly token: string;
  /** The table whose chains get a rule that leaves packets to it. */
  readonly table: string;
  readonly chains: readonly string[];
  readonly order: PacketOrder;
  readonly seed: number;
  /** Packets that may wait at the most; what comes beyond them passes. */
  readonly most: number;
  /** The child ends by itself after this time, in milliseconds. */
  readonly hold: number;
}

/** What it has done so far, over all directions. */
export interface ReaderCount {
  readonly seen: number;
  readonly lost: number;
  readonly damaged: number;
  readonly early: number;
  /** Found no room, and passed. */
  readonly passed: number;
  readonly waiting: number;
  /** Of those that were delayed: how many, and how long they waited, in milliseconds, with the deviation. */
  readonly delayed: number;
  readonly mean: number;
  readonly deviation: number;
}

/** Starts the child in a namespace. Reports `problem`, or `ready`, then `count`. Inverse: `endReader`; its rules go with the table. */
export function startReader(namespace: NetNamespace, asked: ReaderOrder, clock: Clock): Held {
  const { token, hold, ...order } = asked;
  return startHeld({
    script: 'packet-holder', role: READER_ROLE, token, args: [`--order=${JSON.stringify(order)}`, `--hold=${hold}`],
    ...(namespace.path === '' ? {} : { through: ['nsenter', `--net=${namespace.path}`, '--'] }),
  }, clock);
}

/** Those that live under a token; the fingerprint of what `endReader` undoes. */
export const findReaders = (token: string): readonly ProcessIdentity[] => findHeld(READER_ROLE, token);

/** How long it may take to let go of what waits, in milliseconds. */
const LET_GO = 2_000;

/** Ends the reader under a token: asks it first, so that what waits goes on. Idempotent. @throws FirebreakError `residue` */
export async function endReader(token: string, clock: Clock): Promise<void> {
  const asked = findReaders(token);
  for (const one of asked) signal(one, 'terminate');
  for (const end = clock.now() + LET_GO; asked.some((one) => stateOf(one) !== 'dead') && clock.now() < end; ) await clock.sleep(5);
  await endHeld(READER_ROLE, token, clock);
}
