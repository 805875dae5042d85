import type { Alarm } from '../../kernel/precise-timer.ts';
import { QueueStage } from './stage.ts';

const ROOM = 65_536;

/** The first bytes, or the end, do not get through: `wait` later both sides are reset. */
export class ResetPeer extends QueueStage {
  protected readonly room = ROOM;
  #alarm: Alarm | undefined;

  protected dueOf(): number {
    return Infinity;
  }
  override take(bytes: Uint8Array, owned: boolean): void {
    super.take(bytes, owned);
    this.#begin();
  }
  override end(): void {
    this.ended = true;
    this.#begin();
  }
  protected override passDue(): void {}
  override release(): void {
    this.#cancel();
    super.release();
  }
  override dispose(): void {
    this.#cancel();
    super.dispose();
  }
  #begin(): void {
    if (this.#alarm !== undefined) return;
    const since = performance.now();
    this.#alarm = this.held.timer.after(this.toxic.wait, () => {
      const took = performance.now() - since;
      this.timed(took);
      this.acted('drop', took);
      this.held.resetBoth();
    });
  }
  #cancel(): void {
    if (this.#alarm !== undefined) this.held.timer.cancel(this.#alarm);
    this.#alarm = undefined;
  }
}
