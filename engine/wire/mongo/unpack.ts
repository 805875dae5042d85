import { constants, inflateSync, zstdDecompressSync } from 'node:zlib';

/** Numbers of the compressors (MongoDB Wire Protocol, "OP_COMPRESSED"). */
export const COMPRESSOR = { noop: 0, snappy: 1, zlib: 2, zstd: 3 } as const;

/**
 * Unpacks what of a compressed message is there: all of it when `packed` is complete, else as much as can be known.
 * @param most bytes that may come out; with more the message is given up.
 * @returns undefined for what is damaged, too large, or packed by a compressor that is not known.
 */
export function unpack(compressor: number, packed: Uint8Array, most: number): Buffer | undefined {
  try {
    switch (compressor) {
      case COMPRESSOR.noop:
        return packed.length > most ? undefined : Buffer.from(packed.buffer, packed.byteOffset, packed.length);
      case COMPRESSOR.snappy:
        return unsnappy(packed, most);
      case COMPRESSOR.zlib:
        // Flushed at the end, so that a message that is cut short yields what it has; as with zstd below.
        return inflateSync(packed, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: Math.max(1, most) });
      case COMPRESSOR.zstd:
        return zstdDecompressSync(packed, { finishFlush: constants.ZSTD_e_flush, maxOutputLength: Math.max(1, most) });
      default:
        return undefined;
    }
  } catch {
    return undefined;
  }
}

/** Snappy's block format (google/snappy, format_description.txt), as far as the bytes go. */
function unsnappy(packed: Uint8Array, most: number): Buffer | undefined {
  let at = 0;
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = packed[at++];
    if (byte === undefined || shift > 28) return undefined;
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  if (length > most) return undefined;
  // No three bytes make more than 64, so what is missing of a message that is cut short takes no room.
  const out = Buffer.allocUnsafe(Math.min(length, packed.length * 22));
  let to = 0;
  while (at < packed.length && to < out.length) {
    const tag = packed[at++] as number;
    const kind = tag & 3;
    const extra = kind === 0 ? Math.max(0, (tag >> 2) - 59) : kind === 3 ? 4 : kind;
    if (at + extra > packed.length) break;
    let number = 0;
    for (let i = 0; i < extra; i++) number += (packed[at + i] as number) * 2 ** (8 * i);
    at += extra;
    if (kind === 0) {
      const size = (extra === 0 ? tag >> 2 : number) + 1;
      const there = Math.min(size, packed.length - at, out.length - to);
      out.set(packed.subarray(at, at + there), to);
      to += there;
      at += there;
      continue;
    }
    const size = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
    const offset = kind === 1 ? number + (tag >> 5) * 256 : number;
    if (offset === 0 || offset > to) return undefined;
    // Byte by byte, because a copy may overlap what it makes.
    for (let i = 0; i < size && to < out.length; i++, to++) out[to] = out[to - offset] as number;
  }
  return out.subarray(0, to);
}
