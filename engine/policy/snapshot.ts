import { type Protocol } from '../contract/models.ts';

/** One policy for the wire, as plain data that crosses threads. Chances 0-1, times in milliseconds. */
export interface WirePolicy {
  /** The fault id; unique. */
  readonly id: string;
  readonly name: string;
  readonly protocol: Protocol;
  /** HTTP: a path, `all`, or a path with a trailing `*` (segment boundary). */
  readonly target: string;
  /** '' = every route of the protocol. */
  readonly route: string;
  readonly seed: number;
  readonly latencyChance: number;
  readonly latencyMs: number;
  readonly errorChance: number;
  readonly errorCode: number;
  readonly errorBody: string;
  readonly dropConnection: boolean;
  /** Lower-case names; all must be present with exactly this value. */
  readonly matchHeaders: Readonly<Record<string, string>>;
  /** Messages per second let through; above that 429 with Retry-After. 0 = no throttling. */
  readonly throttleRate: number;
}
