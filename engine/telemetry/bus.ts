import { type Clock } from '../kernel/clock.ts';
import { type EngineEvent, type EventBody } from './models.ts';

/**
 * The event log: gives each event its sequence number, keeps the most recent in a ring, and hands it to every listener.
 * A listener that throws is dropped with its error logged; it never stops the publisher.
 */
export interface EventBus {
  publish(run: string, body: EventBody): EngineEvent;
  /** Calls back for every event after `since` (a sequence number; the ring may no longer hold the oldest). */
  subscribe(listener: (event: EngineEvent) => void, since?: number): Disposable;
  /** The newest events, oldest first. */
  recent(limit?: number): readonly EngineEvent[];
  readonly lastSeq: number;
  /** The oldest that the ring holds; `lastSeq + 1` when it holds none. */
  readonly oldestSeq: number;
}

/** How many recent events the ring keeps. */
export const RING_SIZE = 10_000;

export function createBus(clock: Clock, size = RING_SIZE): EventBus {
  const ring: EngineEvent[] = [];
  const listeners = new Set<Listener>();
  /** Published and not yet handed on: a listener may itself publish, and the others still see both in order. */
  const pending: EngineEvent[] = [];
  let delivering = false;
  let seq = 0;
  const publish = (run: string, body: EventBody): EngineEvent => {
    const event: EngineEvent = { seq: ++seq, at: clock.wall(), run, body };
    ring.push(event);
    if (ring.length > size) ring.shift();
    pending.push(event);
    if (!delivering) deliver();
    return event;
  };
  const deliver = (): void => {
    delivering = true;
    for (let event = pending.shift(); event !== undefined; event = pending.shift()) {
      for (const listener of [...listeners]) if (listeners.has(listener)) hand(listener, event);
    }
    delivering = false;
  };
  const hand = (listener: Listener, event: EngineEvent): void => {
    if (event.seq <= listener.seen) return;
    listener.seen = event.seq;
    try {
      listener.call(event);
    } catch (error) {
      listeners.delete(listener);
      publish(event.run, {
        kind: 'log',
        level: 'error',
        text: `an event listener failed and was removed: ${String(error)}`,
      });
    }
  };
  return {
    publish,
    subscribe: (call, since) => {
      const listener: Listener = { call, seen: since ?? seq };
      listeners.add(listener);
      if (since !== undefined) for (const event of [...ring]) if (listeners.has(listener)) hand(listener, event);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    recent: (limit = size) => ring.slice(-limit),
    get lastSeq() {
      return seq;
    },
    get oldestSeq() {
      return ring[0]?.seq ?? seq + 1;
    },
  };
}

interface Listener {
  readonly call: (event: EngineEvent) => void;
  /** The newest sequence number it was given; nothing comes twice, whether from the ring or as it happens. */
  seen: number;
}
