import type { Verdict } from '../effects.ts';
import type { Link } from '../session.ts';
import type { Subject } from '../subject.ts';
import type { Failing } from '../waiting-session.ts';
import { ABORTED, abortedBy, DISCARD, errorAnswer, errorText, PING } from './answers.ts';
import type { CommandScanner } from './command-scanner.ts';
import { nameOf, ROLE } from './commands.ts';
import { Expectations, whatOf } from './expectations.ts';
import { missAnswer } from './misses.ts';

type Refusing = Extract<Verdict, { act: 'fail' }>;

/** Why a transaction that is open on the server must not take place: a command of it was refused, or MULTI would have been. */
type Doom = 'queued' | Refusing;

/**
 * What the server makes of the commands that reach it, and the client of the answers: transactions, silence
 * (CLIENT REPLY), the version of the protocol, subscriptions. Commands that never reach the server must leave it in a
 * state that fits what the client was told.
 */
export class Dialogue {
  readonly owed = new Expectations();
  /** Since the last command that went to the server, the client was answered here. */
  answered = false;
  readonly #link: Link;
  readonly #command: CommandScanner;
  readonly #lost: (why: string) => void;
  #doom: Doom | undefined;
  /** MULTI is about to go to the server, and would have been refused. */
  #struck: Refusing | undefined;
  /** What is queued will change how the connection is to be read. */
  #unclear = false;
  /** Whose answers CLIENT REPLY has turned off: nobody's, the next command's, or all. */
  #silence: 'none' | 'next' | 'all' = 'none';

  /** @param lost is told when nobody can say any more where messages end. */
  constructor(link: Link, command: CommandScanner, lost: (why: string) => void) {
    this.#link = link;
    this.#command = command;
    this.#lost = lost;
  }

  /** A transaction is open on the server that must not take place. */
  get doomed(): boolean {
    return this.#doom !== undefined;
  }
  /** Whether the command that was read last goes to the server as another one. */
  get replaces(): boolean {
    return this.#doom !== undefined && this.#command.role === ROLE.exec;
  }

  /**
   * Whether a refusal of the command is said at once, and so must wait for the answers before it. That of a transaction
   * comes in place of the server's answer to DISCARD; a drop lets the answers before it arrive.
   */
  takesTurn(verdict: Failing): boolean {
    const { role } = this.#command;
    return verdict.act === 'drop' || (role !== ROLE.multi && !(role === ROLE.exec && this.owed.inMulti));
  }

