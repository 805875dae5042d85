import { createHash } from 'node:crypto';
import { everyPeriod } from '../kernel/precise-timer.ts';
import { CANCEL_SLOTS, type SharedMemory } from './shared.ts';

/** Milliseconds between two looks at whether something was cancelled, while anything is on offer. */
const LOOK = 5;
/** What a word is while nothing is on offer there, and the bit that cancels what is. */
const FREE = 0n;
const CANCELLED = 1n;

/** Something that is held back and may be cancelled. */
export interface Offer {
  /** It goes on now, or there is nobody left to go on for. False: it was cancelled before that. */
  withdraw(): boolean;
}
/** The connection whose message that is. */
interface Owner {
  reset(): void;
  readonly route: { failed(error: unknown): void };
}
interface Offered {
  readonly key: bigint;
  readonly link: Owner;
  readonly cancelled: () => void;
}

/**
 * What is held back by any worker and may be cancelled through any other, for protocols that cancel on a connection of its
 * own. An offer is one word of shared memory, which either its owner takes back or a canceller marks, whoever is first: so
 * a cancel strikes what is held here or goes on to the server, and never does both.
 */
export class Cancels {
  readonly #words: BigUint64Array<SharedArrayBuffer>;
  readonly #offered = new Map<number, Offered>();
  /** Words of this worker that are free. */
  readonly #free: number[];
  #looking: Disposable | undefined;

  /** @param worker whose offers these are; what an earlier worker of this number left is taken back. */
  constructor(shared: SharedMemory, worker: number) {
    this.#words = new BigUint64Array(shared.cancels);
    this.#free = Array.from({ length: CANCEL_SLOTS }, (_, slot) => worker * CANCEL_SLOTS + slot);
    for (const slot of this.#free) Atomics.store(this.#words, slot, FREE);
  }

  /**
   * Whoever has the key may cancel it from now on. `cancelled` is called once, some milliseconds after that, unless the
   * offer was withdrawn; when it throws, that is a bug: it is told, and the connection, `link`, ends.
   * Undefined: so much is on offer that this cannot be.
   */
  offer(key: bigint, link: Owner, cancelled: () => void): Offer | undefined {
    const slot = this.#free.pop();
    if (slot === undefined) return undefined;
    Atomics.store(this.#words, slot, key);
    const offered = { key, link, cancelled };
    this.#offered.set(slot, offered);
    this.#looking ??= everyPeriod(LOOK, () => this.#look());
    return { withdraw: () => this.#offered.get(slot) === offered && this.#take(slot, key) };
  }

  /** Cancels what is on offer under this key, in any worker. False: nothing is. */
  cancel(key: bigint): boolean {
    const words = this.#words;
    for (let slot = 0; slot < words.length; slot++) {
      if (words[slot] === key && Atomics.compareExchange(words, slot, key, key | CANCELLED) === key) return true;
    }
    return false;
  }

  #look(): void {
    for (const [slot, { key, link, cancelled }] of [...this.#offered]) {
      // One that went before may have ended the connection of this one.
      if (!this.#offered.has(slot) || Atomics.load(this.#words, slot) === key) continue;
      this.#take(slot, key);
      try {
        cancelled();
      } catch (error) {
        link.reset();
        link.route.failed(error);
      }
    }
  }
  /** Takes an offer back; false when it had been cancelled. */
  #take(slot: number, key: bigint): boolean {
    const had = Atomics.exchange(this.#words, slot, FREE);
    this.#offered.delete(slot);
    this.#free.push(slot);
    if (this.#offered.size === 0) {
      this.#looking?.[Symbol.dispose]();
      this.#looking = undefined;
    }
    return had === key;
  }
}

/** The key of what only those can cancel who know `secret`, on the route in this slot of shared memory. */
export function cancelKey(slot: number, secret: Uint8Array): bigint {
  const hash = createHash('sha256').update(`${slot}:`).update(secret).digest().readBigUInt64BE();
  // Never FREE, and with the bit that cancels clear.
  return (hash | 2n) & ~CANCELLED;
}
