import { type Node } from '../kernel/linear-nodes.ts';
import { ASSERTIONS, OP, PatternProgram } from './pattern-program.ts';

/** So many states are kept. A text that needs more is read on without them, and all are made again as they are needed. */
const MOST_STATES = 1_000;
/** So many steps they may be at, all together; in words of four bytes. */
const MOST_STEPS = 1_000_000;
/** What comes behind the last byte. */
const END = 256;

/** Part of a word, as \b sees it: letters, digits, `_`, and whatever is beyond ASCII. */
const isWordByte = (byte: number): boolean => byte < END && (byte >= 0x80 || /\w/.test(String.fromCharCode(byte)));

/**
 * Many patterns looked for in one pass over a text: a deterministic automaton that is built while it runs, from the
 * patterns' common nondeterministic one. A byte that was seen in a state before costs one look-up and allocates nothing,
 * however many patterns there are; one that was not costs at most the size of the patterns. So no pattern and no text
 * can take more than linear time.
 */
export class PatternSet {
  readonly #program = new PatternProgram();
  /** byte (or END) -> class: bytes that no pattern tells apart. */
  readonly #classes = new Uint16Array(END + 1);
  /** A byte of each class. */
  readonly #samples: number[] = [];
  /** state x class -> state + 1; 0 = not made yet. */
  #table = new Int32Array(0);
  #states = new Map<string, number>();
  /** Of each state: the steps it is at (after a byte was read), whether that byte was part of a word, and what was accepted on the way in. */
  #cores: Int32Array[] = [];
  #afterWord: boolean[] = [];
  #accepted: (Int32Array | undefined)[] = [];
  /** How many steps the states are at, all together. */
  #steps = 0;
  readonly #marks: Int32Array;
  #epoch = 0;
  readonly #closed: number[] = [];
  /** Where a text is that is read without states. */
  readonly #stepping: Int32Array;
  readonly #found: Int32Array;
  readonly #foundEpoch: Int32Array;
  #round = 0;

  constructor(patterns: readonly Node[]) {
    for (const node of patterns) this.#program.add(node);
    this.#marks = new Int32Array(this.#program.ops.length);
    this.#stepping = new Int32Array(this.#program.ops.length);
    this.#found = new Int32Array(patterns.length);
    this.#foundEpoch = new Int32Array(patterns.length);
    this.#classify();
  }

  /** Looks for all patterns in bytes[start, end) at once. Returns how many were found; `found` says which. */
  match(bytes: Uint8Array, start: number, end: number): number {
    const stride = this.#samples.length;
    this.#round = (this.#round + 1) | 0;
    let count = 0;
    let state = this.#begin();
    for (let at = start; at <= end; at++) {
      const symbol = this.#classes[at < end ? (bytes[at] as number) : END] as number;
      let next = (this.#table[state * stride + symbol] as number) - 1;
      if (next < 0 && this.#isFull) return this.#simulate(state, bytes, at, start, end, count);
      if (next < 0) next = this.#build(state, symbol, at === start);
      state = next;
      const accepted = this.#accepted[state];
      if (accepted !== undefined) count = this.#collect(accepted, count);
    }
    return count;
  }
  get #isFull(): boolean {
    return this.#cores.length >= MOST_STATES || this.#steps >= MOST_STEPS;
  }
  /** The number of the pattern that was found as the nth, of the last text. */
  found(nth: number): number {
    return this.#found[nth] as number;
  }

  #collect(accepted: Int32Array, count: number): number {
    let size = count;
    for (let i = 0; i < accepted.length; i++) size = this.#collectOne(accepted[i] as number, size);
    return size;
  }
  #collectOne(pattern: number, count: number): number {
    if (this.#foundEpoch[pattern] === this.#round) return count;
    this.#foundEpoch[pattern] = this.#round;
    this.#found[count] = pattern;
    return count + 1;
  }