  /** The command goes to the server. Returns false when something else went there in its place. */
  announce(bytes: Buffer, subject: Subject): boolean {
    const { role } = this.#command;
    this.answered = false;
    if (this.#silence === 'none' && role <= ROLE.cleanup) {
      this.owed.expect();
      return true;
    }
    if (role === ROLE.exec && this.#doom !== undefined) return !this.#execDoomed(this.#doom, subject);
    this.#expect(bytes, role);
    this.#struck = undefined;
    return true;
  }

  /** Answers the command in place of the server. Returns false when the command must reach the server all the same. */
  refuse(verdict: Refusing, subject: Subject): boolean {
    const { role, command, args } = this.#command;
    const { acts } = this.#link.route;
    if (role === ROLE.multi) {
      // What the client has sent behind it would take place outside of a transaction, so EXEC is refused instead.
      this.#struck = verdict;
      return false;
    }
    acts.failed(verdict, subject);
    const text = errorText(verdict.refusal.body);
    if (role === ROLE.exec && this.owed.inMulti) this.#abort(abortedBy(text));
    else {
      if (this.owed.inMulti) this.#doom = 'queued';
      this.#say(verdict.extra?.['miss'] === true ? missAnswer(nameOf(command), args, this.owed.version) : errorAnswer(text));
    }
    return true;
  }

  #say(answer: Buffer): void {
    if (this.#silence === 'none') {
      this.answered = true;
      this.#link.toClient(answer);
    } else if (this.#silence === 'next') {
      // The server would keep its silence for the command behind this one.
      this.#silence = 'none';
      this.#link.toUpstream(PING);
    }
  }
  /** Returns whether EXEC was replaced. */
  #execDoomed(doom: Doom, subject: Subject): boolean {
    if (doom === 'queued') this.#abort(ABORTED);
    else if (this.#link.route.effects.inForce(doom.id)) {
      this.#link.route.acts.failed(doom, subject);
      this.#abort(abortedBy(errorText(doom.refusal.body)));
    } else {
      this.#doom = undefined;
      this.#exec();
      return false;
    }
    return true;
  }
  /** The server forgets the transaction, and the client hears why where the answer to EXEC would be. */
  #abort(answer: Buffer): void {
    this.#link.toUpstream(DISCARD);
    this.#closeTransaction();
    if (this.#isAnswered()) this.owed.expectSpecial({ kind: 'discarded', number: 0, instead: answer });
  }
  #closeTransaction(): void {
    this.owed.inMulti = false;
    this.#doom = undefined;
    this.#unclear = false;
  }
  #exec(): void {
    const unclear = this.#unclear && this.owed.inMulti;
    this.#closeTransaction();
    if (!this.#isAnswered()) {
      if (unclear) this.#lost(UNCLEAR);
    } else if (unclear) this.owed.expectSpecial({ kind: 'unclear', number: 0 });
    else this.owed.expect();
  }
  /** Whether the command that goes to the server now will be answered. */
  #isAnswered(): boolean {
    if (this.#silence === 'none') return true;
    if (this.#silence === 'next') this.#silence = 'none';
    return false;
  }

  /** The answers to a command that changes how the connection is to be read, or that may not be answered at all. */
  #expect(bytes: Buffer, role: number): void {
    const { owed } = this;
    const { args } = this.#command;
    if (role === ROLE.replica) this.#lost('a replica takes the stream of changes');
    else if (role === ROLE.reset && args === 0) {
      this.#closeTransaction();
      if (this.#silence === 'all') this.#silence = 'none';
      if (this.#isAnswered()) owed.expectSpecial({ kind: 'reset', number: 0 });
    } else if (role === ROLE.discard) {
      this.#closeTransaction();
      if (this.#isAnswered()) owed.expect();
    } else if (role === ROLE.exec) this.#exec();
    else if (owed.inMulti) this.#queued(bytes, role);
    else if (role === ROLE.client && this.#isReply(bytes)) this.#reply(this.#word(bytes, 2));
    else if (role === ROLE.multi && args === 0) {
      owed.inMulti = true;
      this.#doom = this.#struck;
      if (this.#isAnswered()) owed.expectSpecial({ kind: 'multi', number: 0 });
    } else if (role === ROLE.subscribe || role === ROLE.unsubscribe) this.#subscription(bytes, role, args);
    else if (!this.#isAnswered()) return;
    else if (role === ROLE.monitor) owed.expectSpecial({ kind: 'monitor', number: 0 });
    else if (role === ROLE.hello && args > 0) owed.expectSpecial({ kind: 'hello', number: this.#word(bytes, 1) === '3' ? 3 : 2 });
    else if (role === ROLE.select) this.#select(bytes);
    else owed.expect();
  }
  /** Within MULTI every command is answered with QUEUED; what it will do, it does at EXEC. */
  #queued(bytes: Buffer, role: number): void {
    const changes =
      role === ROLE.subscribe || role === ROLE.unsubscribe || role === ROLE.monitor || (role === ROLE.client && this.#isReply(bytes));
    if (changes) this.#unclear = true;
    if (this.#isAnswered()) this.owed.expect();
  }
  #subscription(bytes: Buffer, role: number, args: number): void {
    // Confirmations come in spite of the silence, and in RESP2 nothing but RESET ends it then.
    if (this.#silence !== 'none') return this.#lost('a subscription in silence');
    if (role === ROLE.subscribe) {
      if (args === 0) this.owed.expect();
      else this.owed.expectSpecial({ kind: 'subscribe', number: args });
      return;
    }
    this.owed.expectSpecial({ kind: 'unsubscribe', number: args === 0 ? -1 : args, what: whatOf(this.#word(bytes, 0)) });
  }
  #select(bytes: Buffer): void {
    const db = Number(this.#word(bytes, 1));
    this.owed.expectSpecial({ kind: 'select', number: this.owed.db });
    if (Number.isInteger(db)) this.owed.db = db;
  }
  /** https://redis.io/docs/latest/commands/client-reply/ */
  #reply(mode: string): void {
    // Refused in RESP2 as long as anything is subscribed to, which depends on what is still under way.
    if (this.owed.subscriber) this.#lost('CLIENT REPLY beside a subscription');
    else if (mode === 'off') this.#silence = 'all';
    else if (mode === 'on') {
      this.#silence = 'none';
      this.owed.expect();
    } else if (this.#silence !== 'all') this.#silence = 'next';
  }
  #isReply(bytes: Buffer): boolean {
    return this.#command.args === 2 && this.#word(bytes, 1) === 'reply' && /^(on|off|skip)$/.test(this.#word(bytes, 2));
  }
  #word(bytes: Buffer, index: number): string {
    return (this.#command.arg(bytes, index) ?? '').toLowerCase();
  }
}

const UNCLEAR = 'a transaction changed how the connection is to be read';
