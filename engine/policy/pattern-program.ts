import { type Assertion, type Node } from '../kernel/linear-nodes.ts';

/** What one step of a program does. */
export const OP = { byte: 0, split: 1, assert: 2, accept: 3 } as const;
type Op = (typeof OP)[keyof typeof OP];

/** Patterns as one nondeterministic automaton (Thompson's construction): steps that lead to other steps. */
export class PatternProgram {
  readonly ops: Op[] = [];
  /** Of `byte`: the number of its set; of `assert`: which; of `accept`: the number of the pattern. */
  readonly args: number[] = [];
  readonly next: number[] = [];
  /** Of `split` only. */
  readonly other: number[] = [];
  /** Where each pattern begins. */
  readonly starts: number[] = [];
  readonly sets: Uint8Array[] = [];
  readonly #known = new Map<string, number>();

  /** Adds a pattern that is found anywhere in a text. */
  add(node: Node): void {
    this.starts.push(this.#compile(node, this.#step(OP.accept, this.starts.length, -1)));
  }

  #step(op: Op, arg: number, next: number, other = -1): number {
    this.args.push(arg);
    this.next.push(next);
    this.other.push(other);
    return this.ops.push(op) - 1;
  }
  /** Built from its end: returns where the node begins when `then` follows it. */
  #compile(node: Node, then: number): number {
    switch (node.kind) {
      case 'byte':
        return this.#step(OP.byte, this.#setOf(node.set), then);
      case 'assert':
        return this.#step(OP.assert, ASSERTIONS.indexOf(node.what), then);
      case 'all-of':
        return node.nodes.reduceRight((after, part) => this.#compile(part, after), then);
      case 'any-of':
        return node.nodes.map((part) => this.#compile(part, then)).reduceRight((after, start) => this.#step(OP.split, 0, start, after));
      case 'repeat':
        return this.#repeat(node, then);
    }
  }
  #repeat({ node, min, max }: Extract<Node, { kind: 'repeat' }>, then: number): number {
    let start = then;
    if (max === Infinity) {
      const loop = this.#step(OP.split, 0, -1, then);
      const body = this.#compile(node, loop);
      this.next[loop] = body;
      start = loop;
    } else for (let i = min; i < max; i++) start = this.#step(OP.split, 0, this.#compile(node, start), then);
    for (let i = 0; i < min; i++) start = this.#compile(node, start);
    return start;
  }
  #setOf(set: Uint8Array): number {
    const key = set.join('');
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    this.#known.set(key, this.sets.length);
    return this.sets.push(set) - 1;
  }
}

export const ASSERTIONS: readonly Assertion[] = ['start', 'end', 'boundary', 'inside'];
