import { DEFAULT_TABLE } from './dynamic-table.ts';
import { DEFAULT_WINDOW, FLAG, frame, FRAME, headerFrames, MAX_FRAME, rstStream, SETTING } from './frame.ts';
import { announcing } from './hpack-encoder.ts';
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
  /** The table sizes that the client set in those of its SETTINGS that are not acknowledged yet; -1 = it set none. */
  readonly #tables: number[] = [];
  #table = DEFAULT_TABLE;
  /** The size that the next header block for the client must announce, whoever writes it; -1 = it need not. */
  #announce = -1;

  /** @param lane the one to the client. */
  constructor(lane: Lane) {
    this.#lane = lane;
  }

  /** Answers a stream of the client. */
  send(stream: number, { block, body, resets, interim }: Written): void {
    const first = this.announces ? announcing(this.#announce, block) : block;
    this.announced();
    this.#lane.interject(headerFrames(stream, first, body.length === 0 && interim !== true));
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
    let table = -1;
    for (let at = from; at + 6 <= to; at += 6) {
      const [setting, value] = [bytes.readUInt16BE(at), bytes.readUInt32BE(at + 2)];
      if (setting === SETTING.initialWindow) this.#initially(value);
      else if (setting === SETTING.tableSize) table = value;
    }
    this.#tables.push(table);
  }
  /** The upstream has acknowledged SETTINGS of the client: a table that became smaller must be announced (RFC 7541, 4.2). */
  acknowledged(): void {
    const table = this.#tables.shift() ?? -1;
    if (table < 0) return;
    if (table < this.#table) this.#announce = this.announces ? Math.min(this.#announce, table) : table;
    this.#table = table;
  }
  get announces(): boolean {
    return this.#announce >= 0;
  }
  /** A header block that says so has gone to the client. */
  announced(): void {
    this.#announce = -1;
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
