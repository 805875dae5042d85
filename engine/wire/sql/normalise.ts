import type { TravellingContext } from '../baggage.ts';
import { BYTE, isPlain, isWhite, UPPER } from './bytes.ts';
import { contextOfComments, NO_CONTEXT } from './comments.ts';
import type { Dialect } from './dialect.ts';
import { commentEnd, executableStart, quotedEnd } from './quoted.ts';
import { KIND, type Kind, kindOf } from './rules.ts';

/** So much of a message of SQL is looked at, in bytes; what comes behind it passes unseen, and is never buffered. */
export const LOOKED_AT = 16_384;
/** So many statements of one message are told apart; the last one holds what is left. */
const MOST_STATEMENTS = 64;

/** Said of a connection when a policy would have had to know more of a statement than there is. */
export const NOT_WHOLE = `of a statement only the first ${LOOKED_AT} bytes are looked at`;
export const FORGOTTEN = 'the text of a prepared statement is not known';

/**
 * The statements of one message in the form that targets are compared with: comments left out, white space folded to one
 * SPACE, letters of ASCII in upper case; texts and quoted names keep their white space (see sql-target.ts in kernel). One
 * object reads one message after the other into memory of its own, and allocates nothing once that has grown.
 */
export class Statements {
  readonly dialect: Dialect;
  /** The normalised statements, one behind the other. */
  bytes = Buffer.allocUnsafeSlow(1_024);
  /** How many there are: 0 for a message of nothing but comments. */
  count = 0;
  /** The message was longer than `LOOKED_AT`, or has more statements than are told apart. */
  truncated = false;
  /** It has comments. */
  commented = false;
  /** Reads what the message carries outside of its SQL (query attributes); until the next `read`. */
  besides: (() => TravellingContext) | undefined;
  #raw: Uint8Array = this.bytes;
  #rawStart = 0;
  #rawEnd = 0;
  readonly #starts = new Int32Array(MOST_STATEMENTS);
  readonly #ends = new Int32Array(MOST_STATEMENTS);
  readonly #origins = new Int32Array(MOST_STATEMENTS);

  constructor(dialect: Dialect) {
    this.dialect = dialect;
  }
  start(index: number): number {
    return this.#starts[index] as number;
  }
  end(index: number): number {
    return this.#ends[index] as number;
  }
  /**
   * As it came, with the comments in front of it and what follows, `most` bytes at most; only while the bytes that were
   * read are still there.
   */
  raw(index: number, most: number): Buffer {
    const origin = this.#origins[index] as number;
    return Buffer.from(this.#raw.subarray(origin, Math.min(origin + most, this.#rawEnd)));
  }
  kind(index: number): Kind {
    return kindOf(this.bytes, this.start(index), this.end(index));
  }
  /** What its comments carry, or what came beside it; only while the bytes that were read are still there. */
  get travelling(): TravellingContext {
    if (this.besides !== undefined) return this.besides();
    return this.commented ? contextOfComments(this.#raw, this.#rawStart, this.#rawEnd, this.dialect) : NO_CONTEXT;
  }
  /** Whether a transaction may be open after this message that was not open before it. */
  get mayBegin(): boolean {
    if (this.truncated) return true;
    for (let i = 0; i < this.count; i++) if (this.kind(i) === KIND.begin || this.kind(i) === KIND.end) return true;
    return false;
  }

  /**
   * Reads the SQL in bytes[start, end). Returns how many statements there are.
   * @param whole false when it goes on behind `end`.
   * @param several whether semicolons part statements; without, it is one.
   */
  read(bytes: Uint8Array, start: number, end: number, whole = true, several = true): number {
    const stop = Math.min(end, start + LOOKED_AT);
    this.truncated = stop < end || !whole;
    if (this.bytes.length < stop - start) this.bytes = Buffer.allocUnsafeSlow((stop - start) * 2);
    this.count = 0;
    this.commented = false;
    this.besides = undefined;
    this.#raw = bytes;
    this.#rawStart = start;
    this.#rawEnd = stop;
    this.#scan(bytes, start, stop, several);
    return this.count;
  }

  #scan(bytes: Uint8Array, start: number, end: number, several: boolean): void {
    const { dialect, bytes: out } = this;
    let origin = start;
    let from = 0;
    let o = 0;
    let gap = false;
    let executable = false;
    for (let at = start; at < end; ) {
      const byte = bytes[at] as number;
      if (isPlain(byte)) {
        if (gap && o > from) out[o++] = BYTE.space;
        gap = false;
        out[o++] = UPPER[byte] as number;
        at++;
        continue;
      }
      let behind = isWhite(byte) ? at + 1 : commentEnd(bytes, at, end, dialect);
      if (behind > at + 1) this.commented = true;
      if (behind === at && dialect.executableComments) {
        behind = executable && byte === BYTE.star && bytes[at + 1] === BYTE.slash ? at + 2 : executableStart(bytes, at, end);
        if (behind > at) executable = byte === BYTE.slash;
      }
      if (behind > at) {
        gap = true;
        at = behind;
        continue;
      }
      if (byte === BYTE.semicolon && several) {
        if (this.count < MOST_STATEMENTS - 1) {
          this.#close(from, o, origin);
          from = o;
          gap = false;
          origin = ++at;
          continue;
        }
        this.truncated = true;
      }
      if (gap && o > from) out[o++] = BYTE.space;
      gap = false;
      const quoted = quotedEnd(bytes, at, end, start, dialect);
      const to = quoted > at ? quoted : at + 1;
      for (; at < to; at++) out[o++] = UPPER[bytes[at] as number] as number;
    }
    this.#close(from, o, origin);
  }
  #close(from: number, to: number, origin: number): void {
    while (to > from && (this.bytes[to - 1] === BYTE.semicolon || this.bytes[to - 1] === BYTE.space)) to--;
    if (to === from) return;
    this.#origins[this.count] = origin;
    this.#starts[this.count] = from;
    this.#ends[this.count++] = to;
  }
}
