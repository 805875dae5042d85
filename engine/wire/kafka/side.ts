import { HeldBytes } from '../held-bytes.ts';
import { HOLD_LIMIT } from '../session.ts';
import type { Talk } from './talk.ts';

/** One direction of a connection, read message by message: what cannot be read yet, or stands behind a message that waits, is kept. */
export abstract class Side {
  protected readonly talk: Talk;
  readonly #held = new HeldBytes();
  /** So many bytes must be held before it is worth looking again. */
  protected need = 0;
  /** What is read will not be overwritten: it need not be copied to be kept. */
  protected owned = false;
  /** Bytes of the message under way that are still to pass. */
  protected passing = 0;
  #ended = false;

  constructor(talk: Talk) {
    this.talk = talk;
  }
  /** A message waits, and all behind it. */
  protected abstract get waits(): boolean;
  /** Returns how many of bytes[0, end) are done with; the rest is to be brought again with what follows. */
  protected abstract process(bytes: Buffer, end: number): number;
  /** No more will come: what is left goes on as it is, and the end behind it. */
  protected abstract finish(rest: Buffer): void;

  get full(): boolean {
    return this.waits && this.#held.length >= HOLD_LIMIT;
  }
  take(bytes: Buffer, length: number): void {
    if (this.waits || this.#held.length > 0) {
      this.#held.append(bytes, 0, length);
      this.#processHeld();
      return;
    }
    const consumed = this.#process(bytes, length, false);
    if (consumed < length) this.#held.append(bytes, consumed, length);
  }
  end(): void {
    this.#ended = true;
    if (!this.waits) this.finish(this.#held.take());
  }
  /** What waited has gone its way: the rest follows. */
  protected goOn(): void {
    this.#processHeld();
    if (this.waits || this.talk.link.closing) return;
    if (this.#ended) this.finish(this.#held.take());
    else this.talk.link.drained();
  }

  #processHeld(): void {
    if (this.waits || this.#held.length === 0 || this.#held.length < this.need) return;
    const bytes = this.#held.take();
    const consumed = this.#process(bytes, bytes.length, true);
    if (consumed < bytes.length) this.#held.append(bytes, consumed, bytes.length);
  }
  #process(bytes: Buffer, end: number, owned: boolean): number {
    this.owned = owned;
    // What was needed for one message is not what the next one needs.
    this.need = 0;
    return this.process(bytes, end);
  }
}
