import { deserialize, type Document, serialize } from 'bson';
import { createRequire } from 'node:module';
import { deflateSync, inflateSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { COMPRESSED_HEAD, FLAG, HEADER, OP } from '../../../engine/wire/mongo/header.ts';
import { COMPRESSOR } from '../../../engine/wire/mongo/unpack.ts';

/** It has no types of its own. */
const snappy = createRequire(import.meta.url)('snappyjs') as { compress(bytes: Uint8Array): Uint8Array; uncompress(bytes: Uint8Array): Uint8Array };

/** Messages of MongoDB's wire protocol, made and read by other means than the engine's: the bson package and zlib. */

export interface MessageOptions {
  readonly id?: number;
  readonly to?: number;
  readonly flags?: number;
  /** Documents in a section of their own (kind 1), by their name. */
  readonly sequence?: { readonly name: string; readonly documents: readonly Document[] };
  /** Whether the sequence stands before the command, which is allowed and rare. */
  readonly sequenceFirst?: boolean;
}

function header(body: Buffer, id: number, to: number, opCode: number): Buffer {
  const head = Buffer.alloc(HEADER);
  [HEADER + body.length, id, to, opCode].forEach((value, i) => head.writeInt32LE(value, i * 4));
  return Buffer.concat([head, body]);
}
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value, 0);
  return bytes;
};

/** An OP_MSG with this document as its command or answer. */
export function message(document: Document, { id = 1, to = 0, flags = 0, sequence, sequenceFirst = false }: MessageOptions = {}): Buffer {
  const sections = [Buffer.concat([Buffer.of(0), serialize(document)])];
  if (sequence !== undefined) {
    const content = Buffer.concat([Buffer.from(`${sequence.name}\0`), ...sequence.documents.map((one) => serialize(one))]);
    sections[sequenceFirst ? 'unshift' : 'push'](Buffer.concat([Buffer.of(1), int32(content.length + 4), content]));
  }
  const checksum = (flags & FLAG.checksum) === 0 ? [] : [Buffer.alloc(4, 0xcc)];
  return header(Buffer.concat([int32(flags), ...sections, ...checksum]), id, to, OP.msg);
}

/** The same message as OP_COMPRESSED. */
export function packed(plain: Buffer, compressor: keyof typeof COMPRESSOR): Buffer {
  const body = plain.subarray(HEADER);
  const content = { noop: (): Uint8Array => body, snappy: () => snappy.compress(body), zlib: () => deflateSync(body), zstd: () => zstdCompressSync(body) }[compressor]();
  const head = Buffer.concat([int32(plain.readInt32LE(12)), int32(body.length), Buffer.of(COMPRESSOR[compressor])]);
  return header(Buffer.concat([head, content]), plain.readInt32LE(4), plain.readInt32LE(8), OP.compressed);
}

/** The message within an OP_COMPRESSED, and by what it was packed; any other message is itself. */
export function unpacked(bytes: Buffer): { readonly bytes: Buffer; readonly by: keyof typeof COMPRESSOR | undefined } {
  if (bytes.readInt32LE(12) !== OP.compressed) return { bytes, by: undefined };
  const by = (['noop', 'snappy', 'zlib', 'zstd'] as const)[bytes[COMPRESSED_HEAD - 1] ?? 0] ?? 'noop';
  const content = bytes.subarray(COMPRESSED_HEAD);
  const body = { noop: (): Uint8Array => content, snappy: () => snappy.uncompress(content), zlib: () => inflateSync(content), zstd: () => zstdDecompressSync(content) }[by]();
  return { bytes: header(Buffer.from(body), bytes.readInt32LE(4), bytes.readInt32LE(8), bytes.readInt32LE(HEADER)), by };
}

/** A legacy OP_QUERY for `admin.$cmd`, as drivers still send it first of all; and its OP_REPLY. */
export const query = (document: Document, id = 1): Buffer =>
  header(Buffer.concat([int32(0), Buffer.from('admin.$cmd\0'), int32(0), int32(-1), serialize(document)]), id, 0, OP.query);
export const reply = (document: Document, to: number, id = 1): Buffer =>
  header(Buffer.concat([int32(8), Buffer.alloc(8), int32(0), int32(1), serialize(document)]), id, to, OP.reply);

/** One message as it was read. */
export interface Read {
  readonly id: number;
  readonly to: number;
  readonly opCode: number;
  readonly flags: number;
  readonly document: Document;
}
/** The messages in these bytes, with the documents of those that are OP_MSG. */
export function messagesIn(bytes: Buffer): Read[] {
  const found: Read[] = [];
  for (let at = 0; at < bytes.length; at += bytes.readInt32LE(at)) {
    const opCode = bytes.readInt32LE(at + 12);
    const flags = bytes.readInt32LE(at + HEADER);
    const first = at + HEADER + 4;
    const section = opCode === OP.msg && bytes[first] === 1 ? first + 1 + bytes.readInt32LE(first + 1) : first;
    const document = opCode === OP.msg ? deserialize(bytes.subarray(section + 1, section + 1 + bytes.readInt32LE(section + 1))) : {};
    found.push({ id: bytes.readInt32LE(at + 4), to: bytes.readInt32LE(at + 8), opCode, flags, document });
  }
  return found;
}
export { COMPRESSED_HEAD, FLAG, HEADER, OP };
