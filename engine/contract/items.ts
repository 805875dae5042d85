/** What a stream's reader has not taken yet. Each has one reader. */

interface Waiting<T> {
  resolve(result: IteratorResult<T>): void;
  reject(error: unknown): void;
}

abstract class Items<T> {
  #waiting: Waiting<T> | undefined;
  #state: 'open' | 'finished' | 'failed' = 'open';
  #error: unknown;

  /** Called with each item that arrives. */
  abstract push(item: T): void;
  protected abstract take(): { readonly item: T } | undefined;
  protected abstract drop(): void;

  /** No more will come; what has come is still given. */
  finish(): void {
    if (this.#state !== 'open') return;
    this.#state = 'finished';
    this.wake();
  }
  /** As finish, and then the reader's next turn throws. */
  fail(error: unknown): void {
    if (this.#state !== 'open') return;
    this.#state = 'failed';
    this.#error = error;
    this.wake();
  }
  /** The reader left: forgets what was not taken. */
  end(): void {
    this.drop();
    this.finish();
  }

  protected get open(): boolean {
    return this.#state === 'open';
  }
  protected wake(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    const taken = this.take();
    if (taken === undefined && this.#state === 'open') return;
    this.#waiting = undefined;
    if (taken !== undefined) return waiting.resolve({ done: false, value: taken.item });
    if (this.#state === 'failed') {
      // Thrown once; after that the stream is merely over, as with a generator.
      this.#state = 'finished';
      return waiting.reject(this.#error);
    }
    waiting.resolve({ done: true, value: undefined });
  }

  /** `leave` is called when the reader breaks out of its loop. */
  reader(leave: () => void): AsyncIterableIterator<T> {
    const iterator: AsyncIterableIterator<T> = {
      next: () =>
        new Promise((resolve, reject) => {
          this.#waiting = { resolve, reject };
          this.wake();
        }),
      return: async () => {
        leave();
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }
}

/** Keeps every item in order; says `more` each time the reader has taken another `batch`. */
export class ItemQueue<T> extends Items<T> {
  readonly #batch: number;
  readonly #more: (count: number) => void;
  #items: T[] = [];
  #taken = 0;

  constructor(batch: number, more: (count: number) => void) {
    super();
    this.#batch = batch;
    this.#more = more;
  }
  push(item: T): void {
    if (!this.open) return;
    this.#items.push(item);
    this.wake();
  }
  protected take(): { readonly item: T } | undefined {
    if (this.#items.length === 0) return undefined;
    const item = this.#items.shift() as T;
    if (++this.#taken === this.#batch) {
      this.#taken = 0;
      this.#more(this.#batch);
    }
    return { item };
  }
  protected drop(): void {
    this.#items = [];
  }
}

/** Keeps what was not taken as one item, made of all of them by `merge`, which sees to it that it does not grow. */
export class MergedItem<T> extends Items<T> {
  readonly #merge: (older: T, newer: T) => T;
  #waiting: { readonly item: T } | undefined;

  constructor(merge: (older: T, newer: T) => T) {
    super();
    this.#merge = merge;
  }
  push(item: T): void {
    if (!this.open) return;
    this.#waiting = { item: this.#waiting === undefined ? item : this.#merge(this.#waiting.item, item) };
    this.wake();
  }
  protected take(): { readonly item: T } | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    return waiting;
  }
  protected drop(): void {
    this.#waiting = undefined;
  }
}

/** Keeps the newest item only; says `more` on arrival, so that a busy reader costs the engine nothing. */
export class LatestItem<T> extends Items<T> {
  readonly #more: (count: number) => void;
  #newest: { readonly item: T } | undefined;

  constructor(more: (count: number) => void) {
    super();
    this.#more = more;
  }
  push(item: T): void {
    if (!this.open) return;
    this.#newest = { item };
    this.#more(1);
    this.wake();
  }
  protected take(): { readonly item: T } | undefined {
    const newest = this.#newest;
    this.#newest = undefined;
    return newest;
  }
  protected drop(): void {
    this.#newest = undefined;
  }
}