  /** Where every text begins; made anew after all states were forgotten. */
  #begin(): number {
    return this.#cores.length > 0 ? 0 : this.#stateOf([], false, []);
  }
  /** What comes of a symbol in a state, kept for the next time. */
  #build(state: number, symbol: number, atStart: boolean): number {
    const byte = this.#samples[symbol] as number;
    const { ops, args, next, sets } = this.#program;
    const before = this.#cores[state] as Int32Array;
    this.#close(before, before.length, this.#afterWord[state] as boolean, byte, atStart);
    const cores: number[] = [];
    const accepted: number[] = [];
    for (const step of this.#closed) {
      if (ops[step] === OP.accept) accepted.push(args[step] as number);
      else if (byte !== END && ops[step] === OP.byte && (sets[args[step] as number] as Uint8Array)[byte] === 1) cores.push(next[step] as number);
    }
    const to = this.#stateOf(cores, isWordByte(byte), accepted);
    // The first state is one of its own only because nothing leads back to it.
    this.#table[state * this.#samples.length + symbol] = to + 1;
    return to;
  }

  /** Reads the rest of a text step by step, without making states: slower, and in the same bounded time for every byte. */
  #simulate(state: number, bytes: Uint8Array, from: number, start: number, end: number, found: number): number {
    const { ops, args, next, sets } = this.#program;
    const cores = this.#stepping;
    cores.set(this.#cores[state] as Int32Array);
    let size = (this.#cores[state] as Int32Array).length;
    let afterWord = this.#afterWord[state] as boolean;
    let count = found;
    for (let at = from; at <= end; at++) {
      const byte = at < end ? (bytes[at] as number) : END;
      this.#close(cores, size, afterWord, byte, at === start);
      const epoch = (this.#epoch = (this.#epoch + 1) | 0);
      size = 0;
      for (const step of this.#closed) {
        const to = next[step] as number;
        if (ops[step] === OP.accept) count = this.#collectOne(args[step] as number, count);
        else if (byte !== END && ops[step] === OP.byte && (sets[args[step] as number] as Uint8Array)[byte] === 1 && this.#marks[to] !== epoch) {
          this.#marks[to] = epoch;
          cores[size++] = to;
        }
      }
      afterWord = isWordByte(byte);
    }
    this.#forget();
    return count;
  }

  /** Collects every step that can be reached from these, and from the beginning of each pattern, before `byte` is read. */
  #close(cores: Int32Array, size: number, afterWord: boolean, byte: number, atStart: boolean): void {
    const { ops, args, next, other, starts } = this.#program;
    const closed = this.#closed;
    const epoch = (this.#epoch = (this.#epoch + 1) | 0);
    const boundary = afterWord !== isWordByte(byte);
    const holds = (what: number): boolean => {
      const name = ASSERTIONS[what];
      return name === 'start' ? atStart : name === 'end' ? byte === END : name === 'boundary' ? boundary : !boundary;
    };
    closed.length = 0;
    const reach = (step: number): void => {
      if (step < 0 || this.#marks[step] === epoch) return;
      this.#marks[step] = epoch;
      closed.push(step);
    };
    for (let i = 0; i < size; i++) reach(cores[i] as number);
    starts.forEach(reach);
    for (let i = 0; i < closed.length; i++) {
      const step = closed[i] as number;
      if (ops[step] === OP.split) {
        reach(next[step] as number);
        reach(other[step] as number);
      } else if (ops[step] === OP.assert && holds(args[step] as number)) reach(next[step] as number);
    }
  }

  #stateOf(steps: number[], afterWord: boolean, accepted: number[]): number {
    const cores = Int32Array.from(new Set(steps)).sort();
    // The state before the first byte must not be met again: only there does `start` hold.
    const key = this.#cores.length === 0 ? 'first' : `${cores.join()} ${afterWord} ${accepted.join()}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    const state = this.#cores.length;
    this.#states.set(key, state);
    this.#cores.push(cores);
    this.#steps += cores.length;
    this.#afterWord.push(afterWord);
    this.#accepted.push(accepted.length === 0 ? undefined : Int32Array.from(accepted));
    const stride = this.#samples.length;
    if (this.#table.length < (state + 1) * stride) {
      const grown = new Int32Array(Math.min(Math.max(16, state * 2), MOST_STATES + 2) * stride);
      grown.set(this.#table);
      this.#table = grown;
    }
    return state;
  }
  #forget(): void {
    this.#table.fill(0);
    this.#states = new Map();
    this.#cores = [];
    this.#afterWord = [];
    this.#accepted = [];
    this.#steps = 0;
  }

  /** Bytes are alike when every set of the patterns has both or neither, and words have too. */
  #classify(): void {
    const byKey = new Map<string, number>();
    const { sets } = this.#program;
    for (let byte = 0; byte <= END; byte++) {
      const key = byte === END ? 'end' : `${isWordByte(byte)} ${sets.map((set) => set[byte]).join('')}`;
      const known = byKey.get(key) ?? this.#samples.push(byte) - 1;
      byKey.set(key, known);
      this.#classes[byte] = known;
    }
  }
}
