import type { SlottedPolicy } from '../effects.ts';
import { fnv1a } from '../../kernel/hash.ts';
import { keyedBits } from '../../kernel/random.ts';

export type ToxicKind =
  | 'latency' | 'bandwidth' | 'slow_close' | 'timeout' | 'reset_peer' | 'slicer' | 'limit_data' | 'down' | 'loss' | 'corruption';

/** Which bytes a toxic takes hold of: `downstream` is what the upstream sends to the client, `upstream` the other way. */
export type Stream = 'upstream' | 'downstream';

/** One toxic as the wire takes it: plain data that crosses threads, in `extra` of a policy. Each kind reads its own fields. */
export interface ToxicSpec {
  readonly kind: ToxicKind;
  readonly stream: Stream;
  /** Share of connections that it takes hold of, 0-1. */
  readonly toxicity: number;
  /** latency; milliseconds. */
  readonly latency: number;
  readonly jitter: number;
  /** bandwidth; KB of 1000 bytes a second, which is bytes a millisecond. */
  readonly rate: number;
  /** timeout (0 = until removed), reset_peer, slow_close; milliseconds. */
  readonly wait: number;
  /** slicer; bytes, bytes, milliseconds. */
  readonly averageSize: number;
  readonly sizeVariation: number;
  readonly pause: number;
  /** limit_data. */
  readonly bytes: number;
  /** loss, corruption: the share of the pieces of `pieceSize` bytes that is hit. */
  readonly chance: number;
  readonly pieceSize: number;
}

/** A toxic in force in one worker. */
export interface Toxic extends ToxicSpec {
  readonly id: string;
  /** The name of its policy. */
  readonly policy: string;
  /** Its place in shared memory. */
  readonly slot: number;
  /** '' = every route. */
  readonly route: string;
  readonly seed: number;
  /** Keys its dice: the same for the same name and route, whatever the fault id of this run. */
  readonly key: number;
}

/** What marks a policy as a toxic: such a policy judges no messages. */
export const TOXIC_SCOPE = 'toxic';

/** Those of the policies that are toxics, in order. */
export function toxicsOf(policies: readonly SlottedPolicy[]): Toxic[] {
  return policies
    .filter(({ policy }) => policy.scope === TOXIC_SCOPE)
    .map(({ policy: { id, name, route, seed, extra }, slot }) => ({
      ...(extra as unknown as ToxicSpec), id, policy: name, slot, route, seed: seed | 0, key: fnv1a(['toxic', name, route].join('\0')) | 0,
    }));
}

const STRIKES = 1;
const VARIES = 2;
const TWO_TO_32 = 0x1_0000_0000;

/**
 * Whether the toxic takes hold of the connection of this number. Depends on nothing but seed, policy and number. Toxicity
 * 0 never does and 1 always: the bits are never below 0 and always below 2^32.
 */
export function strikes(toxic: Toxic, connection: number): boolean {
  return keyedBits(toxic.seed, toxic.key, connection, STRIKES) >>> 0 < toxic.toxicity * TWO_TO_32;
}

/** A keyed number in [0, 1) for the `index`-th thing that a toxic does to one connection. */
export function die(toxic: Toxic, connection: number, index: number): number {
  return (keyedBits(toxic.seed, toxic.key ^ Math.imul(connection + 1, 0x9e3779b1), index, VARIES) >>> 0) / TWO_TO_32;
}
