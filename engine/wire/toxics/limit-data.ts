import { Stage } from './stage.ts';

/** After so many bytes in all the connection is ended. */
export class LimitData extends Stage {
  #passed = 0;
  #over = false;

  take(bytes: Uint8Array, owned: boolean): void {
    if (this.#over) return;
    const left = this.toxic.bytes - this.#passed;
    const taken = bytes.length < left ? bytes : bytes.subarray(0, left);
    this.#passed += taken.length;
    if (taken.length > 0) this.next.take(taken, owned);
    if (this.#passed < this.toxic.bytes) return;
    this.#over = true;
    this.count('amount', this.#passed);
    this.acted('drop');
    this.held.cutAfter();
    this.next.end();
  }
  override end(): void {
    if (!this.#over) this.next.end();
  }
}
