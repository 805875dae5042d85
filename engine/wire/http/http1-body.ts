import { lineEnd } from './http1-head.ts';

/** What a body scanner found: it goes on, it is complete, or it is not what its head promised. */
export const BODY = { more: 0, end: 1, malformed: 2 } as const;

/** Digits of a chunk size; 13 hexadecimal digits stay exact in a double. */
const MAX_DIGITS = 13;
/** Bytes of one chunk extension or trailer line that are still read; what exceeds it is not interpreted. */
const MAX_LINE = 16_384;

const SIZE = 0;
const EXTENSION = 1;
const SIZE_LF = 2;
const DATA = 3;
const DATA_CR = 4;
const DATA_LF = 5;
const TRAILER_START = 6;
const TRAILER = 7;
const TRAILER_LF = 8;
const LAST_LF = 9;

/** Finds the end of a body: a known number of bytes, or chunks with trailers (RFC 9112, section 7.1). */
export class BodyFramer {
  position = 0;
  /** Bytes still to come of the body or the chunk. */
  #remaining = 0;
  #chunked = false;
  #state = SIZE;
  #digits = 0;
  #line = 0;

  sized(length: number): void {
    this.#chunked = false;
    this.#remaining = length;
  }
  chunks(): void {
    this.#chunked = true;
    this.#remaining = 0;
    this.#state = SIZE;
    this.#digits = 0;
  }

  step(bytes: Uint8Array, at: number, end: number): number {
    if (this.#chunked) return this.#chunk(bytes, at, end);
    const taken = Math.min(this.#remaining, end - at);
    this.#remaining -= taken;
    this.position = at + taken;
    return this.#remaining === 0 ? BODY.end : BODY.more;
  }

  #chunk(bytes: Uint8Array, at: number, end: number): number {
    while (at < end) {
      if (this.#state === DATA) {
        const taken = Math.min(this.#remaining, end - at);
        this.#remaining -= taken;
        at += taken;
        if (this.#remaining > 0) break;
        this.#state = DATA_CR;
        continue;
      }
      const result = this.#byte(bytes, at++, end);
      if (result !== BODY.more) {
        this.position = result === BODY.end ? at : at - 1;
        return result;
      }
    }
    this.position = at;
    return BODY.more;
  }

  #byte(bytes: Uint8Array, at: number, end: number): number {
    const c = bytes[at] as number;
    switch (this.#state) {
      case SIZE:
        return this.#size(c);
      case EXTENSION:
        return this.#text(bytes, at, end, SIZE_LF);
      case SIZE_LF:
        if (c !== 10) return BODY.malformed;
        this.#state = this.#remaining > 0 ? DATA : TRAILER_START;
        this.#digits = this.#line = 0;
        return BODY.more;
      case DATA_CR:
        this.#state = DATA_LF;
        return c === 13 ? BODY.more : BODY.malformed;
      case DATA_LF:
        this.#state = SIZE;
        return c === 10 ? BODY.more : BODY.malformed;
      case TRAILER_START:
        this.#state = c === 13 ? LAST_LF : TRAILER;
        return c === 13 ? BODY.more : this.#text(bytes, at, end, TRAILER_LF);
      case TRAILER:
        return this.#text(bytes, at, end, TRAILER_LF);
      case TRAILER_LF:
        this.#state = TRAILER_START;
        this.#line = 0;
        return c === 10 ? BODY.more : BODY.malformed;
      default:
        return c === 10 ? BODY.end : BODY.malformed;
    }
  }

  #size(c: number): number {
    const letter = c | 32;
    const digit = c >= 48 && c <= 57 ? c - 48 : letter >= 97 && letter <= 102 ? letter - 87 : -1;
    if (digit >= 0) {
      this.#remaining = this.#remaining * 16 + digit;
      return ++this.#digits > MAX_DIGITS ? BODY.malformed : BODY.more;
    }
    if (this.#digits === 0) return BODY.malformed;
    this.#state = c === 13 ? SIZE_LF : EXTENSION;
    return c === 13 || c === 59 ? BODY.more : BODY.malformed;
  }

  /** One byte of a line that is only looked at for its end. */
  #text(bytes: Uint8Array, at: number, end: number, after: number): number {
    if (bytes[at] === 13) this.#state = after;
    else if (++this.#line > MAX_LINE || lineEnd(bytes, at, Math.min(end, at + 1)) === -2) return BODY.malformed;
    return BODY.more;
  }
}
