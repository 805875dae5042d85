import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import lz4 from 'lz4js';
import snappy from 'snappyjs';
import { Malformed } from './primitives.ts';

/** Most bytes that one batch may hold when it is taken apart; a larger one passes as it is. */
export const MAX_INFLATED = 64 * 1_048_576;

/** The compression of a batch: the lowest three bits of its attributes. */
export const CODEC_BITS = 0x07;

/** What snappy-java puts in front of its blocks; each has its length before it. */
const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEAD = XERIAL.length + 8;

/** The records of a batch as they were before they were compressed. Throws Malformed. */
export function inflated(codec: number, bytes: Buffer): Buffer {
  try {
    switch (codec) {
      case 0:
        return bytes;
      case 1:
        return gunzipSync(bytes, { maxOutputLength: MAX_INFLATED });
      case 2:
        return fromSnappy(bytes);
      case 3:
        return fromLz4(bytes);
      case 4:
        return zstdDecompressSync(bytes, { maxOutputLength: MAX_INFLATED });
    }
  } catch (error) {
    throw new Malformed(`a batch cannot be decompressed: ${error instanceof Error ? error.message : String(error)}`);
  }
  throw new Malformed(`a batch is compressed in a way that is not known (${codec})`);
}

function fromSnappy(bytes: Buffer): Buffer {
  if (bytes.length < XERIAL_HEAD || !bytes.subarray(0, XERIAL.length).equals(XERIAL)) return view(snappy.uncompress(bytes, MAX_INFLATED));
  const blocks: Buffer[] = [];
  let total = 0;
  for (let at = XERIAL_HEAD; at + 4 <= bytes.length; ) {
    const length = bytes.readInt32BE(at);
    at += 4;
    if (length < 0 || length > bytes.length - at) throw new Malformed('a block of snappy is longer than the batch');
    const block = view(snappy.uncompress(bytes.subarray(at, at + length), MAX_INFLATED));
    total += block.length;
    if (total > MAX_INFLATED) throw new Malformed('a batch is larger than may be taken apart');
    blocks.push(block);
    at += length;
  }
  return Buffer.concat(blocks, total);
}

function fromLz4(bytes: Buffer): Buffer {
  const bound = lz4.decompressBound(bytes);
  if (!(bound >= 0 && bound <= MAX_INFLATED)) throw new Malformed('a batch is larger than may be taken apart');
  return view(lz4.decompress(bytes, bound));
}

const view = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
