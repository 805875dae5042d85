import { seededStream } from '../kernel/random.ts';

/** What is to become of packets that a program decides over; as netem(8) means it, shares from 0 to 1. */
export interface PacketOrder {
  /** Milliseconds. */
  readonly latency: number;
  readonly jitter: number;
  readonly correlation: number;
  readonly loss: number;
  readonly corruption: number;
  readonly reordering: number;
}

/** What becomes of one packet. */
export interface Fate {
  readonly lost: boolean;
  /** Milliseconds until it goes on; 0 = at once. */
  readonly delay: number;
  /** It overtakes those that wait. */
  readonly early: boolean;
  /** From 0 up to 1: which of its bits is changed; undefined: none. */
  readonly damaged: number | undefined;
}

/** The chances of the packets of one direction, one after the other. */
export class PacketFates {
  readonly #order: PacketOrder;
  readonly #random: () => number;
  #losing = false;
  #spread: number | undefined;

  constructor(order: PacketOrder, seed: number, key: number) {
    this.#order = order;
    this.#random = seededStream(seed, key);
  }

  next(): Fate {
    const { latency, loss, corruption, reordering } = this.#order;
    if (loss > 0 && this.#loses()) return { lost: true, delay: 0, early: false, damaged: undefined };
    const damaged = corruption > 0 && this.#random() < corruption ? this.#random() : undefined;
    const early = reordering > 0 && this.#random() < reordering;
    return { lost: false, delay: early || latency === 0 ? 0 : this.#delay(), early, damaged };
  }

  /**
   * A chain of two states (Gilbert) loses exactly the share asked for, and each loss is like the one before by exactly the
   * correlation: it begins with loss (1 - c) and ends with (1 - loss) (1 - c).
   */
  #loses(): boolean {
    const { loss, correlation } = this.#order;
    const chance = this.#losing ? 1 - (1 - loss) * (1 - correlation) : loss * (1 - correlation);
    return (this.#losing = this.#random() < chance);
  }

  /** Evenly spread. netem's own correlation narrows the spread; one that is repeated by this chance is as correlated and does not. */
  #delay(): number {
    const { latency, jitter, correlation } = this.#order;
    if (jitter === 0) return latency;
    if (this.#spread === undefined || correlation === 0 || this.#random() >= correlation) this.#spread = 2 * this.#random() - 1;
    return latency + jitter * this.#spread;
  }
}

/**
 * A copy with one bit changed behind the head of IP, which is left alone: it says where the packet goes. The checksum stays,
 * so that who receives it drops it, as it does what a bad cable has changed. Undefined where there is nothing behind the head.
 * @param where from 0 up to 1.
 */
export function damage(packet: Buffer, where: number): Buffer | undefined {
  const head = (packet[0] ?? 0) >> 4 === 4 ? ((packet[0] ?? 0) & 15) * 4 : 40;
  const bits = (packet.length - head) * 8;
  if (bits <= 0) return undefined;
  const bit = Math.floor(where * bits);
  const copy = Buffer.from(packet);
  const at = head + (bit >> 3);
  copy[at] = (copy[at] ?? 0) ^ (1 << (bit & 7));
  return copy;
}
