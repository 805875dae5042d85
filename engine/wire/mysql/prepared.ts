import { HeldBytes } from '../held-bytes.ts';
import { LOOKED_AT } from '../sql/normalise.ts';
import { Remembered } from '../sql/remembered.ts';
import type { CommandScanner } from './commands.ts';
import { COMMAND, int4At } from './protocol.ts';
import type { Prepares } from './responses.ts';

/** What the server understands as the statement that was prepared last (MariaDB: COM_STMT_EXECUTE). */
const LAST = 0xffff_ffff;

/** One prepared statement. */
export interface Prepared {
  readonly sql: Buffer;
  /** Bytes of it. */
  readonly size: number;
  /** The SQL was longer than what is looked at. */
  readonly truncated: boolean;
  parameters: number;
  /** Values were sent ahead of its next execution. */
  longData: boolean;
  /** The types of its parameters, as a refused execution told them: the server does not know them. */
  types: Buffer | undefined;
}

/** Remembers what the prepared statements of one connection say, so that executing one is judged by its SQL. */
export class PreparedStatements implements Prepares {
  readonly #byId = new Remembered<number, Prepared>();
  /** Sent and not answered yet. */
  readonly #pending: Prepared[] = [];
  readonly #text = new HeldBytes();
  #capturing = false;
  /** The command's byte stands before the SQL. */
  #skip = 0;
  #last: Prepared | undefined;
  /** An execution was refused here of which the server must learn something; each one is looked at from then on. */
  owing = false;

  /** What the command that was found does to the statements; the payload of a COM_STMT_PREPARE follows with `capture`. */
  note(bytes: Uint8Array, { at, length, code }: CommandScanner): void {
    if (code === COMMAND.prepare) {
      this.#capturing = true;
      this.#skip = 1;
    } else if (code === COMMAND.changeUser || code === COMMAND.resetConnection) this.#clear();
    else if (length >= 5) this.#noteOne(int4At(bytes, at + 1), code);
  }
  #noteOne(id: number, code: number): void {
    if (code === COMMAND.close) return this.#byId.delete(id);
    const statement = this.get(id);
    if (statement !== undefined && (code === COMMAND.longData || code === COMMAND.reset)) statement.longData = code === COMMAND.longData;
  }
  /** A piece of a message; of what is to be prepared the beginning is kept. */
  capture(bytes: Uint8Array, start: number, end: number): void {
    if (!this.#capturing || start >= end) return;
    const from = start + this.#skip;
    this.#skip = 0;
    const room = LOOKED_AT + 1 - this.#text.length;
    if (room > 0 && from < end) this.#text.append(bytes, from, Math.min(end, from + room));
  }
  /** The message is complete. */
  finish(): void {
    if (!this.#capturing) return;
    this.#capturing = false;
    const all = this.#text.take();
    const truncated = all.length > LOOKED_AT;
    // A copy of its own size: what was captured lies in a larger buffer.
    const sql = Buffer.from(truncated ? all.subarray(0, LOOKED_AT) : all);
    this.#last = { sql, size: sql.length, truncated, parameters: 0, longData: false, types: undefined };
    this.#pending.push(this.#last);
  }
  prepared(id: number, parameters: number): void {
    const statement = this.#pending.shift();
    if (statement === undefined) return;
    statement.parameters = parameters;
    this.#byId.set(id, statement);
  }
  refused(): void {
    this.#pending.shift();
  }
  /** Undefined: never prepared, closed, or forgotten because there were too many. */
  get(id: number): Prepared | undefined {
    return id === LAST ? this.#last : this.#byId.get(id);
  }
  /** The connection starts over: its statements are gone. */
  #clear(): void {
    this.#byId.clear();
    this.#last = undefined;
  }
}
