import type { Socket } from 'node:net';
import type { Protocol } from '../contract/models.ts';
import type { Acts } from './acts.ts';
import type { Cancels } from './cancels.ts';
import type { Effects } from './effects.ts';
import type { Pipe } from './pipe.ts';
import type { Shard } from './shared.ts';
import type { Tap } from './tap.ts';
import type { TlsMaterial } from './tls/material.ts';

/** What toxics do with one connection; see toxics/grip.ts. */
export interface Grip {
  /** A connection to the upstream begins. */
  connected(upstream: Pipe): void;
  /** The client's connection is over. */
  gone(): void;
}

/** What all connections of one route in one worker have in common. */
export interface OpenRoute<Connection = unknown> {
  readonly name: string;
  readonly protocol: Protocol;
  readonly host: string;
  readonly port: number;
  /** How TLS is spoken to the upstream; absent: it is not. */
  readonly upstreamTls?: NonNullable<TlsMaterial['upstream']>;
  /** TLS begins in the middle of its connections, when the protocol says so. */
  readonly tlsInside?: boolean;
  /** Ends the TLS of clients; absent: the route does not. */
  readonly greeter?: { greet(socket: Socket, ready: (greeted: { readonly secured: Socket; readonly alpn: string }) => void): void };
  /** Its place in shared memory. */
  readonly slot: number;
  /** Judges messages. */
  readonly effects: Effects;
  /** Counts, tells and times what a session does to them. */
  readonly acts: Acts;
  /** What of it is held back and may be cancelled. */
  readonly cancels: Cancels;
  readonly shard: Shard;
  readonly tap: Tap;
  /** What toxics do to its connections. */
  readonly toxics?: { admit(connection: Connection): Grip | undefined };
  /** A bug while handling bytes: that connection is gone, the worker goes on. */
  failed(error: unknown): void;
  closed(connection: Connection): void;
}
