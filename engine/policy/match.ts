import { FNV_OFFSET, FNV_PRIME } from '../kernel/hash.ts';

/** One target and the number of the policy that has it. */
export interface TargetEntry {
  readonly target: string;
  readonly index: number;
}

/** Targets that mean everything (CAPABILITIES: "Path match"); `/*` is the prefix that every path has. */
const EVERYTHING = new Set(['', 'all', '*', '/*']);

const BYTE = 0xff;
const SEPARATES = 0x100;
const STOPS = 0x200;

const STAR = 0x2a;
const SLASH = 0x2f;
const QUESTION = 0x3f;
const HASH = 0x23;
const COLON = 0x3a;

/**
 * Policies found by target in one pass over the bytes of a path or name, without allocating: an open-addressing hash
 * table on typed arrays. The running FNV-1a hash is looked up at each segment boundary (for prefix targets) and at the
 * end (for exact ones); bytes are compared only when a hash is found. Case is ignored in ASCII.
 */
export class TargetIndex {
  /** Policies whose target is everything, ascending. */
  readonly #all: Int32Array;
  /** slot -> entry + 1, or 0; the size is a power of two and at least twice the number of entries. */
  readonly #slots: Int32Array;
  readonly #hashes: Int32Array;
  /** Entry e has the folded bytes #text[#from[e], #from[e + 1]). */
  readonly #text: Uint8Array;
  readonly #from: Int32Array;
  /** Entry e owns #lists[#exactFrom[e], #prefixFrom[e]) as an exact and up to #exactFrom[e + 1] as a prefix target. */
  readonly #lists: Int32Array;
  readonly #exactFrom: Int32Array;
  readonly #prefixFrom: Int32Array;
  readonly #isPath: boolean;
  /** What each byte is: itself in lower case, plus SEPARATES for a separator; STOPS where the path ends. */
  readonly #kinds: Uint16Array;
  /** #prefixLengths[n] is 1 when a prefix target of n bytes exists: spares a probe at most boundaries. */
  readonly #prefixLengths: Uint8Array;
  /** Bytes of the longest target: nothing beyond it can match. */
  readonly longest: number;
  /** No policy at all. */
  readonly empty: boolean;

  /**
   * @param entries in file order, index ascending.
   * @param separator the byte that ends a segment.
   * @param isPath a URL: stops at `?` or `#`, and skips scheme and host of an absolute form.
   */
  constructor(entries: readonly TargetEntry[], separator = SLASH, isPath = true) {
    const all: number[] = [];
    const byText = new Map<string, { readonly exact: number[]; readonly prefix: number[] }>();
    for (const { target, index } of entries) {
      const folded = foldText(target.trim());
      if (EVERYTHING.has(folded)) {
        all.push(index);
        continue;
      }
      const isPrefix = folded.endsWith('*');
      const text = isPrefix ? folded.slice(0, -1) : folded;
      const lists = byText.get(text) ?? { exact: [], prefix: [] };
      lists[isPrefix ? 'prefix' : 'exact'].push(index);
      byText.set(text, lists);
    }
    const texts = [...byText.keys()].map((text) => Buffer.from(text, 'utf8'));
    const count = texts.length;
    this.#all = Int32Array.from(all);
    this.#text = Buffer.concat(texts);
    this.#from = new Int32Array(count + 1);
    this.#hashes = new Int32Array(count);
    this.#exactFrom = new Int32Array(count + 1);
    this.#prefixFrom = new Int32Array(count);
    this.#slots = new Int32Array(tableSize(count));
    const lists: number[] = [];
    [...byText.values()].forEach(({ exact, prefix }, entry) => {
      const text = texts[entry] as Buffer;
      this.#from[entry + 1] = (this.#from[entry] as number) + text.length;
      this.#exactFrom[entry] = lists.length;
      lists.push(...exact);
      this.#prefixFrom[entry] = lists.length;
      lists.push(...prefix);
      this.#exactFrom[entry + 1] = lists.length;
      this.#insert(entry, hashOf(text));
    });
    this.#lists = Int32Array.from(lists);
    this.#isPath = isPath;
    this.#kinds = kindsOf(separator, isPath);
    this.longest = texts.reduce((longest, text) => Math.max(longest, text.length), 0);
    this.#prefixLengths = new Uint8Array(this.longest + 2);
    [...byText.values()].forEach(({ prefix }, entry) => {
      if (prefix.length > 0) this.#prefixLengths[(texts[entry] as Buffer).length] = 1;
    });
    this.empty = entries.length === 0;
  }

