/**
 * The primitive types of the Kafka protocol (https://kafka.apache.org/protocol.html#protocol_types), read from and written to bytes.
 * Compact types (KIP-482) count from one, so that zero says null.
 */

/** The bytes are not what their schema says; what carries them passes as it came. */
export class Malformed extends Error {}

/** No array of a message is longer than this: an entry takes at least a byte, and no message is held that is larger. */
const MAX_ENTRIES = 4_000_000;

/** Reads on from a place in bytes[0, end). Slices share the memory of `bytes`. */
export class Reader {
  bytes: Buffer;
  at: number;
  end: number;

  constructor(bytes: Buffer, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }
  /** Reads other bytes from now on. */
  over(bytes: Buffer, at: number, end: number): this {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
    return this;
  }
  get left(): number {
    return this.end - this.at;
  }
  /** The place of the next `length` bytes, which are then behind. */
  take(length: number): number {
    const at = this.at;
    if (length < 0 || length > this.end - at) throw new Malformed('the message ends too early');
    this.at = at + length;
    return at;
  }
  int8(): number {
    return this.bytes.readInt8(this.take(1));
  }
  int16(): number {
    return this.bytes.readInt16BE(this.take(2));
  }
  int32(): number {
    return this.bytes.readInt32BE(this.take(4));
  }
  int64(): bigint {
    return this.bytes.readBigInt64BE(this.take(8));
  }
  slice(length: number): Buffer {
    const at = this.take(length);
    return this.bytes.subarray(at, at + length);
  }
  /** An unsigned number of at most 32 bits in groups of seven, the lowest first. */
  uvarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.bytes[this.take(1)] as number;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new Malformed('a number takes more bytes than it may');
  }
  /** A signed number of 32 bits, zig-zag. */
  varint(): number {
    const value = this.uvarint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
  /** Steps over a signed number of up to 64 bits. */
  skipVarlong(): void {
    for (let i = 0; i < 10; i++) if ((this.bytes[this.take(1)] as number) < 0x80) return;
    throw new Malformed('a number takes more bytes than it may');
  }
  /** How many bytes follow; -1 = null. */
  length(compact: boolean, wide: boolean): number {
    if (compact) return this.uvarint() - 1;
    return wide ? this.int32() : this.int16();
  }
  string(compact: boolean): string | null {
    const length = this.length(compact, false);
    if (length < 0) return null;
    const at = this.take(length);
    return this.bytes.toString('utf8', at, at + length);
  }
  data(compact: boolean): Buffer | null {
    const length = this.length(compact, true);
    return length < 0 ? null : this.slice(length);
  }
  /** How many entries follow; -1 = null. */
  count(compact: boolean): number {
    const count = compact ? this.uvarint() - 1 : this.int32();
    if (count < -1 || count > MAX_ENTRIES || count > this.left) throw new Malformed('an array cannot have so many entries');
    return count;
  }
  /** The tagged fields at the end of a structure, as they came (KIP-482). */
  tags(): Buffer {
    const from = this.at;
    this.skipTags();
    return this.bytes.subarray(from, this.at);
  }
  skipTags(): void {
    for (let left = this.uvarint(); left > 0; left--) {
      this.uvarint();
      this.take(this.uvarint());
    }
  }
}

/** The tagged fields without those of one tag; the same object when there is none. */
export function withoutTag(tags: Buffer, unwanted: number): Buffer {
  const reader = new Reader(tags);
  const kept: Buffer[] = [];
  let gone = false;
  for (let left = reader.uvarint(); left > 0; left--) {
    const from = reader.at;
    const tag = reader.uvarint();
    reader.take(reader.uvarint());
    if (tag === unwanted) gone = true;
    else kept.push(tags.subarray(from, reader.at));
  }
  if (!gone) return tags;
  return Buffer.concat([new Writer().uvarint(kept.length).done(), ...kept]);
}

/** Collects bytes; grows by doubling. */
export class Writer {
  #bytes = Buffer.allocUnsafe(256);
  #length = 0;

  /** Makes room for `length` more bytes; where they go. */
  #room(length: number): number {
    const at = this.#length;
    this.#length = at + length;
    if (this.#length > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.#length, this.#bytes.length * 2));
      this.#bytes.copy(grown, 0, 0, at);
      this.#bytes = grown;
    }
    return at;
  }
  int8(value: number): this {
    const at = this.#room(1);
    this.#bytes.writeInt8(value, at);
    return this;
  }
  int16(value: number): this {
    const at = this.#room(2);
    this.#bytes.writeInt16BE(value, at);
    return this;
  }
  int32(value: number): this {
    const at = this.#room(4);
    this.#bytes.writeInt32BE(value, at);
    return this;
  }
  int64(value: bigint): this {
    const at = this.#room(8);
    this.#bytes.writeBigInt64BE(value, at);
    return this;
  }
  raw(bytes: Uint8Array): this {
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }
  uvarint(value: number): this {
    let left = value;
    for (; left > 0x7f; left = Math.floor(left / 128)) this.#byte((left % 128) | 0x80);
    return this.#byte(left);
  }
  varint(value: number): this {
    return this.uvarint(value < 0 ? -value * 2 - 1 : value * 2);
  }
  length(value: number, compact: boolean, wide: boolean): this {
    if (compact) return this.uvarint(value + 1);
    return wide ? this.int32(value) : this.int16(value);
  }
  string(value: string | null, compact: boolean): this {
    if (value === null) return this.length(-1, compact, false);
    const bytes = Buffer.from(value, 'utf8');
    return this.length(bytes.length, compact, false).raw(bytes);
  }
  data(value: Uint8Array | null, compact: boolean): this {
    return value === null ? this.length(-1, compact, true) : this.length(value.length, compact, true).raw(value);
  }
  /** What was written so far; the writer must not be used again. */
  done(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }
  #byte(value: number): this {
    const at = this.#room(1);
    this.#bytes[at] = value;
    return this;
  }
}
