/** Requests that are remembered at most; a client that has more unanswered does not wait for its answers. */
const MOST = 4_096;

/** The requests that went upstream and are not answered yet, oldest first, by the numbers that their clients gave them. */
export class Pending {
  #ids = new Int32Array(8);
  /** 1 where it is not known whether the request will be answered at all. */
  #unsure = new Uint8Array(8);
  #first = 0;
  #count = 0;

  add(id: number, unsure: boolean): void {
    if (this.#count === MOST) this.#drop(1);
    if (this.#count === this.#ids.length) this.#grow();
    const at = (this.#first + this.#count++) % this.#ids.length;
    this.#ids[at] = id;
    this.#unsure[at] = unsure ? 1 : 0;
  }
  /**
   * An answer to `id` is complete. Servers answer in order, so what was asked before it will not be answered any more.
   * `next`: the answer was one of several, and the next one will refer to this number.
   */
  answered(id: number, next: number | undefined): void {
    for (let i = 0; i < this.#count; i++) {
      const at = (this.#first + i) % this.#ids.length;
      if (this.#ids[at] !== id) continue;
      this.#drop(next === undefined ? i + 1 : i);
      if (next === undefined) return;
      this.#ids[this.#first] = next;
      this.#unsure[this.#first] = 0;
      return;
    }
  }
  get none(): boolean {
    return this.#count === 0;
  }
  /** Something will be answered. */
  get sure(): boolean {
    for (let i = 0; i < this.#count; i++) if (this.#unsure[(this.#first + i) % this.#ids.length] === 0) return true;
    return false;
  }

  #drop(count: number): void {
    this.#first = (this.#first + count) % this.#ids.length;
    this.#count -= count;
  }
  #grow(): void {
    const length = this.#ids.length;
    const order = Array.from({ length }, (_, i) => (this.#first + i) % length);
    const ids = new Int32Array(length * 2);
    const unsure = new Uint8Array(length * 2);
    order.forEach((at, i) => {
      ids[i] = this.#ids[at] as number;
      unsure[i] = this.#unsure[at] as number;
    });
    this.#ids = ids;
    this.#unsure = unsure;
    this.#first = 0;
  }
}
