import { HeldBytes } from '../held-bytes.ts';
import { FLAG, FRAME, HEAD, streamAt } from './frame.ts';

/** What happens to a frame whose payload is streamed. */
export const FATE = {
  /** It passes as it stands. */
  pass: 0,
  /** Its owner gets the payload; see `LaneOwner.payload`. */
  take: 1,
  /** It goes nowhere. */
  swallow: 2,
  /** It and all behind it wait for `resume`. */
  stall: 3,
  /** It passes as it stands, and its owner sees the payload. */
  watch: 4,
} as const;

/** A header block with its frames, and any other frame that is looked at whole, is at most so long (bytes). */
const MAX_WHOLE = 131_072;

/** Decides on the frames of a lane. The lane's `type`, `flags`, `stream` and `length` describe the frame in question. */
export interface LaneOwner {
  /** The connection has ended: nothing is read or written any more. */
  readonly over: boolean;
  /**
   * The frame in bytes[start, end) is whole: HEADERS and PUSH_PROMISE with their CONTINUATIONs. True: it passes as it
   * stands; the owner may have written to its head. What the owner `put`s goes out in its place.
   */
  frame(lane: Lane, bytes: Buffer, start: number, end: number): boolean;
  /** The head of a DATA frame (or of another long one) is in bytes[start, start + HEAD); its payload follows. Returns its FATE. */
  begin(lane: Lane, bytes: Buffer, start: number): number;
  /** A part of the payload of a frame that is taken or watched; `last` with its end. */
  payload(lane: Lane, bytes: Buffer, from: number, to: number, last: boolean): void;
  /** Nobody can say where frames end from here on. True: the rest passes as it comes; else the owner ends the connection. */
  lost(lane: Lane, why: string): boolean;
}

/**
 * One direction of an HTTP/2 connection: finds its frames without copying, hands on what passes as the same bytes, and
 * lets other frames in between where one ends.
 */
export class Lane {
  type = 0;
  flags = 0;
  stream = 0;
  length = 0;
  /** No frame has come yet; what is interjected waits for the first (the settings of a server, RFC 9113, 3.4). */
  silent: boolean;
  opaque = false;
  stalled = false;
  readonly #owner: LaneOwner;
  readonly #write: (bytes: Uint8Array) => void;
  /** A frame of which the rest is still to come, or all that came since the lane was stalled. */
  readonly #held = new HeldBytes();
  #missing = 0;
  #scanned = 0;
  /** Bytes still to come of a payload that is streamed, and what happens to them. */
  #left: number;
  #fate: number = FATE.pass;
  #bytes: Buffer = Buffer.alloc(0);
  /** What passes and was not written yet begins here, and the frame in question lies here. */
  #from = 0;
  #start = 0;
  #end = 0;
  #waiting: (Uint8Array | (() => void))[] = [];

  /** @param opening bytes at the beginning of the connection that are no frame. */
  constructor(owner: LaneOwner, write: (bytes: Uint8Array) => void, opening: number, silent: boolean) {
    this.#owner = owner;
    this.#write = write;
    this.#left = opening;
    this.silent = silent;
  }

