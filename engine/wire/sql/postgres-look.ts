import type { Verdict } from '../effects.ts';
import type { Link } from '../session.ts';
import { POSTGRES } from './dialect.ts';
import { judgeStatement, judgeStatements } from './judge.ts';
import { FORGOTTEN, LOOKED_AT, NOT_WHOLE, Statements } from './normalise.ts';
import type { Cycles } from './postgres-cycles.ts';
import { CLIENT, HEADER, textEnd } from './postgres-messages.ts';
import { Portals, PreparedStatements } from './prepared.ts';
import { KIND, kindOf } from './rules.ts';
import { type Source, type SqlContext, StatementSubject } from './subject.ts';

/** What is to be done with a message: wait for more of it, pass it on, or carry out `verdict`. */
export type Look = 'more' | 'pass' | 'judged';

/** Names of statements and portals are looked for in so many bytes; those of the server have at most 63. */
const NAMES = 1_024;

// Judging never waits, so all connections of a worker share what it reads with.
const statements = new Statements(POSTGRES);
const subject = new StatementSubject();

/** Looks at the messages of one client: which statement each stands for, what is to be done to it, and what it leaves behind. */
export class ClientLook {
  readonly #link: Link;
  readonly #cycles: Cycles;
  readonly #prepared = new PreparedStatements(POSTGRES);
  readonly #portals = new Portals();
  context: SqlContext = { database: '', user: '' };
  /** After `judged`: what was decided, and on which statement. */
  verdict: Verdict | undefined;
  readonly subject = subject;
  readonly statements = statements;

  constructor(link: Link, cycles: Cycles) {
    this.#link = link;
    this.#cycles = cycles;
  }
  /** No transaction is open: its portals are gone. */
  transactionOver(): void {
    this.#portals.clear();
  }

  /**
   * Looks at the message of `size` bytes at bytes[at], of which those before `end` are here.
   * @param judged it was judged before, and passes now.
   */
  message(bytes: Buffer, at: number, end: number, size: number, judged: boolean): Look {
    const cycles = this.#cycles;
    switch (bytes[at]) {
      case CLIENT.query:
        return this.#query(bytes, at, end, size, judged);
      case CLIENT.execute:
        return this.#execute(bytes, at, end, size, judged);
      case CLIENT.parse:
        return this.#parse(bytes, at, end, size);
      case CLIENT.bind:
        return this.#bind(bytes, at, end, size);
      case CLIENT.close:
        return this.#close(bytes, at, end, size);
      case CLIENT.sync:
        cycles.sync();
        return 'pass';
      case CLIENT.functionCall:
        cycles.single(false);
        return 'pass';
      case CLIENT.describe:
      case CLIENT.flush:
        if (!cycles.copyIn) cycles.piped(false);
        return 'pass';
      case CLIENT.copyDone:
      case CLIENT.copyFail:
        cycles.copyInEnds();
        return 'pass';
      default:
        return 'pass';
    }
  }

