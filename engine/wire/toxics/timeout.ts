import type { Alarm } from '../../kernel/precise-timer.ts';
import { QueueStage, type Held } from './stage.ts';
import type { Toxic } from './spec.ts';

/** Bytes kept for the day on which the toxic is removed; beyond it the sender has to wait. */
const ROOM = 65_536;

/**
 * Nothing gets through. After `wait` the connection is ended; with 0 it stays silent until the toxic is removed, and then
 * goes on with what was kept. A sender that gives up meanwhile ends the connection.
 */
export class Timeout extends QueueStage {
  protected readonly room = ROOM;
  #alarm: Alarm | undefined;

  constructor(toxic: Toxic, held: Held) {
    super(toxic, held);
    const since = performance.now();
    if (toxic.wait === 0) return;
    this.#alarm = held.timer.after(toxic.wait, () => {
      const took = performance.now() - since;
      this.timed(took);
      this.#over(took);
    });
  }
  protected dueOf(): number {
    return Infinity;
  }
  protected override passDue(): void {}
  override take(bytes: Uint8Array, owned: boolean): void {
    super.take(bytes, owned);
    this.count('amount', bytes.length);
    if (this.toxic.wait === 0) this.acted('latency');
  }
  override end(): void {
    this.#over(0);
  }
  override release(): void {
    this.#cancel();
    super.release();
  }
  override dispose(): void {
    this.#cancel();
    super.dispose();
  }
  #over(took: number): void {
    this.acted('drop', took);
    this.held.finish();
  }
  #cancel(): void {
    if (this.#alarm !== undefined) this.held.timer.cancel(this.#alarm);
  }
}