  #insert(entry: number, hash: number): void {
    this.#hashes[entry] = hash;
    const mask = this.#slots.length - 1;
    let slot = spread(hash) & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = entry + 1;
  }

  /**
   * Writes the numbers of the policies whose target takes bytes[start, end) to `out`, ascending, and returns how many.
   * `out` should hold as many as there are policies; what does not fit is left out.
   */
  match(bytes: Uint8Array, start: number, end: number, out: Int32Array): number {
    return this.matchAlso(bytes, start, end, out, appendTo(out, 0, this.#all, 0, this.#all.length));
  }
  /**
   * Adds the policies whose target takes bytes[start, end), another name of the same message, to the `already` that are
   * in `out`; each policy stands there once. Returns the new count.
   */
  matchAlso(bytes: Uint8Array, start: number, end: number, out: Int32Array, already: number): number {
    let count = already;
    if (this.longest === 0) return count;
    const from = this.#isPath ? pathStart(bytes, start, end) : start;
    const kinds = this.#kinds;
    // One byte past the longest target tells whether a target as long as that ends at a boundary.
    const limit = Math.min(end, from + this.longest + 1);
    let hash = FNV_OFFSET | 0;
    let at = from;
    for (;;) {
      let kind = 0;
      while (at < limit) {
        kind = kinds[bytes[at] as number] as number;
        if (kind >= SEPARATES) break;
        hash = Math.imul(hash ^ kind, FNV_PRIME);
        at++;
      }
      if (at === limit || kind === STOPS) break;
      // A prefix target ends before a separator (`/api/users*`) or after it (`/api/users/*`); of two separators in a
      // row, and at the end of the path, only one look-up may count.
      count = this.#matchPrefix(hash, bytes, from, at, out, count);
      hash = Math.imul(hash ^ (kind & BYTE), FNV_PRIME);
      at++;
      if (at < limit && (kinds[bytes[at] as number] as number) < SEPARATES)
        count = this.#matchPrefix(hash, bytes, from, at, out, count);
    }
    if (at - from > this.longest) return count;
    // The path ended here: exact targets take it, and so do prefix targets, with or without a separator at their end.
    const entry = this.#find(hash, bytes, from, at);
    return entry < 0
      ? count
      : appendTo(out, count, this.#lists, this.#exactFrom[entry] as number, this.#exactFrom[entry + 1] as number);
  }

  #matchPrefix(hash: number, bytes: Uint8Array, from: number, to: number, out: Int32Array, count: number): number {
    if (this.#prefixLengths[to - from] !== 1) return count;
    const entry = this.#find(hash, bytes, from, to);
    if (entry < 0) return count;
    return appendTo(out, count, this.#lists, this.#prefixFrom[entry] as number, this.#exactFrom[entry + 1] as number);
  }

  /** The entry with these bytes, or -1. */
  #find(hash: number, bytes: Uint8Array, from: number, to: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = spread(hash) & mask; ; slot = (slot + 1) & mask) {
      const entry = (slots[slot] as number) - 1;
      if (entry < 0) return -1;
      if (this.#hashes[entry] === hash && this.#same(entry, bytes, from, to)) return entry;
    }
  }

  #same(entry: number, bytes: Uint8Array, from: number, to: number): boolean {
    const text = this.#text;
    const offset = this.#from[entry] as number;
    if ((this.#from[entry + 1] as number) - offset !== to - from) return false;
    for (let i = 0; i < to - from; i++) {
      let byte = bytes[from + i] as number;
      if (byte >= 65 && byte <= 90) byte |= 32;
      if (text[offset + i] !== byte) return false;
    }
    return true;
  }
}

/** Appends lists[from, to) to out[0, count), keeping it ascending for the cascade. Returns the new count. */
function appendTo(out: Int32Array, count: number, lists: Int32Array, from: number, to: number): number {
  let size = count;
  for (let i = from; i < to && size < out.length; i++) {
    const index = lists[i] as number;
    let hole = size;
    while (hole > 0 && (out[hole - 1] as number) > index) hole--;
    // Another name of the same message may have been taken by the same policy.
    if (hole > 0 && out[hole - 1] === index) continue;
    if (hole < size) out.copyWithin(hole + 1, hole, size);
    out[hole] = index;
    size++;
  }
  return size;
}

/** Where the path begins in `http://host/path` (RFC 9112, 3.2.2: absolute-form); `start` when it is no such form. */
export function pathStart(bytes: Uint8Array, start: number, end: number): number {
  if (bytes[start] === SLASH) return start;
  for (let i = start; i + 2 < end; i++) {
    const byte = bytes[i] as number;
    if (byte === COLON && bytes[i + 1] === SLASH && bytes[i + 2] === SLASH) {
      let at = i + 3;
      while (at < end && bytes[at] !== SLASH && bytes[at] !== QUESTION && bytes[at] !== HASH) at++;
      return at;
    }
    if (byte === SLASH || byte === QUESTION || byte === STAR) break;
  }
  return start;
}

/** One look-up a byte instead of a chain of comparisons: measured, it halves the time of a miss. */
function kindsOf(separator: number, isPath: boolean): Uint16Array {
  const kinds = Uint16Array.from({ length: 256 }, (_, byte) => (byte >= 65 && byte <= 90 ? byte | 32 : byte));
  kinds[separator] = SEPARATES | separator;
  if (isPath) kinds[QUESTION] = kinds[HASH] = STOPS;
  return kinds;
}

/** Upper bits of FNV-1a are better mixed than lower ones: both go into the slot. */
function spread(hash: number): number {
  return hash ^ (hash >>> 15);
}

function hashOf(text: Uint8Array): number {
  let hash = FNV_OFFSET | 0;
  for (const byte of text) hash = Math.imul(hash ^ byte, FNV_PRIME);
  return hash;
}

function tableSize(entries: number): number {
  let size = 8;
  while (size < entries * 2) size *= 2;
  return size;
}

/** What does not count at the beginning of a protected name, on either side: white space, `/`, `(` and `;`. */
const SKIPPED = new Uint8Array(256);
for (const byte of Buffer.from(' \t\r\n\f\v/(;')) SKIPPED[byte] = 1;

/** A protected prefix in the form that `beginsWithAny` compares. */
export function foldPrefix(prefix: string): Uint8Array {
  return Buffer.from(foldText(prefix.replace(/^[\s/(;]+/, '')), 'utf8');
}

/** Whether bytes[start, end) begins with one of the folded prefixes: `isIgnored` without allocating. */
export function beginsWithAny(prefixes: readonly Uint8Array[], bytes: Uint8Array, start: number, end: number): boolean {
  let from = start;
  while (from < end && SKIPPED[bytes[from] as number] === 1) from++;
  for (let i = 0; i < prefixes.length; i++) {
    const prefix = prefixes[i] as Uint8Array;
    let at = 0;
    while (at < prefix.length && from + at < end) {
      let byte = bytes[from + at] as number;
      if (byte >= 65 && byte <= 90) byte |= 32;
      if (byte !== prefix[at]) break;
      at++;
    }
    if (at === prefix.length) return true;
  }
  return false;
}

/** Lower case in ASCII only, as the bytes are folded. */
function foldText(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
