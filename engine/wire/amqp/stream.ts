import { HeldBytes } from '../held-bytes.ts';
import { HOLD_LIMIT } from '../session.ts';
import { FRAME, FRAME_END, FRAME_EXTRA, FRAME_HEAD } from './frames.ts';
import { FATE, type Fate, type Lane } from './lane.ts';

/** A content header's class, weight and body size: the least of it that must be here to go on. */
const HEADER_START = FRAME_HEAD + 12;

/** Who decides on frames. */
export interface FrameOwner {
  lane(channel: number): Lane;
  /**
   * A frame begins at `at`. Methods and content headers are whole, up to `stop`; of bodies and what is too large to be
   * kept, only the beginning is here.
   * @param size of the payload, in octets.
   */
  frame(lane: Lane, type: number, bytes: Buffer, at: number, stop: number, size: number): Fate;
  /** From here on nobody can say where frames end. */
  lost(why: string): void;
}

/**
 * One direction of a connection: finds the frames, passes on what passes in runs as long as possible, and puts frames of
 * our own between them. Copies only what waits.
 */
export class Stream {
  readonly #owner: FrameOwner;
  readonly #write: (bytes: Uint8Array) => void;
  readonly #link: { readonly closing: boolean };
  readonly #partial = new HeldBytes();
  #outbox: Buffer[] = [];
  /** Called once no frame is under way any more. */
  #queue: (() => void)[] = [];
  /** Of the frame under way: octets to come, what becomes of them, and its lane. */
  #left = 0;
  #fate: Fate = FATE.pass;
  #lane: Lane | undefined;
  /** What is being read; bytes[from, at) may be passed on. */
  #bytes: Buffer = Buffer.alloc(0);
  #from = 0;
  #at = 0;
  #end = 0;
  #busy = false;
  #lost = false;
  /** Octets that wait in lanes. */
  #held = 0;

  constructor(owner: FrameOwner, link: { readonly closing: boolean }, write: (bytes: Uint8Array) => void) {
    this.#owner = owner;
    this.#link = link;
    this.#write = write;
  }

