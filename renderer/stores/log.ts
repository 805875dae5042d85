/**
 * A list that only grows at its end and forgets its beginning: changed in place, so that thousands of lines a second
 * cost no copies. Who shows it listens, and is told at most once per screen refresh.
 */
export class Log<T> {
  readonly #limit: number;
  readonly #listeners = new Set<() => void>();
  #items: T[] = [];
  #total = 0;
  #version = 0;
  #told = 0;

  /** @param limit how many of the newest are kept. */
  constructor(limit: number) {
    this.#limit = limit;
  }
  push(...items: readonly T[]): void {
    this.#items.push(...items);
    this.#total += items.length;
    // Cut in large steps: shifting an array of thousands at each push would cost more than the push.
    if (this.#items.length > this.#limit * 1.25) this.#items.splice(0, this.#items.length - this.#limit);
    this.#changed();
  }
  clear(): void {
    this.#items = [];
    this.#changed();
  }
  /** The newest `limit`, oldest first. Valid until the next push: do not keep it. */
  get items(): readonly T[] {
    return this.#items;
  }
  /** How many were ever pushed: whoever has read up to here asks `since` for the rest. */
  get total(): number {
    return this.#total;
  }
  /** What was pushed after the first `total`, as far as it is still kept. A copy. */
  since(total: number): readonly T[] {
    const fresh = this.#total - total;
    return fresh <= 0 ? [] : this.#items.slice(-fresh);
  }
  /** For useSyncExternalStore: rises when listeners are told. */
  readonly version = (): number => this.#version;
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  #changed(): void {
    if (this.#told !== 0) return;
    this.#told = requestAnimationFrame(() => {
      this.#told = 0;
      this.#version++;
      for (const listener of this.#listeners) listener();
    });
  }
}
