import type { Protocol } from '../contract/models.ts';
import type { Codec } from './codec.ts';
import type { Effects } from './effects.ts';
import type { Holds } from './holds.ts';
import type { Shard } from './shared.ts';
import type { Tap } from './tap.ts';

/** What all connections of one route in one worker have in common. */
export interface OpenRoute<Connection = unknown> {
  readonly name: string;
  readonly protocol: Protocol;
  readonly host: string;
  readonly port: number;
  /** Its place in shared memory. */
  readonly slot: number;
  readonly codec: Codec;
  readonly effects: Effects;
  readonly holds: Holds;
  readonly shard: Shard;
  readonly tap: Tap;
  /** A bug while handling bytes: that connection is gone, the worker goes on. */
  failed(error: unknown): void;
  closed(connection: Connection): void;
}
