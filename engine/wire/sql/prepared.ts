import type { TravellingContext } from '../baggage.ts';
import { NO_CONTEXT } from './comments.ts';
import type { Dialect } from './dialect.ts';
import type { Source } from './subject.ts';

/** So many prepared statements and portals of one connection are remembered, and so many bytes of their text. */
const MOST = 1_000;
const MOST_BYTES = 524_288;
const NONE = Buffer.alloc(0);

/** A normalised statement that its client refers to by a name, and what its comments carried. */
export interface Prepared extends Source {
  readonly dialect: Dialect;
  readonly bytes: Buffer;
  readonly length: number;
}

/** One without a name, which the next of its kind replaces: its memory is used again. */
class Unnamed implements Prepared {
  readonly dialect: Dialect;
  travelling = NO_CONTEXT;
  bytes: Buffer = NONE;
  length = 0;
  constructor(dialect: Dialect) {
    this.dialect = dialect;
  }
  set(bytes: Buffer, start: number, end: number, travelling: TravellingContext): void {
    this.travelling = travelling;
    this.length = end - start;
    if (this.bytes.length < this.length) this.bytes = Buffer.allocUnsafeSlow(this.length * 2);
    bytes.copy(this.bytes, 0, start, end);
  }
  copy(): Prepared {
    const { dialect, travelling, length } = this;
    return { dialect, travelling, length, bytes: Buffer.from(this.bytes.subarray(0, length)) };
  }
}

/**
 * What the prepared statements of one connection say, normalised, by the names that its client gave them. Bounded: beyond
 * the limits the oldest is forgotten, and its executions pass unjudged.
 */
export class PreparedStatements {
  readonly #dialect: Dialect;
  readonly #unnamed: Unnamed;
  #known = false;
  #named: Map<string, Prepared> | undefined;
  #bytes = 0;

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
    this.#unnamed = new Unnamed(dialect);
  }

  /** The statement called names[from, to) is the normalised one in bytes[start, end). */
  remember(names: Buffer, from: number, to: number, bytes: Buffer, start: number, end: number, travelling: TravellingContext = NO_CONTEXT): void {
    if (from === to) {
      this.#known = true;
      return this.#unnamed.set(bytes, start, end, travelling);
    }
    this.forget(names, from, to);
    const named = (this.#named ??= new Map());
    const statement: Prepared = { dialect: this.#dialect, travelling, bytes: Buffer.from(bytes.subarray(start, end)), length: end - start };
    named.set(names.toString('latin1', from, to), statement);
    this.#bytes += statement.length;
    while (named.size > MOST || this.#bytes > MOST_BYTES) this.#drop(named.keys().next().value as string);
  }
  /** Undefined when there is none, or it was forgotten. */
  find(names: Buffer, from: number, to: number): Prepared | undefined {
    if (from === to) return this.#known ? this.#unnamed : undefined;
    return this.#named?.get(names.toString('latin1', from, to));
  }
  forget(names: Buffer, from: number, to: number): void {
    if (from === to) this.#known = false;
    else if (this.#named !== undefined) this.#drop(names.toString('latin1', from, to));
  }
  #drop(name: string): void {
    this.#bytes -= this.#named?.get(name)?.length ?? 0;
    this.#named?.delete(name);
  }
}

/** A statement that is bound and may be executed, in portions too; it is judged once. */
interface Portal {
  readonly statement: Prepared | undefined;
  judged: boolean;
}

/** The portals of one connection. They end with their transaction. */
export class Portals {
  readonly #unnamed: { statement: Prepared | undefined; judged: boolean } = { statement: undefined, judged: true };
  #named: Map<string, Portal> | undefined;

  bind(names: Buffer, from: number, to: number, statement: Prepared | undefined): void {
    if (from === to) {
      this.#unnamed.statement = statement;
      this.#unnamed.judged = false;
    } else if ((this.#named ??= new Map()).size < MOST) {
      // A portal with a name outlives the next statement without one.
      const kept = statement instanceof Unnamed ? statement.copy() : statement;
      this.#named.set(names.toString('latin1', from, to), { statement: kept, judged: false });
    }
  }
  /** Undefined when there is none, or there were too many. */
  find(names: Buffer, from: number, to: number): Portal | undefined {
    return from === to ? this.#unnamed : this.#named?.get(names.toString('latin1', from, to));
  }
  forget(names: Buffer, from: number, to: number): void {
    if (from < to) this.#named?.delete(names.toString('latin1', from, to));
  }
  clear(): void {
    if (this.#named !== undefined && this.#named.size > 0) this.#named.clear();
  }
}
