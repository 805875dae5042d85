import type { Refused } from './refusals.ts';

/** Words of an entry. */
const WIDTH = 3;

/**
 * The requests of one connection that wait for their answers, oldest first: a broker answers in order. A ring of plain numbers that
 * grows by doubling; what is rare stands beside it.
 */
export class InFlight {
  #ring = new Int32Array(16 * WIDTH);
  #first = 0;
  #count = 0;
  readonly #refused = new Map<number, Refused>();

  get count(): number {
    return this.#count;
  }
  push(correlation: number, key: number, version: number, refused?: Refused): void {
    if ((this.#count + 1) * WIDTH > this.#ring.length) this.#grow();
    const at = this.#place(this.#count);
    this.#ring[at] = correlation;
    this.#ring[at + 1] = key;
    this.#ring[at + 2] = version;
    if (refused !== undefined) this.#refused.set(correlation, refused);
    this.#count++;
  }
  /**
   * Makes the request with this correlation id the oldest, and says whether there is one: those before it are not answered any more.
   */
  seek(correlation: number): boolean {
    for (let i = 0; i < this.#count; i++) {
      if (this.#ring[this.#place(i)] !== correlation) continue;
      for (let j = 0; j < i; j++) this.shift();
      return true;
    }
    return false;
  }
  get correlation(): number {
    return this.#ring[this.#place(0)] as number;
  }
  get key(): number {
    return this.#ring[this.#place(0) + 1] as number;
  }
  get version(): number {
    return this.#ring[this.#place(0) + 2] as number;
  }
  get refused(): Refused | undefined {
    return this.#refused.size === 0 ? undefined : this.#refused.get(this.correlation);
  }
  /** The oldest is answered. */
  shift(): void {
    if (this.#count === 0) return;
    if (this.#refused.size > 0) this.#refused.delete(this.correlation);
    this.#first = (this.#first + 1) % (this.#ring.length / WIDTH);
    this.#count--;
  }
  clear(): void {
    this.#count = 0;
    this.#refused.clear();
  }

  #place(index: number): number {
    return ((this.#first + index) % (this.#ring.length / WIDTH)) * WIDTH;
  }
  #grow(): void {
    const grown = new Int32Array(this.#ring.length * 2);
    for (let i = 0; i < this.#count; i++) {
      const at = this.#place(i);
      grown.set(this.#ring.subarray(at, at + WIDTH), i * WIDTH);
    }
    this.#ring = grown;
    this.#first = 0;
  }
}
