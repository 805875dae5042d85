import { STEP } from '../codec.ts';

/** The first byte of a value (RESP, "RESP protocol description"). */
export const TYPE = {
  text: 0x2b,
  error: 0x2d,
  integer: 0x3a,
  bulk: 0x24,
  array: 0x2a,
  nil: 0x5f,
  boolean: 0x23,
  double: 0x2c,
  bigNumber: 0x28,
  bulkError: 0x21,
  verbatim: 0x3d,
  map: 0x25,
  set: 0x7e,
  push: 0x3e,
  attribute: 0x7c,
} as const;

/** What a byte at the beginning of a value announces. */
const KIND = { unknown: 0, line: 1, bulk: 2, one: 3, two: 4, attribute: 5, integer: 6 } as const;
const KINDS = new Uint8Array(256);
for (const type of [TYPE.text, TYPE.error, TYPE.nil, TYPE.boolean, TYPE.double, TYPE.bigNumber]) KINDS[type] = KIND.line;
for (const type of [TYPE.bulk, TYPE.bulkError, TYPE.verbatim]) KINDS[type] = KIND.bulk;
for (const type of [TYPE.array, TYPE.set, TYPE.push]) KINDS[type] = KIND.one;
KINDS[TYPE.map] = KIND.two;
KINDS[TYPE.attribute] = KIND.attribute;
KINDS[TYPE.integer] = KIND.integer;
/** Types that only RESP3 has. */
const RESP3 = new Uint8Array(256);
for (const type of [
  TYPE.nil,
  TYPE.boolean,
  TYPE.double,
  TYPE.bigNumber,
  TYPE.bulkError,
  TYPE.verbatim,
  TYPE.map,
  TYPE.set,
  TYPE.push,
  TYPE.attribute,
]) {
  RESP3[type] = 1;
}

/** What the next byte belongs to. */
const AT = { type: 0, line: 1, number: 2, bulk: 3 } as const;
/** The longest first element that is kept: `punsubscribe` and its like. */
const WORD = 16;
const MOST_DIGITS = 20;
const MINUS = 0x2d;
const CR = 0x0d;
const LF = 0x0a;

/** Finds whole values in what a server sends, in pieces of any size. Copies nothing but one word, and allocates nothing. */
export class ReplyScanner {
  position = 0;
  /** A value has begun and is not complete. */
  open = false;
  /** Of the value that is under way or was completed last: the first byte, and the first one behind it. */
  type = 0;
  first = 0;
  /** The integer that came last in it. */
  integer = 0;
  /** A type that only RESP3 has was seen; whoever reads it clears it. */
  resp3 = false;
  readonly #word = Buffer.allocUnsafe(WORD);
  #wordLength = 0;
  #element = 0;
  #left = 0;
  #at: number = AT.type;
  #kind: number = KIND.unknown;
  #number = 0;
  #digits = 0;
  #negative = false;
  #skip = 0;

  /** The first element of an array or push, when it is a short text; '' otherwise. */
  get word(): string {
    return this.#wordLength === 0 ? '' : this.#word.toString('latin1', 0, this.#wordLength);
  }

  /** Scans bytes[at, end): `end` when a value is complete, `more` when the bytes ran out, `opaque` when they are no RESP. */
  step(bytes: Buffer, from: number, end: number): number {
    let at = from;
    while (at < end) {
      if (this.#at === AT.type) {
        const type = bytes[at++] as number;
        const kind = KINDS[type] as number;
        if (kind === KIND.unknown) {
          this.position = at - 1;
          return STEP.opaque;
        }
        if (RESP3[type] === 1) this.resp3 = true;
        if (this.open) this.#element++;
        else this.#begin(type);
        this.#kind = kind;
        this.#number = this.#digits = 0;
        this.#negative = false;
        this.#at = kind === KIND.line ? AT.line : AT.number;
      } else if (this.#at === AT.line) {
        if (this.first === 0 && this.#element === 0) this.first = bytes[at] as number;
        while (at < end && bytes[at] !== LF) at++;
        if (at === end) break;
        at++;
        if (this.#ended(0)) return this.#complete(at);
      } else if (this.#at === AT.number) {
        let byte = 0;
        while (at < end) {
          byte = bytes[at++] as number;
          if (byte >= 0x30 && byte <= 0x39 && this.#digits < MOST_DIGITS) {
            this.#number = this.#number * 10 + byte - 0x30;
            this.#digits++;
          } else if (byte === LF || byte !== CR) break;
        }
        if (byte === MINUS && this.#digits === 0 && !this.#negative) this.#negative = true;
        else if (byte === LF && this.#digits > 0) {
          if (this.#numbered()) return this.#complete(at);
        } else if (at < end || (byte !== CR && (byte < 0x30 || byte > 0x39))) {
          this.position = at - 1;
          return STEP.opaque;
        }
      } else {
        const step = Math.min(this.#skip, end - at);
        if (this.#element === 1 && this.#wordLength < WORD && this.#kind === KIND.bulk) this.#spell(bytes, at, step);
        at += step;
        this.#skip -= step;
        if (this.#skip === 0 && this.#ended(0)) return this.#complete(at);
      }
    }
    this.position = at;
    return STEP.more;
  }

  #begin(type: number): void {
    this.open = true;
    this.type = type;
    this.first = this.#element = this.#wordLength = this.integer = 0;
    this.#left = 1;
  }
  #complete(at: number): number {
    this.position = at;
    this.open = false;
    return STEP.end;
  }
  /** One value is over, and holds so many others. Returns whether that was all. */
  #ended(inner: number): boolean {
    this.#at = AT.type;
    this.#left += inner - 1;
    return this.#left === 0;
  }
  /** The number behind a type is complete. Returns whether the whole value is. */
  #numbered(): boolean {
    const number = this.#negative ? -this.#number : this.#number;
    switch (this.#kind) {
      case KIND.integer:
        this.integer = number;
        return this.#ended(0);
      case KIND.bulk:
        if (number < 0) return this.#ended(0);
        this.#skip = number + 2;
        this.#at = AT.bulk;
        return false;
      case KIND.one:
        return this.#ended(Math.max(0, number));
      case KIND.two:
        return this.#ended(2 * Math.max(0, number));
      default:
        // An attribute stands before the value that it is about, and is none itself.
        return this.#ended(2 * Math.max(0, number) + 1);
    }
  }
  #spell(bytes: Buffer, from: number, length: number): void {
    for (let i = 0; i < length && this.#wordLength < WORD && this.#skip - i > 2; i++) {
      this.#word[this.#wordLength++] = bytes[from + i] as number;
    }
  }
}
