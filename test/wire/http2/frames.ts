import { FLAG, FRAME, frame, goaway, PREFACE, rstStream, settings, windowUpdate } from '../../../engine/wire/http2/frame.ts';
import { HeaderList } from '../../../engine/wire/http2/header-list.ts';
import { HpackDecoder } from '../../../engine/wire/http2/hpack-decoder.ts';
import { HeaderBlock } from '../../../engine/wire/http2/header-block.ts';

/** Frames by hand, for conversations that no client holds. */
export const OPENING = Buffer.concat([PREFACE, settings()]);
export const ACK = frame(FRAME.settings, FLAG.ack, 0, Buffer.alloc(0));
export { goaway, rstStream, settings, windowUpdate };

export type Fields = readonly (readonly [string, string])[];
/** A header block; `indexed` puts every field into the table, and `known` refers to entries of it by their index. */
export function blockOf(fields: Fields, { indexed = false, known = [] as readonly number[] } = {}): Buffer {
  const parts = known.map((index) => Buffer.from([0x80 | index]));
  for (const [name, value] of fields) {
    parts.push(Buffer.from([indexed ? 0x40 : 0, name.length]), Buffer.from(name), Buffer.from([value.length]), Buffer.from(value));
  }
  return Buffer.concat(parts);
}
export const get = (path: string, more: Fields = []): Fields => [[':method', 'GET'], [':scheme', 'http'], [':authority', 'a'], [':path', path], ...more];
export const post = (path: string, more: Fields = []): Fields => [[':method', 'POST'], ...get(path, more).slice(1)];
export const call = (path: string, more: Fields = []): Fields => post(path, [['content-type', 'application/grpc'], ['te', 'trailers'], ...more]);

interface HeadersOptions {
  readonly end?: boolean;
  readonly indexed?: boolean;
  readonly known?: readonly number[];
  /** How many octets of padding, and with a PRIORITY part. */
  readonly padding?: number;
  readonly priority?: boolean;
  /** The block is cut into CONTINUATION frames of so many octets. */
  readonly pieces?: number;
}
export function headers(stream: number, fields: Fields, options: HeadersOptions = {}): Buffer {
  const block = blockOf(fields, options);
  const { padding = -1, priority = false, pieces = block.length, end = false } = options;
  const cuts: Buffer[] = [];
  for (let at = 0; at < block.length; at += pieces) cuts.push(block.subarray(at, at + pieces));
  const flags = (end ? FLAG.endStream : 0) | (padding >= 0 ? FLAG.padded : 0) | (priority ? FLAG.priority : 0);
  return Buffer.concat(
    cuts.map((cut, i) => {
      const done = i === cuts.length - 1 ? FLAG.endHeaders : 0;
      if (i > 0) return frame(FRAME.continuation, done, stream, cut);
      const before = [padding >= 0 ? [padding] : [], priority ? [0, 0, 0, 0, 15] : []].flat();
      return frame(FRAME.headers, flags | done, stream, Buffer.concat([Buffer.from(before), cut, Buffer.alloc(Math.max(0, padding))]));
    }),
  );
}
export function data(stream: number, bytes: Uint8Array | string, { end = false, padding = -1 } = {}): Buffer {
  const padded = padding < 0 ? Buffer.from(bytes) : Buffer.concat([Buffer.from([padding]), Buffer.from(bytes), Buffer.alloc(padding)]);
  return frame(FRAME.data, (end ? FLAG.endStream : 0) | (padding >= 0 ? FLAG.padded : 0), stream, padded);
}
export function setting(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUInt16BE(id);
  bytes.writeUInt32BE(value, 2);
  return frame(FRAME.settings, 0, 0, bytes);
}
/** A gRPC message of so many bytes. */
export function message(length: number, fill = 1): Buffer {
  const bytes = Buffer.alloc(5 + length, fill);
  bytes[0] = 0;
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

/** The frames in bytes, for people to compare: header blocks decoded by one table, DATA as its length. */
export function told(bytes: Buffer, { opening = 0, decoder = new HpackDecoder() } = {}): string[] {
  const said: string[] = [];
  const list = new HeaderList();
  const block = new HeaderBlock();
  for (let at = opening; at < bytes.length; ) {
    const length = bytes.readUIntBE(at, 3);
    const [type, flags, stream] = [bytes[at + 3] as number, bytes[at + 4] as number, bytes.readUInt32BE(at + 5)];
    let end = at + 9 + length;
    while ((type === FRAME.headers || type === FRAME.push) && end < bytes.length && bytes[end + 3] === FRAME.continuation) end += 9 + bytes.readUIntBE(end, 3);
    const ends = (flags & FLAG.endStream) !== 0 ? ' end' : '';
    const word = length >= 4 ? bytes.readUInt32BE(at + 9) : 0;
    if (type === FRAME.headers) {
      block.find(bytes, at, end);
      const read = decoder.read(block.bytes, block.from, block.to, list);
      const fields = Array.from({ length: list.count }, (_, i) => `${list.nameOf(i)}=${list.valueOf(i)}`);
      said.push(`${stream} HEADERS ${read === 0 ? fields.filter((field) => !/^:(scheme|authority)=/.test(field)).join(' ') : 'BROKEN'}${ends}`);
    } else if (type === FRAME.data) said.push(`${stream} DATA ${length}${ends}`);
    else if (type === FRAME.settings) said.push((flags & FLAG.ack) !== 0 ? 'ACK' : 'SETTINGS');
    else if (type === FRAME.rst) said.push(`${stream} RST ${word}`);
    else if (type === FRAME.windowUpdate) said.push(`${stream} WINDOW ${word}`);
    else if (type === FRAME.goaway) said.push(`GOAWAY ${word}`);
    else said.push(`${stream} TYPE ${type}`);
    at = end;
  }
  return said;
}
