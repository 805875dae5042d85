import { setTimeout as sleepFor } from 'node:timers/promises';
import { type Millis, millis } from './brands.ts';

/**
 * All waiting and all reading of time in the engine goes through a Clock, so that tests run in virtual time.
 */
export interface Clock {
  /** Wall-clock time in milliseconds since 1970; for people, never for order. */
  wall(): number;
  /** Monotonic time in milliseconds; for measuring. */
  now(): Millis;
  /** Resolves after `duration`; rejects with the signal's reason when it is aborted first. */
  sleep(duration: Millis | number, signal?: AbortSignal): Promise<void>;
  /** Calls back every `period` until disposed. A slow callback delays the next call, never overlaps it. */
  every(period: Millis | number, callback: () => void): Disposable;
  /** Calls back once after `duration` unless disposed first. Does not keep the process alive. */
  after(duration: Millis | number, callback: () => void): Disposable;
}

/** The longest that a timer of Node can wait, some 24 days; one set for longer rings at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** The machine's own clock. */
export const realClock: Clock = {
  wall: () => Date.now(),
  now: () => millis(performance.now()),
  sleep: async (duration, signal) => {
    try {
      for (let left: number = duration; ; left -= LONGEST_TIMER) {
        await sleepFor(Math.min(left, LONGEST_TIMER), undefined, signal === undefined ? {} : { signal });
        if (!(left > LONGEST_TIMER)) return;
      }
    } catch (error) {
      throw signal?.aborted === true ? (signal.reason ?? error) : error;
    }
  },
  every: (period, callback) => {
    const timer = setInterval(callback, period);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  },
  after: (duration, callback) => {
    let timer: NodeJS.Timeout;
    const wait = (left: number): void => {
      timer = setTimeout(() => (left > LONGEST_TIMER ? wait(left - LONGEST_TIMER) : callback()), Math.min(left, LONGEST_TIMER));
      timer.unref();
    };
    wait(duration);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};

interface Alarm {
  at: number;
  readonly order: number;
  readonly period: number;
  readonly ring: () => void;
}

/**
 * A clock that moves only when told to. `advance` rings every alarm due on the way, in order of time and then of
 * creation, and lets promises settle between two alarms.
 */
export class VirtualClock implements Clock {
  #now = 0;
  #order = 0;
  readonly #alarms = new Set<Alarm>();
  readonly #epoch: number;

  constructor(epoch = Date.UTC(2026, 0, 1)) {
    this.#epoch = epoch;
  }
  wall(): number {
    return this.#epoch + this.#now;
  }
  now(): Millis {
    return millis(this.#now);
  }
  sleep(duration: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason);
      const stop = (): void => {
        this.#alarms.delete(alarm);
        reject(signal?.reason);
      };
      const alarm = this.#set(duration, 0, () => {
        signal?.removeEventListener('abort', stop);
        resolve();
      });
      signal?.addEventListener('abort', stop, { once: true });
    });
  }
  every(period: number, callback: () => void): Disposable {
    const alarm = this.#set(period, period, callback);
    return { [Symbol.dispose]: () => void this.#alarms.delete(alarm) };
  }
  after(duration: number, callback: () => void): Disposable {
    const alarm = this.#set(duration, 0, callback);
    return { [Symbol.dispose]: () => void this.#alarms.delete(alarm) };
  }

  /** Moves time forward by `duration` milliseconds. */
  async advance(duration: number): Promise<void> {
    const end = this.#now + duration;
    await settle();
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#now = next.at;
      if (next.period > 0) next.at += next.period;
      else this.#alarms.delete(next);
      next.ring();
      await settle();
    }
    this.#now = end;
  }

  /** Moves time forward in `step`s until `promise` settles, for at most `limit` milliseconds of virtual time. */
  async runUntil<T>(promise: Promise<T>, limit = 3_600_000, step = 50): Promise<T> {
    let done = false;
    const watched = promise.finally(() => (done = true));
    watched.catch(() => {});
    const end = this.#now + limit;
    while (!done && this.#now < end) await this.advance(step);
    if (!done) throw new Error(`still waiting after ${limit} ms of virtual time`);
    return watched;
  }

  #set(duration: number, period: number, ring: () => void): Alarm {
    const alarm = { at: this.#now + Math.max(0, duration), order: this.#order++, period, ring };
    this.#alarms.add(alarm);
    return alarm;
  }
  #next(end: number): Alarm | undefined {
    let first: Alarm | undefined;
    for (const alarm of this.#alarms) {
      if (alarm.at > end) continue;
      if (first === undefined || alarm.at < first.at || (alarm.at === first.at && alarm.order < first.order)) first = alarm;
    }
    return first;
  }
}

/** Lets every promise that can settle without time passing do so, I/O of the current turn included. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
