import type { Protocol } from '../contract/models.ts';
import type { Address } from './address.ts';
import type { SlottedPolicy } from './effects.ts';
import type { SharedMemory } from './shared.ts';
import type { TapBatch } from './tap.ts';
import type { UpstreamsByName } from './tls/by-name.ts';
import type { TlsMaterial } from './tls/material.ts';

/** What the engine and a worker say to each other. Every request is answered once, by its number; traffic is told unasked. */
export interface WorkerStart {
  readonly shared: SharedMemory;
  /** Which shard of the counters is its own. */
  readonly worker: number;
}

export interface RouteOrder {
  readonly name: string;
  readonly protocol: Protocol;
  readonly listen: Address;
  readonly upstream: Address;
  readonly slot: number;
  readonly tls?: TlsMaterial;
  readonly byName?: UpstreamsByName;
  /** Several workers listen on the same port. */
  readonly reusePort: boolean;
}

export type Order =
  | { readonly kind: 'open'; readonly routes: readonly RouteOrder[] }
  | { readonly kind: 'close'; readonly names: readonly string[] }
  | { readonly kind: 'policies'; readonly policies: readonly SlottedPolicy[] }
  | { readonly kind: 'add'; readonly added: SlottedPolicy }
  | { readonly kind: 'remove'; readonly removed: SlottedPolicy };

export interface Request {
  readonly number: number;
  readonly order: Order;
}

export type Answer =
  /** `ports`: the ports listened on, in the order of the routes of an `open`. */
  | { readonly number: number; readonly ok: true; readonly ports: readonly number[] }
  | { readonly number: number; readonly ok: false; readonly route: string; readonly code: string; readonly message: string }
  /** Asked by nobody. Code `bug`: one that cost a connection but not the worker; any other: a route cannot listen again. */
  | { readonly number: 0; readonly ok: false; readonly route: string; readonly code: string; readonly message: string };

export interface Told {
  readonly traffic: TapBatch;
}
