import { DEFAULT_WINDOW, FLAG, frame, FRAME, headerFrames, MAX_FRAME, rstStream, SETTING } from './frame.ts';
import type { Lane } from './lane.ts';
import type { Written } from './refuse.ts';

interface Answer {
  readonly stream: number;
  readonly body: Buffer;
  readonly resets: number;
  at: number;
  window: number;
}

/**
 * What this side says to the client itself, within the client's windows (RFC 9113, 5.2). The upstream does not know of
 * these bytes: what the client gives back for them must not reach it, or it would send more than the client takes.
 */
export class Answers {
  /** Bytes that the client takes on the whole connection now. */
  room = DEFAULT_WINDOW;
  /** Bytes that were sent here and for which the client has given no credit yet. */
  debt = 0;
  #initial = DEFAULT_WINDOW;
  readonly #lane: Lane;
  readonly #waiting: Answer[] = [];

  /** @param lane the one to the client. */
  constructor(lane: Lane) {
    this.#lane = lane;
  }

  /** Answers a stream of the client. */
  send(stream: number, { block, body, resets, interim }: Written): void {
    this.#lane.interject(headerFrames(stream, block, body.length === 0 && interim !== true));
    const answer = { stream, body, resets, at: 0, window: this.#initial };
    if (body.length === 0) this.#done(answer);
    else {
      this.#waiting.push(answer);
      this.#go();
    }
  }
  /** The client takes so many bytes more on the connection; returns how many of them the upstream may know of. */
  granted(bytes: number): number {
    this.room += bytes;
    const owed = Math.min(bytes, this.debt);
    this.debt -= owed;
    if (this.#waiting.length > 0) this.#go();
    return bytes - owed;
  }
  grantedOn(stream: number, bytes: number): void {
    const answer = this.#waiting.find((one) => one.stream === stream);
    if (answer === undefined) return;
    answer.window += bytes;
    this.#go();
  }
  /** The client says, in bytes[from, to), among other things with how much each of its streams begins. */
  settings(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at + 6 <= to; at += 6) {
      if (bytes.readUInt16BE(at) === SETTING.initialWindow) this.#initially(bytes.readUInt32BE(at + 2));
    }
  }
  #initially(bytes: number): void {
    for (const answer of this.#waiting) answer.window += bytes - this.#initial;
    this.#initial = bytes;
    if (this.#waiting.length > 0) this.#go();
  }
  /** The client does not want it any more. */
  forget(stream: number): void {
    const index = this.#waiting.findIndex((one) => one.stream === stream);
    if (index >= 0) this.#waiting.splice(index, 1);
  }

  #go(): void {
    for (const answer of [...this.#waiting]) {
      for (;;) {
        const size = Math.min(answer.body.length - answer.at, answer.window, this.room, MAX_FRAME);
        if (size <= 0) break;
        const end = answer.at + size === answer.body.length;
        this.#lane.interject(frame(FRAME.data, end ? FLAG.endStream : 0, answer.stream, answer.body.subarray(answer.at, answer.at + size)));
        answer.at += size;
        answer.window -= size;
        this.room -= size;
        this.debt += size;
        if (end) {
          this.forget(answer.stream);
          this.#done(answer);
          break;
        }
      }
    }
  }
  #done({ stream, resets }: Answer): void {
    if (resets >= 0) this.#lane.interject(rstStream(stream, resets));
  }
}
