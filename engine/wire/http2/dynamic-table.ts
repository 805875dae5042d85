/** Octets that an entry counts beyond its name and value (RFC 7541, 4.1). */
const OVERHEAD = 32;
/** Before anything else is agreed on (RFC 9113, 6.5.2). */
export const DEFAULT_TABLE = 4_096;
/** A larger table is not followed: nobody needs one, and each connection would have to keep it. */
export const MAX_TABLE = 1_048_576;

/**
 * The dynamic table of one direction (RFC 7541, 2.3.2): texts in one buffer, the newest last, moved to its front when the
 * buffer is full. Takes no memory until the first entry.
 */
export class DynamicTable {
  bytes: Buffer = Buffer.alloc(0);
  /** How many entries there are. */
  count = 0;
  /** Octets that may be used, and that are. */
  limit = DEFAULT_TABLE;
  #size = 0;
  /** A ring of entries: start, end of the name, end of the value. */
  #ring = new Int32Array(0);
  #oldest = 0;
  #end = 0;

  /** Where entry `index` (0 = the newest) lies in `bytes`; meant for an index below `count`. */
  start(index: number): number {
    return this.#ring[this.#slot(index)] as number;
  }
  nameEnd(index: number): number {
    return this.#ring[this.#slot(index) + 1] as number;
  }
  valueEnd(index: number): number {
    return this.#ring[this.#slot(index) + 2] as number;
  }
  #slot(index: number): number {
    return ((this.#oldest + this.count - 1 - index) % (this.#ring.length / 3)) * 3;
  }

  /** False when the size is one that is not followed. */
  resize(limit: number): boolean {
    if (limit > MAX_TABLE) return false;
    this.limit = limit;
    this.#evict(0);
    return true;
  }

  /** Adds a name and a value that lie one behind the other in `from`, which is not the table itself. */
  add(from: Buffer, start: number, nameEnd: number, valueEnd: number): void {
    const length = valueEnd - start;
    if (length + OVERHEAD > this.limit) {
      // RFC 7541, 4.4: too large for the table empties it.
      this.#evict(this.limit);
      return;
    }
    this.#evict(length + OVERHEAD);
    const at = this.#room(length);
    from.copy(this.bytes, at, start, valueEnd);
    if ((this.count + 1) * 3 > this.#ring.length) this.#grow();
    const slot = ((this.#oldest + this.count) % (this.#ring.length / 3)) * 3;
    this.#ring[slot] = at;
    this.#ring[slot + 1] = at + nameEnd - start;
    this.#ring[slot + 2] = at + length;
    this.count++;
    this.#size += length + OVERHEAD;
    this.#end = at + length;
  }

  /** Lets the oldest go until there is room for so many octets. */
  #evict(room: number): void {
    while (this.count > 0 && this.#size + room > this.limit) {
      const slot = this.#oldest * 3;
      this.#size -= (this.#ring[slot + 2] as number) - (this.#ring[slot] as number) + OVERHEAD;
      this.#oldest = (this.#oldest + 1) % (this.#ring.length / 3);
      this.count--;
    }
  }
  /** Where a text of this length goes: behind the newest, after moving what is live to the front when need be. */
  #room(length: number): number {
    if (this.#end + length <= this.bytes.length) return this.#end;
    const first = this.count === 0 ? this.#end : (this.#ring[this.#oldest * 3] as number);
    const live = this.#end - first;
    // Twice the live text, so that moving stays rare.
    const wanted = Math.min(Math.max(1_024, (live + length) * 2), this.limit * 2);
    const target = wanted > this.bytes.length ? Buffer.allocUnsafeSlow(wanted) : this.bytes;
    this.bytes.copy(target, 0, first, this.#end);
    this.bytes = target;
    for (let i = 0; i < this.count; i++) {
      const slot = ((this.#oldest + i) % (this.#ring.length / 3)) * 3;
      for (let part = slot; part < slot + 3; part++) this.#ring[part] = (this.#ring[part] as number) - first;
    }
    this.#end = live;
    return live;
  }
  #grow(): void {
    const grown = new Int32Array(Math.max(48, this.#ring.length * 2));
    for (let i = 0; i < this.count; i++) {
      const slot = ((this.#oldest + i) % (this.#ring.length / 3)) * 3;
      grown.set(this.#ring.subarray(slot, slot + 3), i * 3);
    }
    this.#ring = grown;
    this.#oldest = 0;
  }
}
