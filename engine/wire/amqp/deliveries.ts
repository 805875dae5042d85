import { ARGUMENTS, METHOD, MULTIPLE, readTag, writeTag } from './frames.ts';
import { FATE, type Fate } from './lane.ts';
import { Tags } from './tags.ts';

/**
 * Deliveries of one channel. The broker numbers them from 1; a withheld one has no number at the client's end, so from
 * then on the numbers differ, and what the client settles is translated. Nothing is settled twice: for the broker that
 * would be an error that closes the channel.
 */
export class Deliveries {
  readonly #waiting = new Tags();
  #withheld = 0;
  /** The last withheld one: a number that the broker no longer waits for. */
  #lastWithheld = 0;
  /** How often the client settled messages that may have been on their way here, and up to which the broker has proven to know it. */
  #doubts = 0;
  #proven = 0;
  /** The last delivery that has come, and the last that had when doubts were ended: for those after it the broker still waits. */
  #seen = 0;
  #certainAfter = 0;

  /** It cannot be said whether the broker still waits for a message that comes now. */
  get doubtful(): boolean {
    return this.#doubts !== this.#proven;
  }
  get doubts(): number {
    return this.#doubts;
  }
  /** The broker has done all that the client asked for when there were so many doubts. */
  proven(doubts: number): void {
    this.#proven = doubts;
    this.#certainAfter = this.#seen;
  }

  /**
   * A delivery goes on to the client; its tag is at `at`, and is made the client's.
   * @param waits false when the broker took it for settled as it sent it (no-ack).
   */
  passed(bytes: Buffer, at: number, waits: boolean): void {
    const tag = readTag(bytes, at);
    // A broker that counts on from where it was never gives such a number.
    if (tag <= this.#withheld) return;
    this.#seen = tag;
    if (waits) this.#waiting.push(tag - this.#withheld, tag);
    if (this.#withheld > 0) writeTag(bytes, at, tag - this.#withheld);
  }
  withheld(tag: number): void {
    this.#withheld++;
    this.#lastWithheld = this.#seen = tag;
  }
  /**
   * The client settles messages with the ack, nack or reject whose frame is at `at`; its tag is made the broker's.
   * @param exact whether "all that there are" must become "all that the client has seen", because one on its way may be withheld.
   */
  settle(bytes: Buffer, at: number, method: number, exact: boolean): Fate {
    const tag = readTag(bytes, at + ARGUMENTS);
    const multiple = method !== METHOD.basicReject && ((bytes[at + ARGUMENTS + 8] as number) & MULTIPLE) !== 0;
    const tags = this.#waiting;
    if (tag === 0 && multiple) return this.#settleAll(bytes, at, exact || this.#withheld > 0);
    const index = tags.byClient(tag);
    // What the client has no claim to must be as unknown to the broker.
    if (this.#withheld > 0) writeTag(bytes, at + ARGUMENTS, index < 0 ? this.#lastWithheld : tags.broker(index));
    if (index >= 0 && multiple) tags.settleUpTo(index);
    else if (index >= 0) tags.settle(index);
    return FATE.pass;
  }
  /** Names the youngest instead, if that is known to be settled by nothing else: an unknown number would be an error. */
  #settleAll(bytes: Buffer, at: number, exact: boolean): Fate {
    const youngest = this.#waiting.youngest();
    const last = youngest < 0 ? 0 : this.#waiting.broker(youngest);
    this.#waiting.clear();
    if (exact && last === 0) return FATE.discard;
    if (exact && !this.doubtful && last > this.#certainAfter) writeTag(bytes, at + ARGUMENTS, last);
    else this.#doubts++;
    return FATE.pass;
  }
  /** The client gives everything back (basic.recover). */
  recovered(): void {
    this.#waiting.clear();
    this.#doubts++;
  }
}
