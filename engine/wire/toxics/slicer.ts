import { type Chunk, QueueStage } from './stage.ts';
import { die } from './spec.ts';

const ROOM = 65_536;

/** Bytes arrive in pieces of `averageSize`, give or take `sizeVariation`, each `pause` after the one before. */
export class Slicer extends QueueStage {
  protected readonly room = ROOM;
  #index = 0;
  #free = 0;

  protected dueOf(): number {
    return 0;
  }
  override take(bytes: Uint8Array, owned: boolean): void {
    const { averageSize, sizeVariation } = this.toxic;
    if (bytes.length - averageSize <= sizeVariation && this.queue.length === 0) this.#keep(bytes, owned);
    else {
      const own = owned ? bytes : Buffer.from(bytes);
      for (let at = 0; at < own.length;) {
        const size = Math.min(own.length - at, this.#size());
        this.#keep(own.subarray(at, at + size), true);
        at += size;
      }
      this.count('hits');
      this.acted('latency');
    }
    this.pump();
  }
  #size(): number {
    const { averageSize, sizeVariation } = this.toxic;
    if (sizeVariation === 0) return averageSize;
    return Math.max(1, averageSize + Math.round((2 * die(this.toxic, this.held.number, this.#index++) - 1) * sizeVariation));
  }
  #keep(bytes: Uint8Array, owned: boolean): void {
    const now = performance.now();
    const due = Math.max(now, this.#free);
    this.#free = due + this.toxic.pause;
    this.keep(bytes, owned, now, due);
  }
  protected override passed({ bytes }: Chunk): void {
    this.count('timed');
    this.count('amount', bytes.length);
  }
}
