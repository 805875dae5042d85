import { HEADER, lengthAt, MAX_PAYLOAD } from './protocol.ts';

/** So much of the payload of a packet is looked at: an OK packet up to its flags takes 23 bytes at most. */
export const LOOKED_AT_OF_PACKET = 32;

/**
 * Finds the packets of the server in a stream of bytes. A payload of 16 MiB and more spans several packets: it counts as
 * one. Copies nothing but a head that two reads share.
 */
export class PacketScanner {
  /** How much of the next packet's payload must be there before it is told. */
  want = LOOKED_AT_OF_PACKET;
  /** The packet that `step` found: its first bytes are bytes[at, at + available). */
  bytes: Uint8Array = NOTHING;
  at = 0;
  available = 0;
  /** Length of its payload; `MAX_PAYLOAD` stands for all that is longer. */
  length = 0;
  sequence = 0;
  /** Where its header begins in the bytes that `step` was given, or what is there of it: `at` when it began in earlier ones. */
  start = 0;
  /** Where the next step goes on. */
  position = 0;
  #rest = 0;
  #continues = false;
  #carry: Uint8Array = NOTHING;
  #carried = 0;

  /** Whether a packet has begun of which too little is there to be told. */
  get partial(): boolean {
    return this.#carried > 0;
  }
  /** Scans bytes[at, end) up to the head of the next packet. False: there is none that is complete. */
  step(bytes: Uint8Array, at: number, end: number): boolean {
    let from = at;
    if (this.#carried > 0) this.start = at;
    while (from < end) {
      if (this.#rest > 0) {
        const skipped = Math.min(this.#rest, end - from);
        this.#rest -= skipped;
        from += skipped;
      } else if (this.#carried > 0) {
        from += this.#fill(bytes, from, end);
        if (this.#carried === 0 && !this.#continuing) {
          this.position = from;
          return true;
        }
      } else if (end - from < HEADER || (!this.#continues && end - from - HEADER < this.#needed(lengthAt(bytes, from)))) {
        this.start = from;
        from += this.#fill(bytes, from, end);
      } else {
        const length = lengthAt(bytes, from);
        const continuing = this.#continues;
        this.#continues = length === MAX_PAYLOAD;
        this.#rest = length;
        this.start = from;
        from += HEADER;
        if (!continuing) {
          this.#found(bytes, from, length, bytes[from - 1] as number);
          this.position = from;
          return true;
        }
      }
    }
    this.position = end;
    return false;
  }
  #continuing = false;

  /** Adds to the head that began in earlier bytes; once it is complete nothing is carried any more. Returns how much it took. */
  #fill(bytes: Uint8Array, from: number, end: number): number {
    if (this.#carry.length < HEADER + this.want) this.#carry = new Uint8Array(HEADER + this.want);
    let at = from;
    for (;;) {
      const wanted = this.#carried < HEADER ? HEADER : this.#continues ? HEADER : HEADER + this.#needed(lengthAt(this.#carry, 0));
      if (this.#carried === wanted && this.#carried >= HEADER) break;
      const taken = Math.min(wanted - this.#carried, end - at);
      if (taken === 0) return at - from;
      this.#carry.set(bytes.subarray(at, at + taken), this.#carried);
      this.#carried += taken;
      at += taken;
    }
    const length = lengthAt(this.#carry, 0);
    this.#continuing = this.#continues;
    this.#rest = length - (this.#carried - HEADER);
    this.#continues = length === MAX_PAYLOAD;
    if (!this.#continuing) this.#found(this.#carry, HEADER, length, this.#carry[3] as number);
    this.#carried = 0;
    return at - from;
  }
  #needed(length: number): number {
    return Math.min(length, this.want);
  }
  #found(bytes: Uint8Array, at: number, length: number, sequence: number): void {
    this.bytes = bytes;
    this.at = at;
    this.length = length;
    this.available = this.#needed(length);
    this.sequence = sequence;
  }
}

const NOTHING = new Uint8Array(0);
