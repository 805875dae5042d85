import { STEP } from '../codec.ts';
import type { Verdict } from '../effects.ts';
import { HOLD_LIMIT, type Link, type SessionFactory } from '../session.ts';
import type { Shown } from '../subject.ts';
import { type Delaying, type Failing, WaitingSession } from '../waiting-session.ts';
import { Answers } from './answers.ts';
import { Chosen } from './choice.ts';
import { CommandScanner } from './commands.ts';
import { endsConnection, errorOf, errorPacket, STATEMENT_FAILED } from './errors.ts';
import { Executions } from './executions.ts';
import { CommandJudge } from './judge.ts';
import { Opening, OVER } from './opening.ts';
import { PacketScanner } from './packets.ts';
import { PreparedStatements } from './prepared.ts';
import { COMMAND, int2At, isStatement, REPLY, replyTo } from './protocol.ts';
import { Responses } from './responses.ts';

/** A connection of MySQL or MariaDB, from the server's greeting on. */
export const mysqlSession: SessionFactory = (link) => new MysqlSession(link);

type Refusing = Extract<Failing, { act: 'fail' }>;

/**
 * Follows the commands of one connection and their answers. The rules: nothing fails and nothing is cut while a transaction
 * is open, or may be.
 */
class MysqlSession extends WaitingSession {
  readonly #commands = new CommandScanner();
  readonly #prepared = new PreparedStatements();
  readonly #chosen = new Chosen();
  readonly #responses = new Responses(this.#prepared, this.#chosen);
  readonly #opening: Opening;
  readonly #answers: Answers;
  readonly #judge: CommandJudge;
  readonly #executions: Executions;
  /** What becomes of the message that waited, when it goes on: it passes, or is refused. */
  #fate: 'undecided' | 'passes' | Refusing = 'undecided';
  /** The error that answers the message under way, which goes nowhere. */
  #refusal: Buffer | undefined;
  /** A server would close the connection behind it. */
  #last = false;
  /** The last message was refused. */
  #refused = false;
  /** The message under way went on up to here, in other bytes. */
  #next: number | undefined;
  #opaque = false;

  constructor(link: Link) {
    super(link);
    const packets = new PacketScanner();
    this.#opening = new Opening(link, packets, this.#responses, this.#chosen);
    this.#answers = new Answers(link, packets, this.#responses, this.#opening);
    this.#judge = new CommandJudge(link.route, this.#prepared, this.#responses, this.#opening, this.#chosen);
    this.#executions = new Executions(link, this.#prepared, this.#responses, this.#answers, this.#opening);
  }

