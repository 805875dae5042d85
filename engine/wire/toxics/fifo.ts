/** Taken items after which the place that they had is given back. */
const SPARE = 1_024;

/** First in, first out. Array.shift moves all that is behind it once an array is long: 65,000 pieces of one read stopped their thread for seconds. */
export class Fifo<Item> {
  #items: (Item | undefined)[] = [];
  #taken = 0;

  get length(): number {
    return this.#items.length - this.#taken;
  }
  /** The oldest. */
  get first(): Item | undefined {
    return this.#items[this.#taken];
  }
  push(item: Item): void {
    this.#items.push(item);
  }
  /** Takes the oldest out. */
  shift(): void {
    if (this.#taken === this.#items.length) return;
    this.#items[this.#taken++] = undefined;
    if (this.#taken < SPARE || this.#taken * 2 < this.#items.length) return;
    this.#items = this.#items.slice(this.#taken);
    this.#taken = 0;
  }
  /** Takes all out. */
  clear(): void {
    this.#items = [];
    this.#taken = 0;
  }
  *[Symbol.iterator](): Generator<Item> {
    for (let at = this.#taken; at < this.#items.length; at++) yield this.#items[at] as Item;
  }
}
