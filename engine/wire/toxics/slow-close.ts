import { Stage } from './stage.ts';

/** Bytes pass; the end of the connection arrives `wait` later. */
export class SlowClose extends Stage {
  #pending: Disposable | undefined;

  take(bytes: Uint8Array, owned: boolean): void {
    this.next.take(bytes, owned);
  }
  override end(): void {
    if (this.#pending !== undefined) return;
    const since = performance.now();
    const { timer } = this.held;
    const alarm = timer.after(this.toxic.wait, () => {
      this.#pending = undefined;
      const took = performance.now() - since;
      this.timed(took);
      this.acted('latency', took);
      this.next.end();
    });
    this.#pending = { [Symbol.dispose]: () => timer.cancel(alarm) };
  }
  override release(): void {
    const pending = this.#pending !== undefined;
    this.dispose();
    if (pending) this.next.end();
  }
  override dispose(): void {
    this.#pending?.[Symbol.dispose]();
    this.#pending = undefined;
  }
}
