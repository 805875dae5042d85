import type { Verdict } from '../effects.ts';
import { HeldBytes } from '../held-bytes.ts';
import { HeaderList } from '../http2/header-list.ts';
import type { Hold } from '../holds.ts';
import { CallSubject } from './call-subject.ts';

/** Octets in front of each message: whether it is compressed, and its length (PROTOCOL-HTTP2.md, "Length-Prefixed-Message"). */
const PREFIX = 5;

/** What becomes of a message that does not just pass: it waits, is left out, or is the end of its call. */
export const LOT = { wait: 0, lose: 1, over: 2 } as const;

/** Does what the messages of a side meet with. */
export interface SideOwner {
  /** A message begins. Undefined: it passes. */
  judge(side: CallSide): Verdict | undefined;
  /** Does that to the message, once those before it have gone on. Returns its LOT. */
  meet(side: CallSide, verdict: Verdict): number;
  /** These bytes go on, as DATA. */
  emit(side: CallSide, bytes: Buffer, from: number, to: number): void;
  /** So many bytes of DATA go nowhere. */
  unseen(side: CallSide, bytes: number): void;
  /** The side ends here. */
  finish(side: CallSide): void;
}

/** The messages of one call in one direction, across DATA frames whose borders mean nothing to them. */
export class CallSide {
  readonly call: Call;
  /** Towards the client. */
  readonly down: boolean;
  /** How many messages have begun. */
  count = 0;
  /** What a message waits for, and the bytes from its beginning on. */
  hold: Hold | undefined;
  readonly held = new HeldBytes();
  /** Its last frame has come; with these trailers. */
  ended = false;
  trailers: HeaderList | undefined;
  /** Octets of the prefix that are here, what they say so far, and octets of the message still to come. */
  #prefix = 0;
  #length = 0;
  #left = 0;
  #losing = false;
  #judged = false;
  /** Octets of data still to come in the frame under way; its padding is not known yet. */
  #data = 0;
  #padded = false;

  constructor(call: Call, down: boolean) {
    this.call = call;
    this.down = down;
  }
  reset(): void {
    this.count = this.#prefix = this.#length = this.#left = this.#data = 0;
    this.ended = this.#losing = this.#judged = this.#padded = false;
    this.hold = this.trailers = undefined;
    if (this.held.length > 0) this.held.take();
  }
  /** Its frames cannot pass as they stand. */
  get holds(): boolean {
    return this.#losing || this.hold !== undefined;
  }

  /** A DATA frame begins. */
  begin(length: number, padded: boolean): void {
    this.#data = length;
    this.#padded = padded;
  }
  /** Part of its payload: it passes as it stands and is only followed, or `owner` decides on its messages. */
  part(bytes: Buffer, from: number, to: number, owner: SideOwner | undefined): void {
    let at = from;
    if (this.#padded && at < to) {
      const padding = (bytes[at++] as number) + 1;
      this.#padded = false;
      this.#data = Math.max(0, this.#data - padding);
      owner?.unseen(this, padding);
    }
    const end = Math.min(to, at + this.#data);
    this.#data -= end - at;
    if (owner === undefined) this.#follow(bytes, at, end);
    else this.#take(bytes, at, end, owner);
  }
  /** So many bytes more of its payload go nowhere. Returns how many of them were not given back with its padding already. */
  lose(bytes: number): number {
    if (this.#padded) return bytes;
    const own = Math.min(bytes, this.#data);
    this.#data -= own;
    return own;
  }
  /** The message that waited goes on, and those behind it as far as they may. */
  release(owner: SideOwner): void {
    this.hold = undefined;
    this.#judged = true;
    const bytes = this.held.take();
    this.#take(bytes, 0, bytes.length, owner);
    if (this.hold === undefined && this.ended && !this.call.failed) owner.finish(this);
  }

  #follow(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to; at = this.#advance(bytes, at, to)) if (this.#between) this.count++;
  }
  #take(bytes: Buffer, from: number, to: number, owner: SideOwner): void {
    let kept = from;
    for (let at = from; at < to; ) {
      if (this.hold !== undefined) return this.held.append(bytes, at, to);
      const verdict = this.#between && !this.#judged ? owner.judge(this) : undefined;
      if (verdict !== undefined) {
        owner.emit(this, bytes, kept, at);
        kept = at;
        const lot = owner.meet(this, verdict);
        if (lot === LOT.wait) continue;
        if (lot === LOT.over) return owner.unseen(this, to - at);
        this.#losing = true;
      }
      if (this.#between) this.count++;
      this.#judged = false;
      const next = this.#advance(bytes, at, to);
      if (this.#losing) {
        owner.unseen(this, next - at);
        kept = next;
        this.#losing = !this.#between;
      }
      at = next;
    }
    owner.emit(this, bytes, kept, to);
  }
  get #between(): boolean {
    return this.#prefix === 0 && this.#left === 0;
  }
  /** Goes to the end of the message, or of the bytes. */
  #advance(bytes: Buffer, at: number, to: number): number {
    while (this.#left === 0 && this.#prefix < PREFIX && at < to) {
      if (this.#prefix > 0) this.#length = this.#length * 256 + (bytes[at] as number);
      at++;
      if (++this.#prefix < PREFIX) continue;
      this.#left = this.#length;
      this.#length = 0;
      if (this.#left === 0) this.#prefix = 0;
      break;
    }
    const taken = Math.min(this.#left, to - at);
    this.#left -= taken;
    if (taken > 0 && this.#left === 0) this.#prefix = 0;
    return at + taken;
  }
}

/** Calls that are over and kept for the next ones, in each thread. */
const KEPT = 64;
const idle: Call[] = [];

/** One call: a stream, what it asked for, and its messages in both directions. */
export class Call {
  stream = 0;
  readonly subject = new CallSubject(new HeaderList());
  readonly toServer = new CallSide(this, false);
  readonly toClient = new CallSide(this, true);
  /** Its answer has begun. */
  answered = false;
  /** A fault has ended it; what still comes goes nowhere. */
  failed = false;
  /** Its number among the calls of its method, once somebody asks; -1 before. */
  ordinal = -1;

  static begin(stream: number, list: HeaderList): Call {
    const call = idle.pop() ?? new Call();
    call.stream = stream;
    call.subject.list.copyFrom(list);
    call.answered = call.failed = false;
    call.ordinal = -1;
    call.toServer.reset();
    call.toClient.reset();
    return call;
  }
  /** Nobody may use it any more. */
  end(): void {
    if (idle.length < KEPT) idle.push(this);
  }
}
