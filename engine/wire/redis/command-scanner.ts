import { STEP } from '../codec.ts';
import { commandAt, countAtOf, KEY, keyOf, LAST, lastKeyOf, ROLE, roleOf } from './commands.ts';
import { FurtherKeys, numberAt } from './further-keys.ts';

/** The longest head that is waited for: a command whose key stands behind more than this is judged without its key. */
const HEAD_LIMIT = 65_536;
/** The longest line of an inline command (PROTO_INLINE_MAX_SIZE of server.h). */
const INLINE_LIMIT = 65_536;
/** No length and no count has more digits: a bulk string may be 512 MB unless a server is set otherwise. */
const MOST_DIGITS = 12;
/** Arguments of which the place is kept, the name included: enough for every key and every mode. */
const KEPT = 4;

const STAR = 0x2a;
const DOLLAR = 0x24;
const MINUS = 0x2d;
const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const QUOTE = 0x22;
const APOSTROPHE = 0x27;
const BACKSLASH = 0x5c;

/**
 * Finds commands in what a client sends (RESP, "Sending commands to a Redis server"; inline commands too). A head is the
 * command up to and including its key; what follows is its body and need not be in one piece. Copies nothing and
 * allocates nothing.
 */
export class CommandScanner {
  /** Where the last step ended; within a head at its start. */
  position = 0;
  inHead = false;
  /** Where the head that was read last begins. */
  start = 0;
  /** The number of its command, as in commands.ts. */
  command = 0;
  role = 0;
  /** How many arguments follow the name. */
  args = 0;
  /** [keyStart, keyEnd) is the first key; empty when there is none, or none in reach. */
  keyStart = 0;
  keyEnd = 0;
  /** Whether a head goes on to the last key; else it ends with the first. Inline commands are known by the first alone. */
  everyKey = false;
  /** The keys that the head has behind the first. */
  readonly further = new FurtherKeys();
  /** Why the last step was `opaque`. */
  why = '';
  readonly #from = new Int32Array(KEPT);
  readonly #to = new Int32Array(KEPT);
  #kept = 0;
  #open = false;
  /** Of the command under way: arguments of which the length is not read yet, bytes to skip, the length as far as it is read. */
  #left = 0;
  #skip = 0;
  #length = -1;
  #digits = 0;
  #number = 0;

