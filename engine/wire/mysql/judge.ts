import type { Verdict } from '../effects.ts';
import type { OpenRoute } from '../open-route.ts';
import { judgeConnect, judgeStatements } from '../sql/judge.ts';
import { FORGOTTEN, LOOKED_AT, NOT_WHOLE, type Statements } from '../sql/normalise.ts';
import { StatementSubject } from '../sql/subject.ts';
import { carriedByAttributes, readAttributes, saidAnything } from './attributes.ts';
import { type Choice, chosenBy, type Chosen, LONGEST_USE, mayBeUse } from './choice.ts';
import type { CommandScanner } from './commands.ts';
import type { Opening } from './opening.ts';
import type { Prepared, PreparedStatements } from './prepared.ts';
import { COMMAND, int4At, type Reply, REPLY } from './protocol.ts';
import type { Responses } from './responses.ts';
import { arePlain, read } from './statement.ts';

/** Room for query attributes in front of the SQL, in bytes. */
const ATTRIBUTES = 4_096;
const NOTHING = Buffer.alloc(0);
/** Of the payload of a command so much is seen behind its first byte when it is told (see commands.ts). */
const SEEN = 4;
const USE = Buffer.from('USE ');

/** One for all connections of a worker: what is told later is kept from it. */
const SUBJECT = new StatementSubject();

/** What the commands of one connection say, and what the policies say to them. */
export class CommandJudge {
  readonly subject = SUBJECT;
  /** What `read` read. */
  reply: Reply = REPLY.result;
  /** It cannot leave a transaction open. */
  plain = false;
  /** The prepared statement that it executes, when that is known. */
  prepared: Prepared | undefined;
  /** The database that it chooses. */
  choice: Choice | undefined;
  /** Why it is not known whole; '' = it is. */
  unknown = '';
  readonly #route: OpenRoute;
  readonly #prepared: PreparedStatements;
  readonly #responses: Responses;
  readonly #opening: Opening;
  readonly #chosen: Chosen;
  #statements: Statements;

  constructor(route: OpenRoute, prepared: PreparedStatements, responses: Responses, opening: Opening, chosen: Chosen) {
    this.#route = route;
    this.#prepared = prepared;
    this.#responses = responses;
    this.#opening = opening;
    this.#chosen = chosen;
    this.#statements = read(NOTHING, 0, 0, true, 0);
  }

  /** Whether there is any policy that could judge. */
  get wanted(): boolean {
    return this.#route.effects.gate(this.#route.protocol, this.#route.name);
  }

  /** Judges the client that connects. */
  connect(): Verdict | undefined {
    return judgeConnect(this.#route, this.#statements, SUBJECT, this.#chosen);
  }
  /** Whether it must be looked at even without a policy, for one that comes later: it may choose a database. */
  mayChoose(bytes: Buffer, { at, length, code }: CommandScanner): boolean {
    if (code === COMMAND.initDb) return true;
    if (code !== COMMAND.query || length > LONGEST_USE) return false;
    if (!this.#opening.queryAttributes) return mayBeUse(bytes, at + 1, Math.min(length - 1, SEEN));
    // Without attributes there are two bytes in front of the SQL: their number, and that of their sets.
    return bytes[at + 1] !== 0 || mayBeUse(bytes, at + 3, Math.min(length - 3, SEEN - 2));
  }
  /** For a command that nobody wants to look at. */
  skip(): void {
    this.reply = REPLY.result;
    this.plain = false;
    this.prepared = undefined;
    this.choice = undefined;
  }
  /** Reads the command that the scanner found in bytes[.., end). False: too little of it is there. */
  read(bytes: Buffer, { at, length, split, code }: CommandScanner, end: number): boolean {
    const { status } = this.#responses;
    const there = Math.min(end, at + length);
    const complete = there === at + length && !split;
    this.reply = code === COMMAND.initDb ? REPLY.simple : REPLY.result;
    this.prepared = undefined;
    this.unknown = '';
    const wanted = Math.min(length, 1 + LOOKED_AT + (this.#opening.queryAttributes ? ATTRIBUTES : 0));
    if (code === COMMAND.query) {
      const attributes = this.#opening.queryAttributes;
      const start = attributes ? readAttributes(bytes, at + 1, there) : at + 1;
      this.#statements = read(bytes, start < 0 ? there : start, there, complete, status);
      if (attributes && saidAnything()) this.#statements.besides = carriedByAttributes;
    } else if (code === COMMAND.initDb) {
      const text = Buffer.concat([USE, bytes.subarray(at + 1, there)]);
      this.#statements = read(text, 0, text.length, complete, status);
    } else {
      this.prepared = length < 5 ? undefined : this.#prepared.get(int4At(bytes, at + 1));
      const sql = this.prepared?.sql ?? NOTHING;
      this.#statements = read(sql, 0, sql.length, this.prepared?.truncated !== true, status);
      if (this.prepared === undefined) this.unknown = FORGOTTEN;
    }
    if (this.#statements.truncated) this.unknown = NOT_WHOLE;
    this.choice = code === COMMAND.initDb ? { database: bytes.toString('utf8', at + 1, there), index: 0 } : chosenBy(this.#statements);
    this.plain = this.#statements.count > 0 && arePlain(this.#statements, code === COMMAND.query && this.#opening.multiStatements);
    const { bytes: text, dialect, count } = this.#statements;
    SUBJECT.at(text, count === 0 ? 0 : this.#statements.start(0), count === 0 ? 0 : this.#statements.end(0), dialect);
    SUBJECT.on(this.#chosen, this.#responses.inTransaction, false, this.#statements);
    return there - at >= wanted;
  }

  /** Judges what was read. What cannot be known (a statement that was forgotten) is left alone. */
  verdict(): Verdict | undefined {
    return judgeStatements(this.#route, this.#statements, SUBJECT, this.#chosen, this.#responses.inTransaction);
  }
}
