import { type Clock } from '../kernel/clock.ts';
import { type Held, startHeld } from './held.ts';
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
  /** The child ends by itself after this time, in milliseconds. */
  readonly hold: number;
}

/**
 * Starts a child that takes memory when told `go`. It reports `takes` when it begins a chunk, then `done` (the same
 * number), `held` (MB in all) and `limit` (`ceiling` or `reserve` when it could not take all, else ''). The inverse is
 * `endHeld(RAM_ROLE, token)`.
 */
export function startRamHold(asked: RamHold, clock: Clock): Held {
  const { cap, ceiling, chunk, interval, hold } = asked;
  const args = [`--cap=${cap}`, `--ceiling=${ceiling}`, `--chunk=${chunk}`, `--interval=${interval}`, `--hold=${hold}`];
  return startHeld({ script: 'ram-holder', role: RAM_ROLE, token: asked.token, args }, clock);
}