  receive(bytes: Buffer, length: number): void {
    if (this.stalled) return this.#held.append(bytes, 0, length);
    let at = 0;
    this.#from = 0;
    while (at < length && !this.opaque && !this.#owner.over) {
      this.#bytes = bytes;
      if (this.#left > 0) at = this.#stream(bytes, at, length);
      else if (this.#held.length > 0) at = this.#complete(bytes, at, length);
      else {
        const end = this.#unit(bytes, at, length);
        if (end < 0 && !this.opaque) return this.#keep(bytes, at, length);
        if (end >= 0 && !this.#deal(bytes, at, end)) return this.#keep(bytes, at, length);
        at = Math.max(at, end);
      }
    }
    this.#bytes = bytes;
    this.#flush(length);
  }
  /** What was stalled goes on. */
  resume(): void {
    if (!this.stalled) return;
    this.stalled = false;
    const bytes = this.#held.take();
    this.receive(bytes, bytes.length);
  }
  /** Another frame, as soon as the one that is passing has passed. */
  interject(bytes: Uint8Array): void {
    if (this.busy) this.#waiting.push(bytes);
    else this.#write(bytes);
  }
  /** Calls `work`, which may `put` frames, as soon as no frame is passing. */
  whenFree(work: () => void): void {
    if (this.busy) this.#waiting.push(work);
    else work();
  }
  /** Writes in the place of the frame in question. */
  put(bytes: Uint8Array): void {
    this.#flush(this.#start);
    this.#from = this.#end;
    this.#write(bytes);
  }
  /** What is still to come of the payload that was taken passes. */
  passRest(): void {
    this.#fate = FATE.pass;
  }
  /** Its first frame will not come: what waits for it goes out. */
  speak(bytes: Uint8Array): void {
    this.silent = false;
    this.#write(bytes);
    this.#drain();
  }
  /** From here on all passes as it comes. */
  open(): void {
    this.opaque = true;
    const rest = this.#held.take();
    if (rest.length > 0) this.#write(rest);
  }
  /** The end of the direction has come: an unfinished frame goes out as it is. */
  finish(): void {
    if (!this.stalled) this.open();
  }
  get busy(): boolean {
    return this.silent || (this.#left > 0 && this.#passing);
  }
  /** The payload of the frame under way passes, whoever looks at it. */
  get watching(): boolean {
    return this.#fate === FATE.watch;
  }
  get #passing(): boolean {
    return this.#fate === FATE.pass || this.#fate === FATE.watch;
  }
  /** Whether the payload of a frame of this stream is being taken. */
  taking(stream: number): boolean {
    return this.#left > 0 && this.#fate === FATE.take && this.stream === stream;
  }

  #stream(bytes: Buffer, at: number, length: number): number {
    const to = Math.min(length, at + this.#left);
    this.#left -= to - at;
    if (this.#passing) {
      if (this.#fate === FATE.watch) this.#owner.payload(this, bytes, at, to, this.#left === 0);
      if (this.#left === 0) this.#boundary(to);
      return to;
    }
    this.#flush(at);
    this.#from = this.#start = this.#end = to;
    if (this.#fate === FATE.take) this.#owner.payload(this, bytes, at, to, this.#left === 0);
    return to;
  }

  /** Goes on with a frame of which earlier reads brought the beginning. */
  #complete(bytes: Buffer, at: number, length: number): number {
    const taken = Math.min(this.#missing, length - at);
    this.#held.append(bytes, at, at + taken);
    this.#from = at + taken;
    this.#missing -= taken;
    if (this.#missing > 0) return at + taken;
    const end = this.#unit(this.#held.peek(), 0, this.#held.length);
    if (end < 0) return at + taken;
    const own = this.#held.take();
    this.#bytes = own;
    this.#from = 0;
    if (this.#deal(own, 0, end)) {
      this.#flush(end);
      this.#from = at + taken;
      return at + taken;
    }
    this.#held.append(own, 0, own.length);
    this.#held.append(bytes, at + taken, length);
    this.#from = length;
    return length;
  }

  /** Where the frame at `at` ends, for one that is streamed its head; negative when there is more to come, or no frame. */
  #unit(bytes: Buffer, at: number, end: number): number {
    for (let next = at + this.#scanned; ; ) {
      if (end - next < HEAD) return this.#wait(next + HEAD - end);
      const length = ((bytes[next] as number) << 16) | ((bytes[next + 1] as number) << 8) | (bytes[next + 2] as number);
      const type = bytes[next + 3] as number;
      if (next === at) {
        this.type = type;
        this.flags = bytes[at + 4] as number;
        this.stream = streamAt(bytes, at + 5);
        this.length = length;
        if (type === FRAME.data || (length > MAX_WHOLE && type !== FRAME.headers && type !== FRAME.push)) return at + HEAD;
      } else if (type !== FRAME.continuation || streamAt(bytes, next + 5) !== this.stream) return this.#lose('a header block is interrupted');
      if (next + HEAD + length - at > MAX_WHOLE + HEAD) return this.#lose('a header block is too long');
      if (end - next < HEAD + length) return this.#wait(next + HEAD + length - end);
      const flags = bytes[next + 4] as number;
      next += HEAD + length;
      if ((this.type !== FRAME.headers && this.type !== FRAME.push) || (flags & FLAG.endHeaders) !== 0) {
        this.#scanned = 0;
        return next;
      }
      this.#scanned = next - at;
    }
  }
  #wait(missing: number): number {
    this.#missing = missing;
    return -1;
  }
  #lose(why: string): number {
    if (this.#owner.lost(this, why)) this.open();
    return -1;
  }

  /** False: the lane is stalled. */
  #deal(bytes: Buffer, start: number, end: number): boolean {
    this.#start = start;
    this.#end = end;
    const streamed = this.type === FRAME.data || end - start < HEAD + this.length;
    if (!streamed) {
      if (!this.#owner.frame(this, bytes, start, end)) this.#skip(start, end);
    } else {
      const fate = this.#owner.begin(this, bytes, start);
      if (fate === FATE.stall) {
        this.stalled = true;
        return false;
      }
      this.#fate = fate;
      this.#left = this.length;
      if (!this.#passing) this.#skip(start, end);
      if (this.#left > 0) {
        this.silent = false;
        return true;
      }
      if (fate === FATE.take) this.#start = end;
      if (fate === FATE.take || fate === FATE.watch) this.#owner.payload(this, bytes, end, end, true);
    }
    this.silent = false;
    this.#boundary(end);
    return true;
  }
  #skip(start: number, end: number): void {
    this.#flush(start);
    this.#from = Math.max(this.#from, end);
  }
  /** What comes from `at` on waits: for the rest of its frame, or for `resume`. */
  #keep(bytes: Buffer, at: number, length: number): void {
    if (this.#owner.over) return;
    this.#flush(at);
    this.#held.append(bytes, at, length);
  }

  #boundary(at: number): void {
    if (this.#waiting.length === 0) return;
    this.#flush(at);
    this.#from = this.#start = this.#end = at;
    this.#drain();
  }
  #drain(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) {
      if (typeof one === 'function') one();
      else this.#write(one);
    }
  }
  #flush(to: number): void {
    const from = this.#from;
    if (to <= from || this.#owner.over) return;
    this.#from = to;
    this.#write(from === 0 && to === this.#bytes.length ? this.#bytes : this.#bytes.subarray(from, to));
  }
}