  #query(bytes: Buffer, at: number, end: number, size: number, judged: boolean): Look {
    // The server skips it as well until it hears Sync, and answers nothing.
    if (this.#cycles.skipping) return 'pass';
    const { route } = this.#link;
    const { acts, effects, protocol, name, tap } = route;
    const gate = effects.gate(protocol, name);
    if (!gate && !tap.wantsPassing) {
      if (!judged) acts.seen();
      this.#cycles.single(true);
      return 'pass';
    }
    const wanted = Math.min(size, HEADER + LOOKED_AT);
    if (end - at < wanted) return 'more';
    statements.read(bytes, at + HEADER, at + wanted, wanted === size);
    if (!judged) {
      acts.seen();
      const verdict = gate ? judgeStatements(route, statements, subject, this.context, this.#cycles.inTransaction) : undefined;
      if (verdict !== undefined) return this.#decided(verdict);
      if (gate && statements.truncated) this.#link.notUnderstood(NOT_WHOLE);
      if (tap.wantsPassing && statements.count > 0) this.#passed(statements.bytes, statements.start(0), statements.end(0), statements);
    }
    this.#cycles.single(statements.mayBegin);
    return 'pass';
  }

  #execute(bytes: Buffer, at: number, end: number, size: number, judged: boolean): Look {
    const cycles = this.#cycles;
    const wanted = Math.min(size, HEADER + NAMES);
    if (end - at < wanted) return 'more';
    const nameEnd = textEnd(bytes, at + HEADER, at + wanted);
    if (cycles.skipping) return 'pass';
    const portal = nameEnd < 0 ? undefined : this.#portals.find(bytes, at + HEADER, nameEnd);
    const statement = portal?.statement;
    // What an earlier Execute left over of a portal belongs to the statement that was judged then.
    if (portal?.judged !== true && !judged) {
      const { route } = this.#link;
      const { acts, effects, protocol, name, tap } = route;
      const gate = effects.gate(protocol, name);
      acts.seen();
      if (statement !== undefined) {
        const verdict = gate ? judgeStatement(route, statement, statement.bytes, 0, statement.size, subject, this.context, cycles.inTransaction) : undefined;
        if (verdict !== undefined) return this.#decided(verdict);
        if (tap.wantsPassing) this.#passed(statement.bytes, 0, statement.size, statement);
      }
      if (gate && statement?.truncated !== false) this.#link.notUnderstood(statement === undefined ? FORGOTTEN : NOT_WHOLE);
    }
    if (portal !== undefined) portal.judged = true;
    cycles.piped(statement === undefined || kindOf(statement.bytes, 0, statement.size) === KIND.begin);
    return 'pass';
  }

  #parse(bytes: Buffer, at: number, end: number, size: number): Look {
    const wanted = Math.min(size, HEADER + NAMES + LOOKED_AT);
    if (end - at < wanted) return 'more';
    const name = at + HEADER;
    const nameEnd = textEnd(bytes, name, at + wanted);
    if (nameEnd >= 0 && !this.#cycles.skipping) {
      const textStop = textEnd(bytes, nameEnd + 1, at + wanted);
      statements.read(bytes, nameEnd + 1, textStop < 0 ? at + wanted : textStop, textStop >= 0, false);
      this.#prepared.remember(bytes, name, nameEnd, statements);
    }
    this.#cycles.piped(false);
    return 'pass';
  }

  #bind(bytes: Buffer, at: number, end: number, size: number): Look {
    const wanted = Math.min(size, HEADER + 2 * NAMES);
    if (end - at < wanted) return 'more';
    const portal = at + HEADER;
    const portalEnd = textEnd(bytes, portal, at + wanted);
    const nameEnd = portalEnd < 0 ? -1 : textEnd(bytes, portalEnd + 1, at + wanted);
    if (nameEnd >= 0 && !this.#cycles.skipping) {
      this.#portals.bind(bytes, portal, portalEnd, this.#prepared.find(bytes, portalEnd + 1, nameEnd));
    }
    this.#cycles.piped(false);
    return 'pass';
  }

  #close(bytes: Buffer, at: number, end: number, size: number): Look {
    const wanted = Math.min(size, HEADER + 1 + NAMES);
    if (end - at < wanted) return 'more';
    const name = at + HEADER + 1;
    const nameEnd = textEnd(bytes, name, at + wanted);
    if (nameEnd >= 0 && !this.#cycles.skipping) {
      (bytes[at + HEADER] === CLOSES_STATEMENT ? this.#prepared : this.#portals).forget(bytes, name, nameEnd);
    }
    this.#cycles.piped(false);
    return 'pass';
  }

  #decided(verdict: Verdict): Look {
    this.verdict = verdict;
    return 'judged';
  }
  #passed(bytes: Buffer, start: number, end: number, source: Source): void {
    const { inTransaction } = this.#cycles;
    this.#link.route.acts.passed(subject.at(bytes, start, end, POSTGRES).on(this.context, inTransaction, inTransaction, source));
  }
}
/** `S` in a Close; `P` closes a portal. */
const CLOSES_STATEMENT = 0x53;