  /** Scans bytes[at, end) up to the next step; see Framer. */
  step(bytes: Buffer, at: number, end: number): number {
    if (this.#open) return this.#body(bytes, at, end);
    for (let from = at; ; ) {
      this.position = from;
      this.inHead = from < end;
      if (from >= end) return STEP.more;
      const first = bytes[from] as number;
      const next = first === STAR ? this.#array(bytes, from, end) : this.#inline(bytes, from, end);
      if (next === MORE) return STEP.more;
      if (next === BAD) return this.#opaque(from, first === 0x16 ? 'the bytes look like TLS' : 'the bytes of the client are no RESP');
      this.position = from = next;
      if (!this.#open) continue; // An empty command, which servers do not answer.
      this.inHead = false;
      return STEP.head;
    }
  }

  /** [nameStart, nameEnd) of the head that was read last. */
  get nameStart(): number {
    return this.#from[0] as number;
  }
  get nameEnd(): number {
    return this.#to[0] as number;
  }
  /** An argument by its number (the name is 0), as text; undefined when it is not in the head. */
  arg(bytes: Buffer, index: number): string | undefined {
    return index < this.#kept ? bytes.toString('latin1', this.#from[index], this.#to[index]) : undefined;
  }
  /** The head lies somewhere else now. */
  moved(by: number): void {
    this.further.moved(by);
    this.start += by;
    this.keyStart += by;
    this.keyEnd += by;
    for (let i = 0; i < KEPT; i++) {
      this.#from[i] = (this.#from[i] as number) + by;
      this.#to[i] = (this.#to[i] as number) + by;
    }
  }

  #opaque(at: number, why: string): number {
    this.why = why;
    this.position = at;
    this.inHead = false;
    return STEP.opaque;
  }

  /** Returns where the head ends, MORE or BAD. */
  #array(bytes: Buffer, start: number, end: number): number {
    let at = this.#line(bytes, start + 1, end);
    if (at < 0) return at;
    const count = this.#number;
    if (count <= 0) return at;
    this.#begin(start);
    this.args = count - 1;
    let wanted = KEY.none as number;
    for (let i = 0; i < count; i++) {
      const head = at;
      if (at >= end) return MORE;
      if (bytes[at] !== DOLLAR) return BAD;
      at = this.#line(bytes, at + 1, end);
      if (at < 0) return at;
      const length = this.#number;
      if (length < 0) return BAD;
      // Too far away: what is known so far must do, and the rest is body.
      if (at + length + 2 - start > HEAD_LIMIT) return this.#headUpTo(head, count - i);
      if (at + length + 2 > end) return MORE;
      this.#keep(i, at, at + length);
      if (i === 0) {
        this.#named(bytes);
        wanted = wantedOf(this.command, this.role);
      } else if (this.further.begun) {
        if (i === countAtOf(this.command)) wanted = i + numberAt(bytes, at, at + length);
        else this.further.argument(i, at, at + length);
      } else if (this.#isKey(bytes, i, at, length)) {
        this.keyStart = at;
        this.keyEnd = at + length;
        wanted = this.everyKey && lastKeyOf(this.command) !== LAST.none ? this.#lastKey(bytes, i, count) : i;
      }
      at += length + 2;
      if (wanted >= 0 && i >= wanted) return this.#headUpTo(at, count - i - 1);
    }
    return this.#headUpTo(at, 0);
  }

