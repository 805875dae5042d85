import { type Chunk, QueueStage } from './stage.ts';
import { die } from './spec.ts';

/** Bytes on their way at once: 16 MiB, so that a second of delay does not throttle below 16 MB/s. */
const ROOM = 16 * 1_048_576;

/** Everything arrives `latency` later, give or take `jitter`; order is kept, so a quick chunk waits for a slow one before it. */
export class Latency extends QueueStage {
  protected readonly room = ROOM;
  #index = 0;

  protected dueOf(now: number): number {
    const { latency, jitter } = this.toxic;
    return now + latency + (jitter === 0 ? 0 : (2 * die(this.toxic, this.held.number, this.#index++) - 1) * jitter);
  }
  protected override passed({ since }: Chunk): void {
    const took = performance.now() - since;
    this.timed(took);
    this.acted('latency', took);
  }
}
