import { HeaderBlock } from './header-block.ts';
import type { HeaderList } from './header-list.ts';
import { BLOCK, HpackDecoder } from './hpack-decoder.ts';
import { announcing, encodeList } from './hpack-encoder.ts';

const block = new HeaderBlock();

/**
 * The header blocks of one direction: read as they come, because each one changes the table that the next refers to. From
 * the first that does not reach the other end as it stands, all are written anew, without a table.
 */
export class HeaderLane {
  /** The table of the receiver is not that of the sender any more. */
  diverged = false;
  #announced = false;
  readonly #decoder = new HpackDecoder();

  /** Reads the block of the frames in bytes[start, end) into `list`; without one it is only followed. Returns a BLOCK. */
  read(bytes: Buffer, start: number, end: number, list: HeaderList | undefined): number {
    if (!block.find(bytes, start, end)) return BLOCK.broken;
    return list === undefined ? this.#decoder.follow(block.bytes, block.from, block.to) : this.#decoder.read(block.bytes, block.from, block.to, list);
  }
  /** The block just read does not go on as it stands. */
  diverge(): void {
    this.diverged = true;
  }
  /**
   * The fields for the receiver. The first says that there is no table any more: whatever size the receiver sets from then
   * on, it waits for no announcement (RFC 7541, 4.2), which the sender would make in a block that may still be held back.
   */
  write(list: HeaderList): Buffer {
    const written = encodeList(list);
    if (this.#announced) return written;
    this.#announced = true;
    return announcing(0, written);
  }
}