  /** Whether argument `i` is the first key. For those commands whose key has no fixed place, tells by what went before. */
  #isKey(bytes: Buffer, i: number, at: number, length: number): boolean {
    const key = keyOf(this.command);
    if (key >= 0) return key === i;
    if (key === KEY.afterCount) return i === 3 && !this.#says(bytes, 2, '0');
    const follows = this.#streams;
    this.#streams = length === 7 && bytes.toString('latin1', at, at + 7).toLowerCase() === 'streams';
    return follows;
  }
  #lastKey(bytes: Buffer, first: number, count: number): number {
    const at = countAtOf(this.command);
    return this.further.begin(this.command, first, count, at === 0 ? 0 : numberAt(bytes, this.#from[at] as number, this.#to[at] as number));
  }
  #streams = false;
  #says(bytes: Buffer, index: number, text: string): boolean {
    return this.arg(bytes, index) === text;
  }

  #inline(bytes: Buffer, start: number, end: number): number {
    const first = bytes[start] as number;
    if ((first < SPACE && first !== CR && first !== LF && first !== 0x09) || first > 0x7e) return BAD;
    const found = bytes.indexOf(LF, start);
    const stands = found >= 0 && found < end;
    if ((stands ? found : end) - start > INLINE_LIMIT) return BAD;
    if (!stands) return MORE;
    const stop = found > start && bytes[found - 1] === CR ? found - 1 : found;
    let words = 0;
    this.#begin(start);
    for (let at = start; ; words++) {
      while (at < stop && isSpace(bytes[at] as number)) at++;
      if (at >= stop) break;
      const from = at;
      at = wordEnd(bytes, at, stop);
      const quoted = isQuote(bytes[from] as number) && at - from > 1 ? 1 : 0;
      this.#keep(words, from + quoted, at - quoted);
    }
    if (words === 0) {
      this.#open = false;
      return found + 1;
    }
    this.args = words - 1;
    this.#named(bytes);
    const key = keyOf(this.command);
    if (key > 0 && key < this.#kept) {
      this.keyStart = this.#from[key] as number;
      this.keyEnd = this.#to[key] as number;
    }
    return this.#headUpTo(found + 1, 0);
  }

  #begin(start: number): void {
    this.start = this.keyStart = this.keyEnd = start;
    this.command = this.role = this.#kept = this.args = 0;
    this.further.clear();
    this.#from[0] = this.#to[0] = start;
    this.#streams = false;
  }
  #keep(index: number, from: number, to: number): void {
    if (index >= KEPT) return;
    this.#from[index] = from;
    this.#to[index] = to;
    this.#kept = index + 1;
  }
  #named(bytes: Buffer): void {
    this.command = commandAt(bytes, this.#from[0] as number, this.#to[0] as number);
    this.role = roleOf(this.command);
  }
  #headUpTo(at: number, left: number): number {
    this.#open = true;
    this.#left = left;
    this.#skip = 0;
    this.#length = -1;
    return at;
  }

  /** Reads digits up to CR LF into #number. Returns where the next byte is, MORE or BAD. */
  #line(bytes: Buffer, at: number, end: number): number {
    let number = 0;
    let i = at;
    const negative = i < end && bytes[i] === MINUS;
    if (negative) i++;
    const digits = i;
    for (; i < end; i++) {
      const byte = bytes[i] as number;
      if (byte < 0x30 || byte > 0x39) break;
      number = number * 10 + byte - 0x30;
    }
    if (i - digits > MOST_DIGITS) return BAD;
    if (i >= end) return MORE;
    if (bytes[i] !== CR || i === digits) return BAD;
    if (i + 1 >= end) return MORE;
    if (bytes[i + 1] !== LF) return BAD;
    this.#number = negative ? -number : number;
    return i + 2;
  }

  /** The arguments behind the head; they may come in pieces of any size. */
  #body(bytes: Buffer, from: number, end: number): number {
    let at = from;
    for (;;) {
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, end - at);
        at += step;
        this.#skip -= step;
        if (this.#skip > 0) break;
      }
      if (this.#left === 0) {
        this.#open = false;
        this.position = at;
        return STEP.end;
      }
      let length = this.#length;
      let digits = length < 0 ? 0 : this.#digits;
      let byte = 0;
      while (at < end) {
        byte = bytes[at++] as number;
        if (byte >= 0x30 && byte <= 0x39 && length >= 0 && digits < MOST_DIGITS) {
          length = length * 10 + byte - 0x30;
          digits++;
        } else if (byte === LF && digits > 0) break;
        else if (byte === DOLLAR && length < 0) length = 0;
        else if (byte !== CR || digits === 0) return this.#opaque(at - 1, 'the bytes of the client are no RESP');
      }
      if (byte !== LF) {
        this.#length = length;
        this.#digits = digits;
        break;
      }
      this.#length = -1;
      this.#skip = length + 2;
      this.#left--;
    }
    this.position = at;
    return STEP.more;
  }
}

const MORE = -1;
const BAD = -2;

/** The last argument that a head must have: the key, or what tells a mode; -1 when it is told by the arguments. */
function wantedOf(command: number, role: number): number {
  if (role === ROLE.plain || role === ROLE.subscribe || role === ROLE.unsubscribe) {
    const key = keyOf(command);
    return key === KEY.afterCount ? 3 : key;
  }
  return role === ROLE.client ? 2 : role === ROLE.hello || role === ROLE.select ? 1 : 0;
}

const isSpace = (byte: number): boolean => byte === SPACE || (byte >= 0x09 && byte <= 0x0d) || byte === 0;
const isQuote = (byte: number): boolean => byte === QUOTE || byte === APOSTROPHE;

/** Where a word ends that may be quoted, as `sdssplitargs` (sds.c) reads it. */
function wordEnd(bytes: Buffer, start: number, stop: number): number {
  const quote = bytes[start] as number;
  if (!isQuote(quote)) {
    let at = start;
    while (at < stop && !isSpace(bytes[at] as number)) at++;
    return at;
  }
  for (let at = start + 1; at < stop; at++) {
    if (bytes[at] === BACKSLASH) at++;
    else if (bytes[at] === quote) return at + 1;
  }
  return stop;
}
