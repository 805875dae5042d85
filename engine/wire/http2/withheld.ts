import { HeldBytes } from '../held-bytes.ts';
import type { Hold } from '../holds.ts';
import { FLAG, FRAME, HEAD, putStream } from './frame.ts';
import type { RequestSubject } from './request-subject.ts';

/** Streams that were refused; beyond this many the oldest of those are forgotten that the client sends nothing more on. */
const KEPT = 1_000;
/** Beyond this many others go as well: more than any server lets a client have open. */
const MOST = 10_000;

/** A request of the client that the upstream has not seen: refused, or waiting with the frames behind it. */
export interface Withheld {
  readonly stream: number;
  /** Undefined: it was refused, and what comes on its stream goes nowhere. */
  readonly waits: Waiting | undefined;
  /** The stream was reset to the client, which otherwise sends its request to the end. */
  readonly reset: boolean;
  /** The client has ended it. */
  ended: boolean;
}
export interface Waiting {
  readonly subject: RequestSubject;
  readonly endStream: boolean;
  readonly frames: HeldBytes;
  hold: Hold;
}

/** The requests of one connection that were withheld. */
export class WithheldStreams {
  readonly #streams = new Map<number, Withheld>();
  /** Bytes that wait. */
  bytes = 0;
  waiting = 0;

  get size(): number {
    return this.#streams.size;
  }
  get(stream: number): Withheld | undefined {
    return this.#streams.get(stream);
  }
  refuse(stream: number, reset: boolean, ended: boolean): void {
    this.#streams.set(stream, { stream, waits: undefined, reset, ended });
    const refused = this.#streams.size - this.waiting;
    if (refused <= KEPT) return;
    for (const [old, one] of this.#streams) {
      if (one.waits !== undefined || (refused <= MOST && !one.reset && !one.ended)) continue;
      this.#streams.delete(old);
      return;
    }
  }
  delay(stream: number, waits: Waiting): void {
    this.#streams.set(stream, { stream, waits, reset: false, ended: false });
    this.waiting++;
  }
  /** Bytes of a frame wait behind the request. */
  append(waits: Waiting, bytes: Uint8Array, from: number, to: number): void {
    waits.frames.append(bytes, from, to);
    this.bytes += to - from;
  }
  /** It is not withheld any more. */
  remove({ stream, waits }: Withheld): void {
    this.#streams.delete(stream);
    if (waits === undefined) return;
    this.waiting--;
    this.bytes -= waits.frames.length;
  }
  /** Those that wait. */
  *[Symbol.iterator](): Generator<Withheld & { readonly waits: Waiting }> {
    for (const one of [...this.#streams.values()]) if (one.waits !== undefined) yield one as Withheld & { readonly waits: Waiting };
  }
}

/** Gives frames that waited, of which the last may be unfinished, another stream id. Returns whether one of them ends the stream. */
export function renumber(frames: Buffer, stream: number): boolean {
  let ends = false;
  for (let at = 0; at + HEAD <= frames.length; ) {
    putStream(frames, at + 5, stream);
    const type = frames[at + 3];
    ends ||= (type === FRAME.data || type === FRAME.headers) && ((frames[at + 4] as number) & FLAG.endStream) !== 0;
    at += HEAD + (((frames[at] as number) << 16) | ((frames[at + 1] as number) << 8) | (frames[at + 2] as number));
  }
  return ends;
}

/** How many bytes of DATA there are among these frames, with those of an unfinished one that are still to come. */
export function dataIn(frames: Buffer, length: number): number {
  let sum = 0;
  for (let at = 0; at + HEAD <= length; ) {
    const size = ((frames[at] as number) << 16) | ((frames[at + 1] as number) << 8) | (frames[at + 2] as number);
    if (frames[at + 3] === FRAME.data) sum += size;
    at += HEAD + size;
  }
  return sum;
}
