import { DynamicTable } from './dynamic-table.ts';
import { HeaderList } from './header-list.ts';
import { decodedAtMost, decodeHuffman } from './huffman.ts';
import { STATIC_AT, STATIC_SIZE, STATIC_TEXT } from './static-table.ts';

/** What became of a header block. */
export const BLOCK = {
  ok: 0,
  /** The table is right, but the list is longer than `MAX_LIST` and was not kept. */
  tooLong: 1,
  /** From here on the table is not known. */
  broken: 2,
} as const;

/** Where a field is put together that nobody wants to see: one for all connections of the thread, empty between two fields. */
const scratch = new HeaderList();

/** Reads the header blocks of one direction of one connection, in their order (RFC 7541). */
export class HpackDecoder {
  readonly #table = new DynamicTable();
  #at = 0;
  #list: HeaderList = scratch;
  #keep = false;

  /** Keeps the table right without looking at the fields. */
  follow(bytes: Buffer, from: number, to: number): number {
    this.#list = scratch;
    this.#keep = false;
    return this.#block(bytes, from, to);
  }
  /** Reads the fields into `list`. */
  read(bytes: Buffer, from: number, to: number, list: HeaderList): number {
    list.clear();
    this.#list = list;
    this.#keep = true;
    const result = this.#block(bytes, from, to);
    return result === BLOCK.ok && !this.#keep ? BLOCK.tooLong : result;
  }

  #block(bytes: Buffer, from: number, to: number): number {
    this.#at = from;
    let begun = false;
    while (this.#at < to) {
      const first = bytes[this.#at] as number;
      if ((first & 0xe0) === 0x20) {
        // Sizes stand at the beginning of a block only (RFC 7541, 4.2).
        const size = this.#integer(bytes, to, 5);
        if (size < 0 || begun || !this.#table.resize(size)) return BLOCK.broken;
        continue;
      }
      begun = true;
      if (!(first >= 0x80 ? this.#indexed(bytes, to) : this.#literal(bytes, to, first))) return BLOCK.broken;
      if (this.#keep && this.#list.tooLong) {
        this.#list = scratch;
        this.#keep = false;
      }
    }
    return BLOCK.ok;
  }

  #indexed(bytes: Buffer, to: number): boolean {
    const index = this.#integer(bytes, to, 7);
    if (index <= 0 || index > STATIC_SIZE + this.#table.count) return false;
    if (!this.#keep) return true;
    const list = this.#list;
    const start = list.end;
    if (index <= STATIC_SIZE) {
      const at = (index - 1) * 2;
      const [from, nameEnd, end] = [STATIC_AT[at] as number, STATIC_AT[at + 1] as number, STATIC_AT[at + 2] as number];
      if (this.#append(STATIC_TEXT, from, end, start)) list.push(start + nameEnd - from, start + end - from, false);
      return true;
    }
    const table = this.#table;
    const entry = index - STATIC_SIZE - 1;
    const [from, nameEnd, end] = [table.start(entry), table.nameEnd(entry), table.valueEnd(entry)];
    if (this.#append(table.bytes, from, end, start)) list.push(start + nameEnd - from, start + end - from, false);
    return true;
  }

  #literal(bytes: Buffer, to: number, first: number): boolean {
    const indexing = first >= 0x40;
    const index = this.#integer(bytes, to, indexing ? 6 : 4);
    if (index < 0 || index > STATIC_SIZE + this.#table.count) return false;
    if (!indexing && !this.#keep) return (index > 0 || this.#skip(bytes, to)) && this.#skip(bytes, to);
    const list = this.#list;
    const start = list.end;
    const nameEnd = index > 0 ? this.#name(index, start) : this.#text(bytes, to, start);
    const valueEnd = nameEnd < 0 ? -1 : this.#text(bytes, to, nameEnd);
    if (valueEnd < 0) return false;
    if (indexing) this.#table.add(list.bytes, start, nameEnd, valueEnd);
    if (this.#keep) list.push(nameEnd, valueEnd, (first & 0xf0) === 0x10);
    return true;
  }

  /** Copies the name of an entry to the list at `at`; returns where it ends, or -1. */
  #name(index: number, at: number): number {
    const table = this.#table;
    const entry = index - STATIC_SIZE - 1;
    const from = entry < 0 ? (STATIC_AT[(index - 1) * 2] as number) : table.start(entry);
    const end = entry < 0 ? (STATIC_AT[(index - 1) * 2 + 1] as number) : table.nameEnd(entry);
    return this.#append(entry < 0 ? STATIC_TEXT : table.bytes, from, end, at) ? at + end - from : -1;
  }

  /** Reads a text to the list at `at`; returns where it ends, or -1. */
  #text(bytes: Buffer, to: number, at: number): number {
    if (this.#at >= to) return -1;
    const coded = (bytes[this.#at] as number) >= 0x80;
    const length = this.#integer(bytes, to, 7);
    const from = this.#at;
    if (length < 0 || length > to - from) return -1;
    this.#at = from + length;
    if (!coded) return this.#append(bytes, from, from + length, at) ? at + length : -1;
    return this.#room(at, decodedAtMost(length)) ? decodeHuffman(bytes, from, from + length, this.#list.bytes, at) : -1;
  }
  #skip(bytes: Buffer, to: number): boolean {
    const length = this.#at < to ? this.#integer(bytes, to, 7) : -1;
    if (length < 0 || length > to - this.#at) return false;
    this.#at += length;
    return true;
  }

  #append(from: Buffer, start: number, end: number, at: number): boolean {
    if (!this.#room(at, end - start)) return false;
    from.copy(this.#list.bytes, at, start, end);
    return true;
  }
  #room(at: number, length: number): boolean {
    return this.#list.reserve(at - this.#list.end + length);
  }

  /** An integer with a prefix of so many bits (RFC 7541, 5.1); -1 when it is cut off or absurd. */
  #integer(bytes: Uint8Array, to: number, bits: number): number {
    const mask = (1 << bits) - 1;
    let value = (bytes[this.#at++] as number) & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      if (this.#at >= to) return -1;
      const byte = bytes[this.#at++] as number;
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return -1;
  }
}
