import { FLAG, FRAME, HEAD } from './frame.ts';

/** Octets of PRIORITY fields in HEADERS, and of the promised stream in PUSH_PROMISE (RFC 9113, 6.2 and 6.6). */
const PRIORITY = 5;
const PROMISED = 4;

/** Where the header block of a HEADERS or PUSH_PROMISE frame lies; one object for one block after the other. */
export class HeaderBlock {
  bytes: Buffer = Buffer.alloc(0);
  from = 0;
  to = 0;

  /** Finds the block of the frames in bytes[start, end). False: they are not what they should be. */
  find(bytes: Buffer, start: number, end: number): boolean {
    const length = lengthAt(bytes, start);
    const flags = bytes[start + 4] as number;
    this.bytes = bytes;
    this.from = start + HEAD;
    this.to = this.from + length;
    if ((flags & FLAG.padded) !== 0) {
      this.to -= length > 0 ? (bytes[this.from] as number) : 0;
      this.from += 1;
    }
    if (bytes[start + 3] === FRAME.push) this.from += PROMISED;
    else if ((flags & FLAG.priority) !== 0) this.from += PRIORITY;
    if (this.from > this.to) return false;
    if (start + HEAD + length < end) this.#join(start + HEAD + length, end);
    return true;
  }

  /** Whether the block begins with another size for the table (RFC 7541, 6.3). */
  announces(bytes: Buffer, start: number, end: number): boolean {
    return this.find(bytes, start, end) && this.from < this.to && ((this.bytes[this.from] as number) & 0xe0) === 0x20;
  }

  /** Adds the fragments of the CONTINUATION frames in [next, end). */
  #join(next: number, end: number): void {
    const parts = [this.bytes.subarray(this.from, this.to)];
    for (let at = next; at < end; at += HEAD + lengthAt(this.bytes, at)) {
      parts.push(this.bytes.subarray(at + HEAD, at + HEAD + lengthAt(this.bytes, at)));
    }
    this.bytes = Buffer.concat(parts);
    this.from = 0;
    this.to = this.bytes.length;
  }
}

const lengthAt = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
