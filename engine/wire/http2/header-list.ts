import type { Condition } from '../subject.ts';

/**
 * Most octets of a list that is kept, counted as RFC 9113, 6.5.2 does; servers allow 8 KB (nginx, gRPC) to 64 KB (Node).
 * A few bytes can stand for much more than that.
 */
const MAX_LIST = 262_144;
const OVERHEAD = 32;
/** Room for one more field, whatever the length of the list. */
const MAX_BYTES = 2_097_152;
const FIRST_SIZE = 2_048;

/**
 * A decoded list of header fields, in one buffer that is used again and again. Field i has its name at
 * [at[2i], at[2i + 1]) and its value at [at[2i + 1], at[2i + 2]).
 */
export class HeaderList {
  bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_SIZE);
  at = new Int32Array(64);
  count = 0;
  /** Which fields must never be put into a table (RFC 7541, 6.2.3): 1 at their number. */
  #secret = new Uint8Array(32);

  clear(): void {
    this.count = 0;
    this.at[0] = 0;
  }
  /** Where the next byte goes. */
  get end(): number {
    return this.at[this.count * 2] as number;
  }
  get tooLong(): boolean {
    return this.end + this.count * OVERHEAD > MAX_LIST;
  }
  /** Makes room behind `end`; false when that is absurd. */
  reserve(length: number): boolean {
    const needed = this.end + length;
    if (needed > MAX_BYTES) return false;
    if (needed > this.bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
      // Behind `end` a name may stand already whose value is still to come.
      this.bytes.copy(grown);
      this.bytes = grown;
    }
    return true;
  }
  /** The field whose name lies behind the last field, up to `nameEnd`, and its value up to `valueEnd`. */
  push(nameEnd: number, valueEnd: number, secret: boolean): void {
    const at = this.count * 2;
    if (at + 4 > this.at.length) {
      this.at = grow(this.at);
      this.#secret = growBytes(this.#secret);
    }
    this.at[at + 1] = nameEnd;
    this.at[at + 2] = valueEnd;
    this.#secret[this.count++] = secret ? 1 : 0;
  }
  isSecret(field: number): boolean {
    return this.#secret[field] === 1;
  }

  /** The number of the field with this name (in lower case), or -1. */
  find(name: string): number {
    for (let i = 0; i < this.count; i++) if (this.named(i, name)) return i;
    return -1;
  }
  named(field: number, name: string): boolean {
    const start = this.at[field * 2] as number;
    if ((this.at[field * 2 + 1] as number) - start !== name.length) return false;
    for (let i = 0; i < name.length; i++) if (this.bytes[start + i] !== name.charCodeAt(i)) return false;
    return true;
  }
  nameOf(field: number): string {
    return this.bytes.toString('latin1', this.at[field * 2], this.at[field * 2 + 1]);
  }
  valueOf(field: number): string {
    return field < 0 ? '' : this.bytes.toString('utf8', this.at[field * 2 + 1], this.at[field * 2 + 2]);
  }
  /** The value of the first field with this name; undefined when there is none. */
  get(name: string): string | undefined {
    const field = this.find(name);
    return field < 0 ? undefined : this.valueOf(field);
  }
  /** Whether the list has all these fields with exactly these values. What HTTP/1.1 calls `host` is `:authority` here. */
  carries(wanted: readonly Condition[]): boolean {
    return wanted.every(({ name, value }) => {
      const text = Buffer.from(name).toString('latin1');
      return this.#has(text, value) || (text === 'host' && this.#has(':authority', value));
    });
  }
  #has(name: string, value: Uint8Array): boolean {
    for (let i = 0; i < this.count; i++) {
      if (!this.named(i, name)) continue;
      const [start, end] = [this.at[i * 2 + 1] as number, this.at[i * 2 + 2] as number];
      if (this.bytes.subarray(start, end).equals(value)) return true;
    }
    return false;
  }
  /** Takes over the fields of another list. */
  copyFrom(other: HeaderList): this {
    this.clear();
    this.reserve(other.end);
    other.bytes.copy(this.bytes, 0, 0, other.end);
    if (this.at.length < other.at.length) this.at = new Int32Array(other.at.length);
    if (this.#secret.length < other.#secret.length) this.#secret = new Uint8Array(other.#secret.length);
    this.at.set(other.at.subarray(0, other.count * 2 + 1));
    this.#secret.set(other.#secret.subarray(0, other.count));
    this.count = other.count;
    return this;
  }
}

function grow(old: Int32Array): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(old.length * 2);
  grown.set(old);
  return grown;
}
function growBytes(old: Uint8Array): Uint8Array<ArrayBuffer> {
  const grown = new Uint8Array(old.length * 2);
  grown.set(old);
  return grown;
}
