import { later } from '../../kernel/precise-timer.ts';
import { type Chunk, QueueStage } from './stage.ts';

/** Milliseconds between two portions: short enough to look steady, long enough to cost next to nothing. */
const TICK = 20;
/** Bytes that wait at most: four portions, within these bounds. */
const LEAST_ROOM = 32_768;
const MOST_ROOM = 4 * 1_048_576;

/**
 * At most `rate` bytes a millisecond go on; what is more waits, and beyond a bounded queue reading stops. An idle line saves
 * nothing up. A late timer is made good, a receiver that does not read is not.
 */
export class Bandwidth extends QueueStage {
  protected readonly room = Math.min(MOST_ROOM, Math.max(LEAST_ROOM, this.toxic.rate * TICK * 4));
  /** When the line has sent all that was passed on. */
  #free = 0;
  #blocked = false;
  #measured = 0;

  protected dueOf(now: number): number {
    if (this.kept === 0) this.#measured = this.#free = Math.max(this.#free, now);
    return now;
  }
  protected override passDue(): void {
    const { rate } = this.toxic;
    const now = performance.now();
    if (this.next.full) {
      this.#blocked = this.kept > 0;
      return;
    }
    if (this.#blocked) {
      this.#measured = this.#free = Math.max(this.#free, now - TICK);
      this.#blocked = false;
    }
    let allowed = Math.floor((now - this.#free) * rate);
    let sent = 0;
    for (let head = this.queue.first; head !== undefined && allowed > 0; head = this.queue.first) {
      const size = Math.min(allowed, head.bytes.length);
      allowed -= size;
      sent += size;
      this.#send(head, size);
    }
    if (sent > 0) {
      this.#free += sent / rate;
      this.count('amount', sent);
      this.timed(now - this.#measured);
      this.#measured = now;
      this.acted('throttle');
    }
    if (this.kept === 0) return this.passEnd();
    this.ringAt(Math.max(now + 1, Math.min(now + TICK, this.#free + this.kept / rate)));
  }
  #send(head: Chunk, size: number): void {
    this.kept -= size;
    if (size === head.bytes.length) this.queue.shift();
    const piece = head.bytes.subarray(0, size);
    head.bytes = head.bytes.subarray(size);
    this.next.take(piece, true);
  }
  /** Whole milliseconds do: the account of the line is exact. */
  protected override alarm(due: number, ring: () => void): Disposable {
    return later(Math.ceil(due - performance.now()), ring);
  }
}
