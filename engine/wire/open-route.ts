import type { Protocol } from '../contract/models.ts';
import type { Acts } from './acts.ts';
import type { Effects } from './effects.ts';
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
  /** Judges messages. */
  readonly effects: Effects;
  /** Counts, tells and times what a session does to them. */
  readonly acts: Acts;
  readonly shard: Shard;
  readonly tap: Tap;
  /** A bug while handling bytes: that connection is gone, the worker goes on. */
  failed(error: unknown): void;
  closed(connection: Connection): void;
}
