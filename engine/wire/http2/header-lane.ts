import { HeaderBlock } from './header-block.ts';
import type { HeaderList } from './header-list.ts';
import { BLOCK, HpackDecoder } from './hpack-decoder.ts';
import { encodeList } from './hpack-encoder.ts';

const block = new HeaderBlock();

/**
 * The header blocks of one direction: read as they come, because each one changes the table that the next refers to. From
 * the first that does not reach the other end as it stands, all are written anew, without a table.
 */
export class HeaderLane {
  /** The table of the receiver is not that of the sender any more. */
  diverged = false;
  readonly #decoder = new HpackDecoder();
  /** Sizes that the sender announced and the receiver has not heard of: the smallest and the last; -1 = none. */
  #smallest = -1;
  #last = -1;

  /** Reads the block of the frames in bytes[start, end) into `list`; without one it is only followed. Returns a BLOCK. */
  read(bytes: Buffer, start: number, end: number, list: HeaderList | undefined): number {
    if (!block.find(bytes, start, end)) return BLOCK.broken;
    const decoder = this.#decoder;
    const read = list === undefined ? decoder.follow(block.bytes, block.from, block.to) : decoder.read(block.bytes, block.from, block.to, list);
    if (this.diverged) this.#announce();
    return read;
  }
  /** The block just read does not go on, nor what it says of the table. */
  diverge(): void {
    if (this.diverged) return;
    this.diverged = true;
    this.#announce();
  }
  /** The fields for the receiver. */
  write(list: HeaderList): Buffer {
    const written = encodeList(list, this.#smallest, this.#last);
    this.#smallest = this.#last = -1;
    return written;
  }
  #announce(): void {
    const { smallest, last } = this.#decoder;
    if (last < 0) return;
    this.#smallest = this.#smallest < 0 ? smallest : Math.min(this.#smallest, smallest);
    this.#last = last;
  }
}
