import { type Clock } from '../kernel/clock.ts';
import { type Frame } from './models.ts';

/** Ten frames a second: faster than a reader, slow enough to cost nothing. */
export const FRAME_MS = 100;

/** The state of things at a steady rate, for whoever looks. */
export interface Frames {
  /**
   * Calls back with each new frame until disposed. A listener that returns a promise gets no other frame until it has
   * settled, and then the newest, never a queue. One that throws or rejects is dropped; the others go on.
   */
  subscribe(listener: (frame: Frame) => void | Promise<void>): Disposable;
  /** The newest frame, at most one period old. */
  latest(): Frame;
}

interface Subscriber {
  readonly listener: (frame: Frame) => void | Promise<void>;
  busy: boolean;
  /** The newest frame that came while the listener was busy. */
  waiting: Frame | undefined;
}

/** Takes a `snapshot` every 100 ms, only while somebody listens. */
export function createFrames(clock: Clock, snapshot: () => Frame): Frames {
  const subscribers = new Set<Subscriber>();
  let newest: Frame | undefined;
  let ticking: Disposable | undefined;

  const deliver = (subscriber: Subscriber, frame: Frame): void => {
    if (subscriber.busy) {
      subscriber.waiting = frame;
      return;
    }
    try {
      const working = subscriber.listener(frame);
      if (working instanceof Promise) void finish(subscriber, working);
    } catch {
      drop(subscriber);
    }
  };
  const finish = async (subscriber: Subscriber, working: Promise<void>): Promise<void> => {
    subscriber.busy = true;
    try {
      await working;
    } catch {
      return drop(subscriber);
    }
    subscriber.busy = false;
    const frame = subscriber.waiting;
    subscriber.waiting = undefined;
    if (frame !== undefined && subscribers.has(subscriber)) deliver(subscriber, frame);
  };
  const drop = (subscriber: Subscriber): void => {
    subscribers.delete(subscriber);
    if (subscribers.size > 0) return;
    ticking?.[Symbol.dispose]();
    ticking = undefined;
    newest = undefined;
  };
  const tick = (): void => {
    newest = snapshot();
    for (const subscriber of [...subscribers]) deliver(subscriber, newest);
  };

  return {
    subscribe: (listener) => {
      const subscriber: Subscriber = { listener, busy: false, waiting: undefined };
      subscribers.add(subscriber);
      ticking ??= clock.every(FRAME_MS, tick);
      return { [Symbol.dispose]: () => drop(subscriber) };
    },
    latest: () => newest ?? snapshot(),
  };
}