  /** Where the bytes end that the frame being decided on lies in: the next frame may be here as well. */
  get end(): number {
    return this.#end;
  }
  /** So much waits that no more is to be read; but a frame under way must end before what waits for that can go on. */
  get full(): boolean {
    return this.#held >= HOLD_LIMIT && this.#queue.length === 0;
  }
  receive(bytes: Buffer, length: number): void {
    if (this.#lost) this.#write(bytes.subarray(0, length));
    else if (this.#partial.length === 0) {
      const done = this.#scan(bytes, length);
      if (done < length) this.#partial.append(bytes, done, length);
    } else {
      this.#partial.append(bytes, 0, length);
      this.#partial.reread((all, end) => this.#scan(all, end));
    }
  }
  /** Writes the frames of our own that wait; at the end of each call from outside. */
  flush(): void {
    if (this.#outbox.length === 0) return;
    const frames = this.#outbox;
    this.#outbox = [];
    this.#write(frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames));
  }
  /** A frame of our own, as soon as it does not stand within another frame or the lane's content. */
  say(lane: Lane, frame: Buffer): void {
    if (this.#lost) return;
    if (lane.open) lane.after.push(frame);
    else this.#between(() => this.#emit(frame));
  }
  /** Bytes in the place of the frame that is being decided on. */
  insert(bytes: Buffer): void {
    this.#emit(bytes);
  }
  /** Bytes that go in front of what the lane will hold from now on. */
  hold(lane: Lane, bytes: Buffer): void {
    lane.waiting = true;
    lane.held.append(bytes, 0, bytes.length);
    this.#held += bytes.length;
  }
  /** What the lane holds goes nowhere. */
  forget(lane: Lane): void {
    this.#held -= lane.held.take().length;
    lane.waiting = false;
    if (this.#left > 0 && this.#lane === lane && this.#fate === FATE.hold) this.#fate = FATE.discard;
  }
  /** Goes on with what waits in the lane, as if it had just come. */
  release(lane: Lane): void {
    this.#between(() => this.#replay(lane));
  }
  /** Frames end here: what is left of one goes on as it is. */
  finish(lanes: Iterable<Lane> = []): void {
    for (const lane of lanes) this.#emit(lane.head.take());
    this.#emit(this.#partial.take());
    this.flush();
  }
  /** Gives up looking; what waits goes on, the lanes' order among themselves aside. */
  surrender(lanes: Iterable<Lane>): void {
    this.#lost = true;
    this.#queue = [];
    this.#passTo(this.#at);
    this.flush();
    for (const lane of lanes) {
      for (const bytes of [lane.head.take(), lane.held.take()]) if (bytes.length > 0) this.#write(bytes);
      lane.waiting = false;
    }
    this.#held = 0;
    if (!this.#busy) this.finish();
  }

  #between(act: () => void): void {
    if (!this.#busy && this.#left > 0 && this.#fate === FATE.pass) this.#queue.push(act);
    else act();
  }
  #emit(frame: Buffer): void {
    if (frame.length === 0) return;
    if (this.#busy) this.#passTo(this.#at);
    this.#outbox.push(frame);
  }
  /** Hands on what may pass of the bytes before `at`; what follows begins at `from`. */
  #passTo(at: number, from = at): void {
    if (this.#from < at && !this.#link.closing) {
      this.flush();
      this.#write(this.#from === 0 && at === this.#bytes.length ? this.#bytes : this.#bytes.subarray(this.#from, at));
    }
    this.#from = from;
  }
  #spend(lane: Lane, fate: Fate, from: number, to: number): void {
    this.#at = to;
    if (fate === FATE.pass) return;
    this.#passTo(from, to);
    if (fate !== FATE.hold) return;
    lane.held.append(this.#bytes, from, to);
    this.#held += to - from;
  }
  /** A frame is complete: whatever waited for that comes behind it. */
  #ended(lane: Lane): void {
    this.#afterContent(lane);
    if (this.#queue.length > 0) for (const act of this.#queue.splice(0)) act();
  }
  #afterContent(lane: Lane): void {
    if (lane.after.length > 0 && !lane.open) for (const frame of lane.after.splice(0)) this.#emit(frame);
  }

  /** Returns how many of the bytes are done with; the rest is the beginning of a frame and must be brought again. */
  #scan(bytes: Buffer, end: number): number {
    [this.#bytes, this.#from, this.#at, this.#end, this.#busy] = [bytes, 0, 0, end, true];
    while (!this.#lost && !this.#link.closing) {
      const at = this.#at;
      if (this.#left > 0) {
        const part = Math.min(this.#left, end - at);
        if (part === 0) break;
        const lane = this.#lane as Lane;
        this.#left -= part;
        this.#spend(lane, this.#fate, at, at + part);
        if (this.#left > 0) break;
        if (bytes[at + part - 1] !== FRAME_END) this.#owner.lost('a frame does not end where it says');
        else this.#ended(lane);
        continue;
      }
      if (end - at < FRAME_HEAD) break;
      const type = bytes[at] as number;
      if (type !== FRAME.method && type !== FRAME.header && type !== FRAME.body && type !== FRAME.heartbeat) {
        this.#owner.lost('the bytes are no frames of AMQP 0-9-1');
        continue;
      }
      const size = bytes.readUInt32BE(at + 3);
      const whole = size + FRAME_EXTRA;
      const streamed = type === FRAME.body || whole > HOLD_LIMIT;
      if (end - at < (streamed ? Math.min(whole, HEADER_START) : whole)) break;
      if (!streamed && bytes[at + whole - 1] !== FRAME_END) {
        this.#owner.lost('a frame does not end where it says');
        continue;
      }
      const lane = this.#owner.lane(bytes.readUInt16BE(at + 1));
      const fate = this.#fateOf(lane, type, at, Math.min(at + whole, end), size);
      if (this.#lost) continue;
      if (streamed) [this.#left, this.#fate, this.#lane] = [whole, fate, lane];
      else {
        this.#spend(lane, fate, at, at + whole);
        this.#ended(lane);
      }
    }
    if (this.#lost) this.#at = end;
    this.#passTo(this.#at);
    this.#busy = false;
    return this.#at;
  }
  #fateOf(lane: Lane, type: number, at: number, stop: number, size: number): Fate {
    return lane.waiting ? FATE.hold : this.#owner.frame(lane, type, this.#bytes, at, stop, size);
  }

  /** Reads again what a lane held, all of whose frames are its own; the last of them may be under way still. */
  #replay(lane: Lane): void {
    if (this.#busy) this.#passTo(this.#at);
    const outer = [this.#bytes, this.#from, this.#at, this.#end, this.#busy] as const;
    const bytes = lane.held.take();
    this.#held -= bytes.length;
    lane.waiting = false;
    [this.#bytes, this.#from, this.#at, this.#end, this.#busy] = [bytes, 0, 0, bytes.length, true];
    while (!this.#lost && !this.#link.closing && this.#at < bytes.length) {
      const at = this.#at;
      const size = bytes.readUInt32BE(at + 3);
      const stop = Math.min(at + size + FRAME_EXTRA, bytes.length);
      const fate = this.#fateOf(lane, bytes[at] as number, at, stop, size);
      if (this.#lost) break;
      this.#spend(lane, fate, at, stop);
      if (stop < at + size + FRAME_EXTRA) this.#fate = fate;
      else this.#afterContent(lane);
    }
    this.#passTo(this.#lost ? bytes.length : this.#at);
    [this.#bytes, this.#from, this.#at, this.#end, this.#busy] = outer;
  }
}
