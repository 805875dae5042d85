import { STEP } from '../codec.ts';
import { HEADER, lengthAt, MAX_PAYLOAD } from './protocol.ts';

/** The command's byte and the number of a prepared statement: so much of a payload must be there before it is told. */
const HEAD = 5;

/**
 * Finds the messages of the client: commands, and what else it sends when it is asked to. A message of 16 MiB and more
 * spans several packets. Copies nothing: what is incomplete the caller brings again from `position` on.
 */
export class CommandScanner {
  /** Where the next step goes on. */
  position = 0;
  /** Where the message that `head` told begins, and its payload. */
  start = 0;
  at = 0;
  /** Length of its first packet's payload. */
  length = 0;
  /** Of the packet that was seen last: an answer counts on from it. */
  sequence = 0;
  /** The first byte of the payload; -1 when it is empty. */
  code = -1;
  #within = false;
  #rest = 0;
  #continues = false;

  /** Between messages. */
  get idle(): boolean {
    return !this.#within;
  }
  /** Whether more packets belong to the message. */
  get split(): boolean {
    return this.#continues;
  }
  /** Scans bytes[at, end) up to the next head or end of a message. */
  step(bytes: Uint8Array, at: number, end: number): number {
    let from = at;
    while (this.#within) {
      const taken = Math.min(this.#rest, end - from);
      this.#rest -= taken;
      from += taken;
      this.position = from;
      if (this.#rest > 0) return STEP.more;
      if (!this.#continues) {
        this.#within = false;
        return STEP.end;
      }
      if (end - from < HEADER) return STEP.more;
      this.#packet(bytes, from);
      from += HEADER;
    }
    this.position = from;
    if (end - from < HEADER) return STEP.more;
    const length = lengthAt(bytes, from);
    if (end - from - HEADER < Math.min(length, HEAD)) return STEP.more;
    this.#packet(bytes, from);
    this.start = from;
    this.at = this.position = from + HEADER;
    this.length = length;
    this.code = length === 0 ? -1 : (bytes[this.at] as number);
    this.#within = true;
    return STEP.head;
  }
  /** The head was not enough: it is to be told again once more is there. */
  rewind(): void {
    this.#within = this.#continues = false;
    this.#rest = 0;
    this.position = this.start;
  }
  #packet(bytes: Uint8Array, at: number): void {
    this.#rest = lengthAt(bytes, at);
    this.#continues = this.#rest === MAX_PAYLOAD;
    this.sequence = bytes[at + 3] as number;
  }
}
