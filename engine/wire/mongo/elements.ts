/**
 * Walks over the elements of a BSON document without decoding or copying them (https://bsonspec.org/spec.html). Never
 * throws: it stops at what is cut short or makes no sense.
 */
export const TYPE = { double: 0x01, string: 0x02, document: 0x03, array: 0x04, boolean: 0x08, null: 0x0a, int32: 0x10, int64: 0x12 } as const;

/** Bytes of the values whose length depends on nothing but their type; the others are worked out. */
const FIXED = new Map<number, number>([
  [0x01, 8], [0x06, 0], [0x07, 12], [0x08, 1], [0x09, 8], [0x0a, 0], [0x10, 4], [0x11, 8], [0x12, 8], [0x13, 16], [0x7f, 0], [0xff, 0],
]);
const SIZES = Int8Array.from({ length: 256 }, (_, type) => FIXED.get(type) ?? -1);
const NOTHING = Buffer.alloc(0);

export class Elements {
  type = 0;
  keyStart = 0;
  keyEnd = 0;
  valueStart = 0;
  valueEnd = 0;
  /** The bytes ran out, or made no sense, before the document ended. */
  broken = false;
  #bytes: Buffer = NOTHING;
  #at = 0;
  #end = 0;
  #available = 0;

  /** Begins with the document at bytes[start); what is there ends at `available`, which may be before its end. */
  open(bytes: Buffer, start: number, available: number): this {
    this.#bytes = bytes;
    this.#available = Math.min(available, bytes.length);
    const length = this.#available - start < 5 ? 0 : bytes.readInt32LE(start);
    this.broken = length < 5;
    this.#at = start + 4;
    this.#end = this.broken ? this.#at : start + length;
    return this;
  }
  /** Where the document ends, whether or not its bytes are there. */
  get end(): number {
    return this.#end;
  }
  /** Steps to the next element whose bytes are all there; false when there is none. */
  next(): boolean {
    if (this.broken) return false;
    const limit = Math.min(this.#end, this.#available);
    const bytes = this.#bytes;
    let at = this.#at;
    if (at >= limit) return this.#stop();
    this.type = bytes[at++] as number;
    if (this.type === 0) {
      // The end, where it should be.
      if (at !== this.#end) this.broken = true;
      this.#at = at;
      return false;
    }
    this.keyStart = at;
    while (at < limit && bytes[at] !== 0) at++;
    if (at >= limit) return this.#stop();
    this.keyEnd = at++;
    this.valueStart = at;
    const size = this.#sizeAt(at, limit);
    if (size < 0 || at + size > limit) return this.#stop();
    this.valueEnd = this.#at = at + size;
    return true;
  }
  /** Whether the key of the element is this text (ASCII). */
  keyIs(text: string): boolean {
    return bytesAre(this.#bytes, this.keyStart, this.keyEnd, text);
  }
  /** Steps to the element of this key. */
  find(key: string): boolean {
    while (this.next()) if (this.keyIs(key)) return true;
    return false;
  }
  get key(): string {
    return this.#bytes.toString('utf8', this.keyStart, this.keyEnd);
  }
  /** The value of an element that is a string. */
  get text(): string {
    return this.#bytes.toString('utf8', this.valueStart + 4, this.valueEnd - 1);
  }

  #stop(): false {
    this.broken = true;
    return false;
  }
  /** The length of the value at `at`, or -1 when it cannot be known. */
  #sizeAt(at: number, limit: number): number {
    const fixed = SIZES[this.type] as number;
    if (fixed >= 0) return fixed;
    if (this.type === 0x0b) {
      // A regular expression: two texts, each ended by a zero.
      let end = at;
      for (let texts = 0; texts < 2; texts++) {
        while (end < limit && this.#bytes[end] !== 0) end++;
        end++;
      }
      return end - at;
    }
    if (limit - at < 4) return -1;
    const length = this.#bytes.readInt32LE(at);
    switch (this.type) {
      case 0x02: // string
      case 0x0d: // code
      case 0x0e: // symbol
        return length < 1 ? -1 : 4 + length;
      case 0x03: // document
      case 0x04: // array
        return length < 5 ? -1 : length;
      case 0x05: // binary
        return length < 0 ? -1 : 5 + length;
      case 0x0c: // pointer into a database
        return length < 1 ? -1 : 4 + length + 12;
      case 0x0f: // code with scope
        return length < 14 ? -1 : length;
      default:
        return -1;
    }
  }
}

/** Whether bytes[start, end) are this text (ASCII). */
export function bytesAre(bytes: Buffer, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false;
  return true;
}
