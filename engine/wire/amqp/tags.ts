/** What became of the message with a tag. */
export const TAG = { open: 0, settled: 1, withheld: 2 } as const;
const FIRST_SIZE = 16;

/**
 * Messages of one channel that wait to be settled, oldest first. Each has a number at the client's end and one at the
 * broker's: they differ from the first message on that was withheld from one of them. A ring that grows by doubling;
 * nothing is allocated per message. Indices count from 0, the oldest.
 */
export class Tags {
  #client = new Float64Array(0);
  #broker = new Float64Array(0);
  #state = new Uint8Array(0);
  #head = 0;
  size = 0;

  /** Both numbers must not be below the ones pushed before; a withheld message has the last number that the other end knows. */
  push(client: number, broker: number, state: number = TAG.open): void {
    if (this.size === this.#state.length) this.#grow();
    const at = this.#at(this.size++);
    this.#client[at] = client;
    this.#broker[at] = broker;
    this.#state[at] = state;
  }
  client(index: number): number {
    return this.#client[this.#at(index)] as number;
  }
  broker(index: number): number {
    return this.#broker[this.#at(index)] as number;
  }
  state(index: number): number {
    return this.#state[this.#at(index)] as number;
  }
  /** Where the message with this number at the client's end is, or -1 when there is none that waits. */
  byClient(tag: number): number {
    return this.#find(this.#client, tag);
  }
  /** The same by the broker's number; never a withheld one. */
  byBroker(tag: number): number {
    return this.#find(this.#broker, tag);
  }
  /** The last whose number at the broker's end is not above this, whatever became of it; -1 when there is none. */
  upToBroker(tag: number): number {
    const after = this.#bound(this.#broker, tag + 1);
    return after - 1;
  }
  /** The youngest that waits, or -1. */
  youngest(): number {
    for (let index = this.size - 1; index >= 0; index--) if (this.state(index) === TAG.open) return index;
    return -1;
  }
  settle(index: number): void {
    this.#state[this.#at(index)] = TAG.settled;
    while (this.size > 0 && this.#state[this.#head] === TAG.settled) this.shift();
  }
  /** All up to this index. */
  settleUpTo(index: number): void {
    for (let n = index + 1; n > 0; n--) this.shift();
    while (this.size > 0 && this.#state[this.#head] === TAG.settled) this.shift();
  }
  /** Lets go of the oldest. */
  shift(): void {
    this.#head = this.#at(1);
    this.size--;
  }
  clear(): void {
    this.#head = this.size = 0;
  }

  #at(index: number): number {
    return (this.#head + index) & (this.#state.length - 1);
  }
  /** Of several with the same number, those behind the first were withheld. */
  #find(tags: Float64Array, tag: number): number {
    const index = this.#bound(tags, tag);
    return index < this.size && tags[this.#at(index)] === tag && this.state(index) === TAG.open ? index : -1;
  }
  /** The first whose number is not below. Most are settled in order, so the oldest is looked at first. */
  #bound(tags: Float64Array, tag: number): number {
    let low = 0;
    let high = this.size > 0 && (tags[this.#head] as number) >= tag ? 0 : this.size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((tags[this.#at(middle)] as number) < tag) low = middle + 1;
      else high = middle;
    }
    return low;
  }
  #grow(): void {
    const length = Math.max(FIRST_SIZE, this.#state.length * 2);
    const [client, broker, state] = [new Float64Array(length), new Float64Array(length), new Uint8Array(length)];
    for (let index = 0; index < this.size; index++) {
      client[index] = this.client(index);
      broker[index] = this.broker(index);
      state[index] = this.state(index);
    }
    [this.#client, this.#broker, this.#state, this.#head] = [client, broker, state, 0];
  }
}
