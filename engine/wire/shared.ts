import type { PolicyCounters, RouteCounters } from './wire.ts';

/**
 * The memory that the engine and its workers share. Counters are 64-bit floats in one shard per worker, so that each
 * cell has one writer and counting costs one addition; readers add the shards up. Only what must be agreed on between
 * workers (message numbers, token buckets, HALT) is atomic.
 */
export interface SharedMemory {
  /** Word 0 is HALT, word 1 says who listens to the traffic, and from word 2 on there is one for each worker. */
  readonly control: SharedArrayBuffer;
  /** One 32-bit word a policy slot: the number of the next message. */
  readonly sequence: SharedArrayBuffer;
  /** One 64-bit word a policy slot: see throttle.ts. */
  readonly buckets: SharedArrayBuffer;
  /** One 32-bit word a route slot: the number of the next connection. */
  readonly connections: SharedArrayBuffer;
  /** `CANCEL_SLOTS` 64-bit words a worker: see cancels.ts. */
  readonly cancels: SharedArrayBuffer;
  readonly policies: SharedArrayBuffer;
  readonly routes: SharedArrayBuffer;
}

/** Twice what one file may hold (CAPABILITIES: at most 1024 policies), so that one set can follow another. */
export const POLICY_SLOTS = 2_048;
export const ROUTE_SLOTS = 256;
/** Messages of one worker that are held back and can be cancelled at one time; a cancel of others goes on to their server. */
export const CANCEL_SLOTS = 1_024;
export const HALT_WORD = 0;
export const LISTEN_WORD = 1;
/** Values of LISTEN_WORD: what somebody wants to hear of. */
export const LISTEN = { nobody: 0, touched: 1, all: 2 } as const;
/** One word a worker: 1 while the engine has not taken its last batch of traffic. */
export const UNTAKEN_WORDS = 2;

/** Cells of a policy within a shard. */
export const POLICY = { matched: 0, latencies: 1, errors: 2, drops: 3, throttled: 4, delaySum: 5, struck: 6, amount: 7, hits: 8, timed: 9, timeSum: 10 } as const;
const POLICY_CELLS = 12;
/** Cells of a route within a shard. */
export const ROUTE = { requests: 0, faults: 1, errors: 2, drops: 3, latencies: 4, active: 5, opaque: 6 } as const;
const ROUTE_CELLS = 8;

export function createShared(workers: number): SharedMemory {
  return {
    control: new SharedArrayBuffer(4 * (UNTAKEN_WORDS + workers)),
    sequence: new SharedArrayBuffer(4 * POLICY_SLOTS),
    buckets: new SharedArrayBuffer(8 * POLICY_SLOTS),
    connections: new SharedArrayBuffer(4 * ROUTE_SLOTS),
    cancels: new SharedArrayBuffer(8 * CANCEL_SLOTS * workers),
    policies: new SharedArrayBuffer(8 * POLICY_CELLS * POLICY_SLOTS * workers),
    routes: new SharedArrayBuffer(8 * ROUTE_CELLS * ROUTE_SLOTS * workers),
  };
}

/** The cells that one worker writes. */
export class Shard {
  readonly #policies: Float64Array;
  readonly #routes: Float64Array;

  constructor(shared: SharedMemory, worker: number) {
    this.#policies = new Float64Array(shared.policies, 8 * POLICY_CELLS * POLICY_SLOTS * worker, POLICY_CELLS * POLICY_SLOTS);
    this.#routes = new Float64Array(shared.routes, 8 * ROUTE_CELLS * ROUTE_SLOTS * worker, ROUTE_CELLS * ROUTE_SLOTS);
  }
  policy(slot: number, cell: number, amount = 1): void {
    const at = slot * POLICY_CELLS + cell;
    this.#policies[at] = (this.#policies[at] as number) + amount;
  }
  route(slot: number, cell: number, amount = 1): void {
    const at = slot * ROUTE_CELLS + cell;
    this.#routes[at] = (this.#routes[at] as number) + amount;
  }
  /** A worker that starts anew has no open connections, whatever the one before it left behind. */
  resetActive(slot: number): void {
    this.#routes[slot * ROUTE_CELLS + ROUTE.active] = 0;
  }
}

/** Reads over all shards; clears slots for their next owner. */
export class Totals {
  readonly #policies: Float64Array;
  readonly #routes: Float64Array;
  readonly #shared: SharedMemory;

  constructor(shared: SharedMemory) {
    this.#shared = shared;
    this.#policies = new Float64Array(shared.policies);
    this.#routes = new Float64Array(shared.routes);
  }
  policy(slot: number): PolicyCounters {
    const sum = (cell: number): number => total(this.#policies, POLICY_SLOTS, POLICY_CELLS, slot, cell);
    const latencies = sum(POLICY.latencies);
    const timed = sum(POLICY.timed);
    return {
      matched: sum(POLICY.matched),
      latencies,
      errors: sum(POLICY.errors),
      drops: sum(POLICY.drops),
      throttled: sum(POLICY.throttled),
      struck: sum(POLICY.struck),
      amount: sum(POLICY.amount),
      hits: sum(POLICY.hits),
      timed,
      meanTime: timed === 0 ? 0 : sum(POLICY.timeSum) / timed,
      meanDelay: latencies === 0 ? 0 : sum(POLICY.delaySum) / latencies,
    };
  }
  route(slot: number, name: string): RouteCounters {
    const sum = (cell: number): number => total(this.#routes, ROUTE_SLOTS, ROUTE_CELLS, slot, cell);
    return {
      name,
      requests: sum(ROUTE.requests),
      faults: sum(ROUTE.faults),
      errors: sum(ROUTE.errors),
      drops: sum(ROUTE.drops),
      latencies: sum(ROUTE.latencies),
      active: sum(ROUTE.active),
      notUnderstood: sum(ROUTE.opaque),
    };
  }
  clearPolicy(slot: number): void {
    clear(this.#policies, POLICY_SLOTS, POLICY_CELLS, slot);
    Atomics.store(new Int32Array(this.#shared.sequence), slot, 0);
    Atomics.store(new BigInt64Array(this.#shared.buckets), slot, 0n);
  }
  clearRoute(slot: number): void {
    clear(this.#routes, ROUTE_SLOTS, ROUTE_CELLS, slot);
    Atomics.store(new Int32Array(this.#shared.connections), slot, 0);
  }
}

function total(cells: Float64Array, slots: number, width: number, slot: number, cell: number): number {
  let sum = 0;
  for (let at = slot * width + cell; at < cells.length; at += slots * width) sum += cells[at] as number;
  return sum;
}
function clear(cells: Float64Array, slots: number, width: number, slot: number): void {
  for (let at = slot * width; at < cells.length; at += slots * width) cells.fill(0, at, at + width);
}
