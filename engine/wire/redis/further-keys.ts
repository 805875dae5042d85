import { countAtOf, keyStepOf, LAST, lastKeyOf } from './commands.ts';

/** More keys than a head can hold. */
const MANY = 65_536;

/** Where the keys of a command lie that stand behind its first one. Allocates only when a command has more of them than any before. */
export class FurtherKeys {
  /** How many there are. */
  count = 0;
  #places = new Int32Array(16);
  /** The argument that is the next one; 0 = the first key of the command was not found yet. */
  #next = 0;
  #step = 1;

  clear(): void {
    this.count = this.#next = 0;
  }
  start(index: number): number {
    return this.#places[index * 2] as number;
  }
  end(index: number): number {
    return this.#places[index * 2 + 1] as number;
  }
  moved(by: number): void {
    for (let i = 0; i < this.count * 2; i++) this.#places[i] = (this.#places[i] as number) + by;
  }
  /** The first key was found. */
  get begun(): boolean {
    return this.#next > 0;
  }

  /**
   * The first key of the command is argument `first` of `args`, the name included. Returns which argument is the last, as
   * far as that is known; `counted` is what the argument says that numbers the keys, when it stands in front of them.
   */
  begin(command: number, first: number, args: number, counted: number): number {
    const last = lastKeyOf(command);
    const countAt = countAtOf(command);
    this.#step = keyStepOf(command);
    // The first key of a command that stores is where it stores; the others stand behind their number.
    this.#next = countAt > first ? countAt + 1 : first + this.#step;
    if (last === LAST.half) return first + Math.max(1, (args - first) >> 1) - 1;
    if (last !== LAST.counted) return last < 0 ? args + last : last;
    return countAt < first ? countAt + counted : args - 1;
  }
  /** Argument `index` lies at [from, to). */
  argument(index: number, from: number, to: number): void {
    if (index !== this.#next) return;
    if ((this.count + 1) * 2 > this.#places.length) {
      const grown = new Int32Array(this.#places.length * 2);
      grown.set(this.#places);
      this.#places = grown;
    }
    this.#places[this.count * 2] = from;
    this.#places[this.count++ * 2 + 1] = to;
    this.#next += this.#step;
  }
}

/** The number in digits at bytes[from, to); whatever else stands there means nothing to the server either. */
export function numberAt(bytes: Uint8Array, from: number, to: number): number {
  let number = 0;
  for (let at = from; at < to && number < MANY; at++) number = number * 10 + (bytes[at] as number) - 0x30;
  return number;
}
