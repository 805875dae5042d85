import type { Verdict } from '../effects.ts';
import type { Channel } from './channel.ts';
import type { Conversation } from './conversation.ts';
import { FRAME, FRAME_EXTRA, FRAME_HEAD } from './frames.ts';
import { FATE, type Fate, type Lane } from './lane.ts';
import { bodySize } from './message.ts';
import type { FrameOwner, Stream } from './stream.ts';

const NOTHING = Buffer.alloc(0);

/** What the two directions have in common: contents are followed and judged the same way, whoever sends them. */
export abstract class Side implements FrameOwner {
  protected readonly talk: Conversation;
  readonly #lost: (why: string) => void;

  constructor(talk: Conversation, lost: (why: string) => void) {
    this.talk = talk;
    this.#lost = lost;
  }
  protected abstract get stream(): Stream;
  abstract lane(channel: number): Lane;
  /** A whole method, but for one of the few that bring a content and are not for judging. */
  protected abstract method(channel: Channel, lane: Lane, bytes: Buffer, at: number, stop: number): Fate;
  /** A frame that belongs to nothing known. */
  protected abstract stray(channel: Channel): Fate;
  /** The message may go on: both ends' numbers are kept. */
  protected abstract passes(channel: Channel, bytes: Buffer, at: number, stop: number): void;
  protected abstract sheltered(channel: Channel): boolean;
  /** Where the name is that the message is judged by: text, or bytes[start, end) of the frame. */
  protected abstract verdictOn(channel: Channel, bytes: Buffer, at: number, stop: number): Verdict | undefined;
  protected abstract fail(channel: Channel, verdict: Extract<Verdict, { act: 'fail' }>, bytes: Buffer, at: number, stop: number): void;
  protected queueOf(_channel: Channel, _bytes: Buffer, _at: number, _stop: number): Buffer {
    return NOTHING;
  }

  lost(why: string): void {
    this.#lost(why);
  }
  frame(lane: Lane, type: number, bytes: Buffer, at: number, stop: number, size: number): Fate {
    const channel = this.talk.channel(lane.channel);
    if (type === FRAME.body) {
      if (lane.bodyLeft === 0) return this.stray(channel);
      lane.bodyLeft = Math.max(0, lane.bodyLeft - size);
      return lane.fate;
    }
    if (type === FRAME.header) {
      if (!lane.awaiting || stop - at < FRAME_HEAD + 12) return this.stray(channel);
      lane.awaiting = false;
      lane.bodyLeft = bodySize(bytes, at);
      return lane.head.length === 0 ? lane.fate : this.#decideLate(channel, lane, bytes, at, stop, size);
    }
    if (type !== FRAME.method) return FATE.pass;
    if (lane.awaiting || lane.bodyLeft > 0) lane.abandon();
    return this.method(channel, lane, bytes, at, stop);
  }

  /** A content follows, of which this becomes. */
  protected begin(lane: Lane, fate: Fate): Fate {
    lane.awaiting = true;
    lane.fate = fate;
    return fate;
  }
  /** A message begins with the method in bytes[at, stop). */
  protected content(channel: Channel, lane: Lane, bytes: Buffer, at: number, stop: number): Fate {
    const { talk } = this;
    if (lane.judged) {
      lane.judged = false;
      this.passes(channel, bytes, at, stop);
      return this.begin(lane, FATE.pass);
    }
    const { acts, tap } = talk.link.route;
    acts.seen();
    if (!talk.mayJudge(channel)) {
      if (tap.wantsPassing) acts.passed(talk.message.at(bytes, at, 0, 0, this.queueOf(channel, bytes, at, stop)));
      this.passes(channel, bytes, at, stop);
      return this.begin(lane, FATE.pass);
    }
    const headerEnd = this.#headerEnd(lane, bytes, stop);
    if (headerEnd < 0) {
      lane.head.append(bytes, at, stop);
      this.begin(lane, FATE.pass);
      return FATE.discard;
    }
    const fate = this.#decide(channel, lane, bytes, at, stop, headerEnd);
    // What waits is read again from its method on.
    return fate === FATE.hold ? fate : this.begin(lane, fate);
  }
  /** Where the content header ends, if it follows in the same piece; otherwise -1. */
  #headerEnd(lane: Lane, bytes: Buffer, at: number): number {
    const { end } = this.stream;
    if (end - at < FRAME_HEAD || bytes[at] !== FRAME.header || bytes.readUInt16BE(at + 1) !== lane.channel) return -1;
    const stop = at + bytes.readUInt32BE(at + 3) + FRAME_EXTRA;
    return stop > end ? -1 : stop;
  }
  /** The content header has come apart from its method. */
  #decideLate(channel: Channel, lane: Lane, bytes: Buffer, at: number, stop: number, size: number): Fate {
    const method = lane.head.take();
    const whole = stop - at === size + FRAME_EXTRA;
    const head = Buffer.concat([method, bytes.subarray(at, whole ? stop : at)]);
    // A head that is too large to keep passes unjudged.
    const fate = whole && this.talk.mayJudge(channel) ? this.#decide(channel, lane, head, 0, method.length, head.length) : this.#pass(channel, head, 0, method.length);
    lane.fate = fate;
    if (fate === FATE.pass) this.stream.insert(head);
    else if (fate === FATE.hold) {
      lane.bodyLeft = 0;
      this.stream.hold(lane, head);
    }
    return whole ? FATE.discard : fate;
  }
  #pass(channel: Channel, bytes: Buffer, at: number, stop: number): Fate {
    this.passes(channel, bytes, at, stop);
    return FATE.pass;
  }
  /** The message whose method is bytes[at, header) and whose content header ends at `stop` is judged. */
  #decide(channel: Channel, lane: Lane, bytes: Buffer, at: number, header: number, stop: number): Fate {
    const { link, message } = this.talk;
    const { acts, tap } = link.route;
    const queue = this.queueOf(channel, bytes, at, header);
    message.at(bytes, at, header, stop, queue);
    message.sheltered = this.sheltered(channel);
    const verdict = this.verdictOn(channel, bytes, at, header);
    if (verdict === undefined) {
      if (tap.wantsPassing) acts.passed(message);
      return this.#pass(channel, bytes, at, header);
    }
    if (verdict.act === 'delay') return this.talk.delay(this.stream, lane, verdict, header - at, stop - at, queue);
    if (verdict.act === 'drop') {
      acts.dropped(verdict, message);
      link.reset();
      return FATE.discard;
    }
    acts.failed(verdict, message);
    this.fail(channel, verdict, bytes, at, header);
    return FATE.discard;
  }
}
