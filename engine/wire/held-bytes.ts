const NONE = Buffer.alloc(0);

/** Bytes that cannot be passed on or read yet, in order. Grows by doubling, so that a byte at a time stays cheap. */
export class HeldBytes {
  #bytes: Buffer = NONE;
  length = 0;

  append(bytes: Uint8Array, start: number, end: number): void {
    const needed = this.length + end - start;
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2, 1_024));
      this.#bytes.copy(grown, 0, 0, this.length);
      this.#bytes = grown;
    }
    this.#bytes.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), this.length);
    this.length = needed;
  }
  /** What is held, for looking at. */
  peek(): Buffer {
    return this.#bytes;
  }
  /** Has all that is held read again, and lets go of the bytes that are done with, of which `read` returns the number. */
  reread(read: (bytes: Buffer, length: number) => number): void {
    const [bytes, length] = [this.#bytes, this.length];
    const done = read(bytes, length);
    if (done === 0) return;
    this.take();
    if (done < length) this.append(bytes, done, length);
  }
  /** Hands the bytes over; the buffer is the caller's from now on, because a write may keep it. */
  take(): Buffer {
    const bytes = this.#bytes.subarray(0, this.length);
    this.#bytes = NONE;
    this.length = 0;
    return bytes;
  }
}
