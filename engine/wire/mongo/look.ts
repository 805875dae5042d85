import { Command } from './command.ts';
import { COMPRESSED_HEAD, type Header, HEADER, LEAST, LONGEST, OP } from './header.ts';
import { unpack } from './unpack.ts';

/**
 * Bytes of one message that are read at most to find its name, and held back at most: a whole block of zstd (128 KiB) and
 * what stands before it. What of a command is not in them is not known.
 */
export const LOOK = 135_168;
/** Packed bytes that are tried first: most commands end within them, however much data follows. */
const FIRST_LOOK = 4_096;

/** Looks into messages of the client for their command, however they are packed. */
export class Look {
  /** The one that was read last. */
  readonly command = new Command();

  /** How many bytes of the message at `at` must be there: its command, not the data that follows. 0: there is no command. */
  wanted({ opCode, length }: Header, bytes: Buffer, at: number, end: number): number {
    if (opCode === OP.compressed) return Math.min(length, LOOK);
    if (opCode !== OP.msg) return 0;
    const first = at + LEAST;
    if (length <= LEAST + 5) return length;
    if (end - first < 5) return LEAST + 5;
    const wanted = bytes[first] === 0 ? LEAST + 1 + Math.max(0, bytes.readInt32LE(first + 1)) : length;
    return Math.min(wanted, length, LOOK);
  }

  /** Reads the command of the message at `at`; false when it has none that can be seen. */
  read({ opCode, length, word }: Header, bytes: Buffer, at: number, end: number): boolean {
    const there = Math.min(end, at + length);
    if (opCode === OP.msg) return this.command.read(bytes, at + HEADER, there);
    if (opCode !== OP.compressed || word !== OP.msg || there - at <= COMPRESSED_HEAD) return false;
    // What it claims to become is no reason to make room for it.
    const size = Math.min(LONGEST, bytes.readInt32LE(at + HEADER + 4));
    const compressor = bytes[at + COMPRESSED_HEAD - 1] as number;
    const packed = bytes.subarray(at + COMPRESSED_HEAD, there);
    if (packed.length > FIRST_LOOK && this.#unpacked(compressor, packed.subarray(0, FIRST_LOOK), size) && this.command.whole) return true;
    return this.#unpacked(compressor, packed, size);
  }
  #unpacked(compressor: number, packed: Buffer, size: number): boolean {
    const body = unpack(compressor, packed, size);
    return body !== undefined && this.command.read(body, 0, body.length);
  }
}
