import type { TravellingContext } from '../baggage.ts';
import { NO_CONTEXT } from './comments.ts';
import type { Dialect } from './dialect.ts';
import type { Statements } from './normalise.ts';
import { Remembered } from './remembered.ts';
import type { Source } from './subject.ts';

/** So many portals with names of one connection are remembered. */
const MOST = 1_000;
const NONE = Buffer.alloc(0);

/** A normalised statement that its client refers to by a name, and what its comments carried. */
export interface Prepared extends Source {
  readonly dialect: Dialect;
  /** The statement is bytes[0, size). */
  readonly bytes: Buffer;
  readonly size: number;
  /** It was longer than what is looked at. */
  readonly truncated: boolean;
}

/** One without a name, which the next of its kind replaces: its memory is used again. */
class Unnamed implements Prepared {
  readonly dialect: Dialect;
  travelling: TravellingContext = NO_CONTEXT;
  truncated = false;
  bytes: Buffer = NONE;
  size = 0;
  constructor(dialect: Dialect) {
    this.dialect = dialect;
  }
  set({ bytes, travelling, truncated }: Statements, start: number, end: number): void {
    this.travelling = travelling;
    this.truncated = truncated;
    this.size = end - start;
    if (this.bytes.length < this.size) this.bytes = Buffer.allocUnsafeSlow(this.size * 2);
    bytes.copy(this.bytes, 0, start, end);
  }
  copy(): Prepared {
    const { dialect, travelling, truncated, size } = this;
    return { dialect, travelling, truncated, size, bytes: Buffer.from(this.bytes.subarray(0, size)) };
  }
}

/** What the prepared statements of one connection say, normalised, by the names that its client gave them. */
export class PreparedStatements {
  readonly #dialect: Dialect;
  readonly #unnamed: Unnamed;
  #known = false;
  readonly #named = new Remembered<string, Prepared>();
  /** What was found last: clients often execute the same one again, and its name then needs no text. */
  #found: { readonly name: Buffer; readonly statement: Prepared } | undefined;

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
    this.#unnamed = new Unnamed(dialect);
  }

  /** The statement called names[from, to) is the one that was read last. */
  remember(names: Buffer, from: number, to: number, read: Statements): void {
    const [start, end] = read.count === 0 ? [0, 0] : [read.start(0), read.end(0)];
    if (from === to) {
      this.#known = true;
      return this.#unnamed.set(read, start, end);
    }
    this.#found = undefined;
    const { travelling, truncated } = read;
    const bytes = Buffer.from(read.bytes.subarray(start, end));
    this.#named.set(names.toString('latin1', from, to), { dialect: this.#dialect, travelling, truncated, bytes, size: end - start });
  }
  /** Undefined when there is none, or it was forgotten. */
  find(names: Buffer, from: number, to: number): Prepared | undefined {
    if (from === to) return this.#known ? this.#unnamed : undefined;
    if (this.#found === undefined || !sameBytes(this.#found.name, names, from, to)) {
      const name = names.toString('latin1', from, to);
      const statement = this.#named.get(name);
      this.#found = statement && { name: Buffer.from(name, 'latin1'), statement };
    }
    return this.#found?.statement;
  }
  forget(names: Buffer, from: number, to: number): void {
    this.#found = undefined;
    if (from === to) this.#known = false;
    else this.#named.delete(names.toString('latin1', from, to));
  }
}

function sameBytes(all: Buffer, bytes: Buffer, from: number, to: number): boolean {
  if (all.length !== to - from) return false;
  for (let i = 0; i < all.length; i++) if (all[i] !== bytes[from + i]) return false;
  return true;
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
