import { basicAck, basicNack } from './frames.ts';
import { TAG, Tags } from './tags.ts';

/**
 * Publisher confirms of one channel. Publisher and broker both count the messages that were published since
 * confirm.select, from 1; a withheld one is counted by the publisher alone, so from then on their numbers differ. The
 * publisher is told of every message in the order in which a broker could have told it: a withheld one once all before it
 * are settled.
 */
export class Confirms {
  readonly #channel: number;
  readonly #tell: (frame: Buffer) => void;
  readonly #waiting = new Tags();
  /** For withheld messages by their number: whether the publisher is told that they arrived. */
  readonly #promised = new Map<number, boolean>();
  #published = 0;
  #sent = 0;
  on = false;

  /** `tell` gives a frame to the publisher. */
  constructor(channel: number, tell: (frame: Buffer) => void) {
    this.#channel = channel;
    this.#tell = tell;
  }
  /** A message goes on to the broker. */
  passed(): void {
    if (this.on) this.#waiting.push(++this.#published, ++this.#sent);
  }
  /** A message is withheld from the broker; the publisher will hear `confirm` of it. */
  withheld(confirm: boolean): void {
    if (!this.on) return;
    this.#waiting.push(++this.#published, this.#sent, TAG.withheld);
    this.#promised.set(this.#published, confirm);
    this.#sweep();
  }
  /**
   * The broker says that a message arrived, or did not.
   * @returns true when the publisher can be told the same in the same words; otherwise it was told in others.
   */
  settled(tag: number, multiple: boolean, positive: boolean): boolean {
    const tags = this.#waiting;
    const same = this.#published === this.#sent;
    const index = !multiple ? tags.byBroker(tag) : tags.upToBroker(tag === 0 ? this.#sent : tag);
    if (index < 0) return same;
    if (same) {
      if (multiple) tags.settleUpTo(index);
      else tags.settle(index);
      return true;
    }
    if (multiple) this.#settleUpTo(index, positive);
    else {
      this.#say(tags.client(index), false, positive);
      tags.settle(index);
    }
    this.#sweep();
    return false;
  }

  /** In order, so that what each frame settles with `multiple` is nothing that was withheld. */
  #settleUpTo(index: number, positive: boolean): void {
    const tags = this.#waiting;
    let last = 0;
    for (let n = index + 1; n > 0; n--) {
      if (tags.state(0) === TAG.withheld) {
        if (last > 0) this.#say(last, true, positive);
        last = 0;
        this.#keepPromise(tags.client(0));
      } else if (tags.state(0) === TAG.open) last = tags.client(0);
      tags.shift();
    }
    if (last > 0) this.#say(last, true, positive);
  }
  /** Tells of the withheld messages before which nothing waits any more. */
  #sweep(): void {
    const tags = this.#waiting;
    while (tags.size > 0 && tags.state(0) !== TAG.open) {
      if (tags.state(0) === TAG.withheld) this.#keepPromise(tags.client(0));
      tags.shift();
    }
  }
  #keepPromise(tag: number): void {
    this.#say(tag, false, this.#promised.get(tag) === true);
    this.#promised.delete(tag);
  }
  #say(tag: number, multiple: boolean, positive: boolean): void {
    this.#tell(positive ? basicAck(this.#channel, tag, multiple) : basicNack(this.#channel, tag, multiple, false));
  }
}
