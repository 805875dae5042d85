/** So many prepared statements of one connection are remembered, and so many bytes of their text. */
const MOST = 4_096;
const MOST_BYTES = 1_048_576;

/**
 * Prepared statements by what their client calls them. Bounded: beyond the limits the one that was not used for the longest
 * time is forgotten, as the pools of clients do it too.
 */
export class Remembered<Key, Statement extends { readonly size: number }> {
  readonly #all = new Map<Key, Statement>();
  #bytes = 0;

  get(key: Key): Statement | undefined {
    const statement = this.#all.get(key);
    // The order counts only when something may soon be forgotten.
    if (statement !== undefined && (this.#all.size > MOST / 2 || this.#bytes > MOST_BYTES / 2)) {
      this.#all.delete(key);
      this.#all.set(key, statement);
    }
    return statement;
  }
  set(key: Key, statement: Statement): void {
    this.delete(key);
    this.#all.set(key, statement);
    this.#bytes += statement.size;
    for (const oldest of this.#all.keys()) {
      if (this.#all.size <= MOST && this.#bytes <= MOST_BYTES) return;
      this.delete(oldest);
    }
  }
  delete(key: Key): void {
    this.#bytes -= this.#all.get(key)?.size ?? 0;
    this.#all.delete(key);
  }
  clear(): void {
    this.#all.clear();
    this.#bytes = 0;
  }
}