  protected override get answeredHere(): boolean {
    return this.#refused;
  }
  override fromUpstream(bytes: Buffer, length: number): void {
    if (this.#opaque) return super.fromUpstream(bytes, length);
    this.#follow(this.#answers.read(bytes, length));
    if (this.link.closing) return;
    if (this.wait === 'turn' && (this.#opaque || this.#responses.outstanding === 0)) this.#answered();
    else if (this.#opaque && this.wait === 'nothing' && this.held.length > 0) this.processHeld();
  }

  protected override process(bytes: Buffer, end: number): number {
    const commands = this.#commands;
    let from = 0;
    for (let at = 0; !this.#opaque && !this.link.closing; at = commands.position) {
      const step = commands.step(bytes, at, end);
      if (step === STEP.head) {
        this.forward(bytes, from, commands.start);
        from = commands.start;
        if (!this.#head(bytes, end)) return from;
        from = this.#next ?? from;
        this.#next = undefined;
        this.#refused = this.discarding;
      } else {
        this.#prepared.capture(bytes, at, commands.position);
        this.forward(bytes, from, commands.position);
        from = commands.position;
        if (step === STEP.more) return from;
        this.#ended();
      }
    }
    this.forward(bytes, from, end);
    return end;
  }

  /** Decides on the message whose head was found. False: it waits, with all behind it. */
  #head(bytes: Buffer, end: number): boolean {
    const { sequence, code } = this.#commands;
    const responses = this.#responses;
    if (!this.#opening.answered) return this.#login(bytes, end);
    // Part of an exchange of credentials, or of a file that the server asked for.
    if (responses.wantsFile || sequence !== 0) return true;
    if ((code === COMMAND.initDb || code === COMMAND.changeUser) && !this.#whole(end)) return this.#later();
    if (isStatement(code)) return this.#statement(bytes, end);
    const reply = replyTo(code);
    if (reply === REPLY.unknown) this.#follow('the client sent a command that this protocol does not have');
    else if (reply === REPLY.stream) this.#follow('the client follows the log of changes');
    else if (reply !== REPLY.none) {
      const other = code === COMMAND.changeUser;
      responses.expect(reply, !other && code !== COMMAND.resetConnection, other);
    }
    // MYSQL_OPTION_MULTI_STATEMENTS_OFF; the server refuses what is neither that nor ON.
    if (code === COMMAND.setOption) this.#opening.multiStatements = int2At(bytes, this.#commands.at + 1) !== 1;
    this.#prepared.note(bytes, this.#commands);
    if (code === COMMAND.changeUser) this.#opening.note(bytes, this.#commands, end);
    return true;
  }
  /** The client's answer to the greeting is read whole: it says who connects. */
  #login(bytes: Buffer, end: number): boolean {
    const { at, length } = this.#commands;
    if (!this.#whole(end)) return this.#later();
    if (this.#fate === 'undecided') {
      this.#follow(this.#opening.answer(bytes, at, Math.min(end, at + length)));
      const verdict = this.#opaque ? undefined : this.#judge.connect();
      if (verdict !== undefined && verdict.act !== 'delay') {
        this.#opening.condemn(verdict, this.#judge.subject.kept());
        this.#answers.picking = true;
      } else if (verdict !== undefined) return this.#delay(verdict);
    }
    this.#fate = 'undecided';
    this.#opening.enter();
    return true;
  }

  #statement(bytes: Buffer, end: number): boolean {
    const { acts, tap } = this.link.route;
    const judge = this.#judge;
    const fate = this.#fate;
    const policies = judge.wanted;
    // Without a policy nothing is read but for what is told of it, from what is there.
    const whole = policies || this.#prepared.owing || judge.mayChoose(bytes, this.#commands);
    if (!whole && !tap.wantsPassing && fate === 'undecided') judge.skip();
    else if (!judge.read(bytes, this.#commands, end) && whole) return this.#later();
    this.#fate = 'undecided';
    if (fate === 'undecided') {
      acts.seen();
      const verdict = policies ? judge.verdict() : undefined;
      if (verdict !== undefined) return this.#impose(verdict, bytes, end);
      if (policies && judge.unknown !== '') this.link.notUnderstood(judge.unknown);
      if (tap.wantsPassing) acts.passed(judge.subject);
    }
    if (typeof fate === 'object') this.#refuse(fate, this.told ?? judge.subject, bytes, end);
    else {
      const { choice, plain, reply } = judge;
      this.#responses.expect(reply, plain, choice !== undefined);
      if (choice !== undefined) this.#chosen.asks(this.#chosen.user, choice.database, choice.index);
      this.#next = this.#executions.goesOn(judge.prepared, bytes, this.#commands, end);
    }
    return true;
  }
  /** Whether all of the message is there, or more of it than there can be to know. */
  #whole(end: number): boolean {
    return end - this.#commands.at >= Math.min(this.#commands.length, HOLD_LIMIT / 2);
  }
  /** More of the message must be there, or its time come. */
  #later(): false {
    this.#commands.rewind();
    return false;
  }
  #delay(verdict: Delaying): false {
    this.delay(verdict, this.#judge.subject.kept());
    return this.#later();
  }
  protected override delayOver(): void {
    this.#fate = 'passes';
    this.proceed();
  }

  /** Starts what was decided on the command whose head was read last. False when it has to wait. */
  #impose(verdict: Verdict, bytes: Buffer, end: number): boolean {
    const { subject } = this.#judge;
    if (verdict.act === 'delay') return this.#delay(verdict);
    if (this.#responses.outstanding > 0) {
      this.awaitTurn(verdict, subject.kept());
      return this.#later();
    }
    if (verdict.act === 'drop') this.#drop(verdict, subject);
    else this.#refuse(verdict, subject, bytes, end);
    return true;
  }
  #drop(verdict: Extract<Verdict, { act: 'drop' }>, subject: Shown): void {
    this.link.route.acts.dropped(verdict, subject);
    this.link.reset();
  }
  #refuse(verdict: Refusing, subject: Shown, bytes: Buffer, end: number): void {
    this.link.route.acts.failed(verdict, subject);
    this.#executions.refused(this.#judge.prepared, bytes, this.#commands, end);
    this.discarding = true;
    const error = errorOf(verdict, STATEMENT_FAILED);
    this.#last = endsConnection(error.number);
    this.#refusal = errorPacket(error, 0);
  }
  /** The message under way is complete. */
  #ended(): void {
    this.#prepared.finish();
    const refusal = this.#refusal;
    if (refusal === undefined) return;
    this.#refusal = undefined;
    this.discarding = false;
    // An answer counts on from the last packet of what it answers.
    refusal[3] = (this.#commands.sequence + 1) & 0xff;
    this.link.toClient(refusal);
    if (this.#last) this.link.close();
  }

  /** All commands before the one that waits its turn are answered, or nobody can tell any more. */
  #answered(): void {
    const verdict = this.takeVerdict();
    // A transaction may have begun meanwhile.
    const stands = verdict !== undefined && !this.#opaque && !this.#responses.inTransaction;
    if (stands && verdict.act === 'drop') return this.#drop(verdict, this.told ?? this.#judge.subject);
    this.#fate = stands && verdict.act === 'fail' ? verdict : 'passes';
    this.proceed();
  }
  /** From here on nobody can say where messages end; '' = all is well. */
  #follow(why: string): void {
    if (why === '') return;
    this.#opaque = true;
    if (why !== OVER) this.link.notUnderstood(why);
  }
}
