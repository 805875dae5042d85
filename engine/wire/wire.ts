import type { Route } from '../contract/models.ts';
import type { TrafficBatch } from '../contract/room.ts';
import type { WirePolicy } from '../policy/snapshot.ts';

/** What happened under one policy since it was added; counted in shared memory by the workers. */
export interface PolicyCounters {
  /** Messages that matched (whatever the dice said). */
  readonly matched: number;
  readonly latencies: number;
  readonly errors: number;
  readonly drops: number;
  readonly throttled: number;
  /**
   * Toxics alone. `matched` are connections that they could have taken hold of, `struck` those that they did, and the
   * counts above those on which they acted; what they did to the bytes, each counts in its own terms (faults/tcp/effect.ts).
   */
  readonly struck: number;
  readonly amount: number;
  readonly hits: number;
  readonly timed: number;
  /** Milliseconds. */
  readonly meanTime: number;
  /** Delivered delays: their mean in milliseconds, 0 when none. */
  readonly meanDelay: number;
}

export interface RouteCounters {
  readonly name: string;
  readonly requests: number;
  readonly faults: number;
  readonly errors: number;
  readonly drops: number;
  readonly latencies: number;
  /** Open client connections. */
  readonly active: number;
  /** Connections of which the messages could not be told apart; their bytes passed. */
  readonly notUnderstood: number;
}

/**
 * The data plane as the rest of the engine sees it. Bytes flow in worker threads; these calls only move policies and
 * read counters.
 */
export interface Wire extends AsyncDisposable {
  /** Starts listening. Port 0 is filled in. Throws FirebreakError `listen-failed` naming route and cause; all or none open. */
  open(routes: readonly Route[]): Promise<readonly Route[]>;
  /** Stops listening and ends the connections of these routes; unknown names are ignored. */
  close(names: readonly string[]): Promise<void>;
  routes(): readonly Route[];
  /** Adds a policy to the snapshot; resolves when every worker has swapped. */
  add(policy: WirePolicy): Promise<void>;
  /** Removes it; resolves when every worker has swapped and what it was holding back has been let go. Idempotent. */
  remove(id: string): Promise<void>;
  has(id: string): boolean;
  /** Undefined for an id that was never added. */
  counters(id: string): PolicyCounters | undefined;
  /** The same by the fault whose policy it is. Undefined as well for a fault that has none in the wire. */
  faultCounters(fault: string): PolicyCounters | undefined;
  routeCounters(): readonly RouteCounters[];
  /**
   * Calls back with what faults did to messages, every 100 ms in which there was any, until disposed; with `passing`
   * also a sample of the untouched. A listener that throws is a bug.
   */
  listen(passing: boolean, take: (batch: TrafficBatch) => void): Disposable;
  /** Sets or clears the shared HALT word. Takes effect at the next decision of every worker, without a message. */
  halt(): void;
  resume(): void;
  readonly halted: boolean;
  /** The control block; word 0 is HALT. Another thread may set it with Atomics (lifecycle's sentinel does). */
  readonly control: SharedArrayBuffer;
}
