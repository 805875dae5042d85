import { senderOf, type TravellingContext } from '../baggage.ts';
import type { Described, Facts, Shown, Subject } from '../subject.ts';
import { NO_CONTEXT } from './comments.ts';
import type { Dialect } from './dialect.ts';
import { shapeOf } from './mask.ts';
import { verbOf } from './rules.ts';

/** What a connection knows besides its statements. */
export interface SqlContext {
  readonly database: string;
  readonly user: string;
}
/** What the connect of a client is called where a statement has its text. */
const CONNECT_TEXT = 'CONNECT';
export const CONNECT = Buffer.from(CONNECT_TEXT);
/** Characters that are told of a statement on one line, and of all of it (the contract's `trafficLine`). */
const LONGEST_TARGET = 256;
const LONGEST_HEAD = 2_048;
/** Where a statement came from, with the context that its comments carry. */
export interface Source {
  readonly travelling: TravellingContext;
}
const NOWHERE: Source = { travelling: NO_CONTEXT };

/**
 * The statement that is being judged, for both dialects. One object for one statement after the other; `kept` makes one
 * that stays, for a statement that waits. Nobody sees its values.
 */
export class StatementSubject implements Subject {
  /** In a transaction: it may be delayed and no more. */
  sheltered = false;
  #bytes: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  #dialect: Dialect | undefined;
  #context: SqlContext = { database: '', user: '' };
  #inTransaction = false;
  #source = NOWHERE;

  /** The normalised statement lies in bytes[start, end). */
  at(bytes: Buffer, start: number, end: number, dialect: Dialect): this {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#dialect = dialect;
    return this;
  }
  /** @param sheltered whether failing or cutting it would cut a transaction. */
  on(context: SqlContext, inTransaction: boolean, sheltered: boolean, source: Source = NOWHERE): this {
    this.#context = context;
    this.#inTransaction = inTransaction;
    this.sheltered = sheltered;
    this.#source = source;
    return this;
  }
  carries(): boolean {
    return true;
  }
  get verb(): string {
    return verbOf(this.#bytes, this.#start, this.#end);
  }
  /** The statement with each value as `?`. */
  get shape(): string {
    return this.#dialect === undefined ? '' : shapeOf(this.#bytes, this.#start, this.#end, this.#dialect);
  }
  facts(): Facts {
    const { database, user } = this.#context;
    return { sql: { verb: this.verb, text: this.shape, database, user, in_transaction: this.#inTransaction }, ...this.#source.travelling };
  }
  describe(): Described {
    const { database, user } = this.#context;
    const shape = this.shape;
    const where = [database === '' ? '' : `database: ${database}`, user === '' ? '' : `user: ${user}`].filter((line) => line !== '');
    return {
      method: this.verb,
      target: shape === CONNECT_TEXT ? database : shape.slice(0, LONGEST_TARGET),
      ...senderOf(this.#source.travelling),
      requestId: '',
      head: [shape, ...where].join('\n').slice(0, LONGEST_HEAD),
    };
  }
  /** What can be told of it later, when its bytes are gone. */
  kept(): Shown {
    const described = this.describe();
    return { describe: () => described };
  }
}
