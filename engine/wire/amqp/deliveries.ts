import { ARGUMENTS, channelFlow, METHOD, MULTIPLE, readTag, settling, type Way, wayOf, writeTag } from './frames.ts';
import { FATE, type Fate } from './lane.ts';
import { Tags } from './tags.ts';

/**
 * Deliveries of one channel. The broker numbers them from 1; a withheld one has no number at the client's end, so from
 * then on the numbers differ, and what the client settles is translated. Nothing is settled twice: for the broker that
 * would be an error that closes the channel.
 *
 * A client may settle all so far (tag 0), and that is for the broker to understand: it settles what is on its way as well.
 * So of what comes after that it is not known whether the broker still waits for it, until the broker has answered
 * something that was asked behind it; what had come by then stays unknown, what comes later is certain. As long as
 * policies are in force, all so far is therefore said by naming the last delivery, if that is certain. If it is not, it is
 * said late: once a round trip has gone by in which one that is certain could come. Only if none came is it said as it
 * was, for then hardly anything is on its way, and the next deliveries are certain.
 */
export class Deliveries {
  readonly #channel: number;
  readonly #tell: (frame: Buffer) => void;
  readonly #waiting = new Tags();
  /** channel.flow that was asked and not yet answered, in order: the doubts that our own will end, or -1 for the client's. */
  readonly #asked: number[] = [];
  #withheld = 0;
  /** The last withheld one: a number that the broker no longer waits for. */
  #lastWithheld = 0;
  /** How often the client settled messages that may have been on their way here, and up to which the broker has proven to know it. */
  #doubts = 0;
  #proven = 0;
  /** The last delivery that has come, and the last that had when doubts were ended: for those after it the broker still waits. */
  #seen = 0;
  #certainAfter = 0;
  /** How the client has settled all so far, while the broker has not been told. */
  #late: Way | undefined;
  /** Numbers at the client's end, from and to, among which are those that were settled with it although the client had not. */
  #lateFrom = 1;
  #lateTo = 0;

  /** `tell` gives a frame to the broker. */
  constructor(channel: number, tell: (frame: Buffer) => void) {
    this.#channel = channel;
    this.#tell = tell;
  }
  /** The numbers differ at both ends. */
  get renumbered(): boolean {
    return this.#withheld > 0;
  }
  /** The client has settled all so far, and the broker is yet to be told. */
  get late(): boolean {
    return this.#late !== undefined;
  }
  /** It cannot be said whether the broker still waits for a message that comes now. Asking for that is the end of it. */
  doubtful(): boolean {
    if (this.#doubtful) this.#ascertain();
    return this.#doubtful;
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
  /**
   * The client does not hear of a delivery; the broker hears of it at once, so that what it counts as under way is right.
   * @param way undefined when the broker does not wait for it (no-ack).
   */
  withheld(tag: number, way: Way | undefined): void {
    this.#withheld++;
    this.#lastWithheld = this.#seen = tag;
    if (way !== undefined) this.#tell(settling(this.#channel, tag, false, way));
  }
  /**
   * The client settles messages with the ack, nack or reject whose frame is at `at`; its tag is made the broker's.
   * @param exact whether "all that there are" must become "all that the client has seen", because one on its way may be withheld.
   */
  settle(bytes: Buffer, at: number, method: number, exact: boolean): Fate {
    const tag = readTag(bytes, at + ARGUMENTS);
    const multiple = method !== METHOD.basicReject && ((bytes[at + ARGUMENTS + 8] as number) & MULTIPLE) !== 0;
    if (tag === 0 && multiple) return this.#settleAll(bytes, at, wayOf(bytes, at, method), exact);
    const tags = this.#waiting;
    let index = tags.byClient(tag);
    // What was said before comes first, unless the order makes no difference.
    if (this.#late !== undefined && (index < 0 || (multiple && wayOf(bytes, at, method) !== this.#late))) {
      this.settleLate();
      index = tags.byClient(tag);
    }
    if (index < 0 && tag >= this.#lateFrom && tag <= this.#lateTo) return FATE.discard;
    const broker = index < 0 ? this.#lastWithheld : tags.broker(index);
    // What the client has no claim to must be as unknown to the broker.
    if (this.#withheld > 0) writeTag(bytes, at + ARGUMENTS, broker);
    if (index < 0) return FATE.pass;
    if (!multiple) tags.settle(index);
    else {
      tags.settleUpTo(index);
      this.#late = undefined;
    }
    return FATE.pass;
  }
  #settleAll(bytes: Buffer, at: number, way: Way, exact: boolean): Fate {
    if (this.#late !== undefined && this.#late !== way) this.settleLate();
    const tags = this.#waiting;
    const youngest = tags.youngest();
    const last = youngest < 0 ? 0 : tags.broker(youngest);
    tags.clear();
    if (exact && last === 0) return FATE.discard;
    if (exact && !this.#certain(last)) {
      this.#late = way;
      this.#ascertain();
      return FATE.discard;
    }
    this.#late = undefined;
    if (exact) writeTag(bytes, at + ARGUMENTS, last);
    else this.#doubts++;
    return FATE.pass;
  }
  /** The broker is told that the client has settled all so far, if that was put off; the client will count on it. */
  settleLate(): void {
    const way = this.#late;
    if (way === undefined) return;
    this.#late = undefined;
    const tags = this.#waiting;
    const youngest = tags.youngest();
    const last = youngest < 0 ? 0 : tags.broker(youngest);
    if (last > 0) {
      // As if it had taken its time to get there, it settles what was on its way to the client.
      if (this.#lateTo === 0) this.#lateFrom = tags.client(0);
      this.#lateTo = tags.client(youngest);
      tags.clear();
    }
    const named = this.#certain(last);
    this.#tell(settling(this.#channel, named ? last : 0, true, way));
    if (named) return;
    // Asked in the same breath: hardly a delivery comes between.
    this.#doubts++;
    this.#ascertain();
  }
  /** The client gives everything back (basic.recover). */
  recovered(): void {
    this.#waiting.clear();
    this.#doubts++;
  }

  /** The client asks with channel.flow; the answer will be its own. */
  flowAsked(): void {
    this.#asked.push(-1);
  }
  /** The broker answers channel.flow: it has done all that was asked before. Returns false when the client waits for that. */
  flowAnswered(): boolean {
    const doubts = this.#asked.shift() ?? -1;
    if (doubts < 0) return false;
    if (!this.#doubtful) this.settleLate();
    else {
      this.#proven = doubts;
      this.#certainAfter = this.#seen;
      if (this.#late !== undefined) this.#ascertain();
    }
    return true;
  }
  get #doubtful(): boolean {
    return this.#doubts !== this.#proven;
  }
  /** The broker is known to wait for this delivery, which nobody has settled. */
  #certain(tag: number): boolean {
    return !this.#doubtful && tag > this.#certainAfter;
  }
  /** Asks the broker for something that changes nothing: once it answers, it has settled all that the client asked before. */
  #ascertain(): void {
    if (this.#asked.includes(this.#doubts)) return;
    this.#asked.push(this.#doubts);
    this.#tell(channelFlow(this.#channel));
  }
}
