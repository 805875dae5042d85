import { type Node } from '../kernel/linear-nodes.ts';
import { sqlTargetNode, takesAllSql } from '../kernel/sql-target.ts';
import { type TargetEntry } from './match.ts';
import { PatternSet } from './pattern-set.ts';

/** Policies found by what their target takes of a normalised statement; see sql-target.ts in kernel. Allocates nothing once warm. */
export class SqlTargets {
  /** Policies whose target is everything, ascending. */
  readonly #all: readonly number[];
  /** The policies of the patterns, ascending. */
  readonly #indices: readonly number[];
  readonly #patterns: PatternSet;
  readonly longest = 0;

  constructor(entries: readonly TargetEntry[]) {
    this.#all = entries.filter(({ target }) => takesAllSql(target)).map(({ index }) => index);
    const others = entries.filter(({ target }) => !takesAllSql(target));
    this.#indices = others.map(({ index }) => index);
    this.#patterns = new PatternSet(others.map(({ target }) => nodeOf(target)));
  }
  /** As in TargetIndex. */
  match(bytes: Uint8Array, start: number, end: number, out: Int32Array): number {
    let size = 0;
    for (let i = 0; i < this.#all.length && size < out.length; i++) out[size++] = this.#all[i] as number;
    if (this.#indices.length === 0) return size;
    const found = this.#patterns.match(bytes, start, end);
    for (let i = 0; i < found && size < out.length; i++) {
      const index = this.#indices[this.#patterns.found(i)] as number;
      let hole = size++;
      for (; hole > 0 && (out[hole - 1] as number) > index; hole--) out[hole] = out[hole - 1] as number;
      out[hole] = index;
    }
    return size;
  }
}

/** The manifest has refused what cannot be read; should something else get here, it takes nothing. */
function nodeOf(target: string): Node {
  try {
    return sqlTargetNode(target);
  } catch {
    return { kind: 'any-of', nodes: [{ kind: 'byte', set: new Uint8Array(256) }] };
  }
}
