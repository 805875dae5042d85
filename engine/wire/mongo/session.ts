import type { Verdict } from '../effects.ts';
import type { Link } from '../session.ts';
import type { Shown } from '../subject.ts';
import { type Failing, WaitingSession } from '../waiting-session.ts';
import { Answers } from './answers.ts';
import { addElements, nullFields, removeDocuments } from './change.ts';
import { CommandSubject } from './command-subject.ts';
import { type Asked, askedBy, changesAnswer, refusalOf, writeConcernError } from './failure.ts';
import { Header, LEAST, OP } from './header.ts';
import { Look, LOOK } from './look.ts';

type Fail = Extract<Failing, { act: 'fail' }>;
/** What was decided on the message at the start of what is held. */
type Decided = 'nothing' | 'pass' | 'refuse';

/** One connection of MongoDB's wire protocol. */
export class MongoSession extends WaitingSession {
  readonly #header = new Header('client');
  readonly #look = new Look();
  readonly #command = this.#look.command;
  readonly #subject = new CommandSubject(this.#command);
  /** Bytes of the message under way that are still to come. */
  #left = 0;
  /** Said at the end of a message that goes nowhere. */
  #refusal: Buffer | undefined;
  /** The last message was refused. */
  #faulted = false;
  /** The command of the message that was looked at last is known. */
  #known = false;
  #decided: Decided = 'nothing';
  /** What befalls the message under way, told at its end. */
  #failing: { readonly verdict: Fail; readonly subject: Shown } | undefined;
  #opaque = false;
  readonly #answers: Answers;
  /** Numbers the answers that are made here. */
  #ownId = 0;

  constructor(link: Link) {
    super(link);
    this.#answers = new Answers(link);
  }
  protected override get answeredHere(): boolean {
    return this.#faulted;
  }
  protected override get holdLimit(): number {
    return LOOK;
  }
  override closed(): void {
    super.closed();
    this.#answers.clear();
  }

  protected override process(bytes: Buffer, end: number): number {
    if (this.#opaque) {
      this.forward(bytes, 0, end);
      return end;
    }
    const header = this.#header;
    let from = 0;
    let at = 0;
    while (!this.link.closing) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, end - at);
        this.#left -= step;
        at += step;
        if (this.discarding) from = at;
        if (this.#left > 0) break;
        if (this.discarding) this.#refused();
        continue;
      }
      if (end - at < LEAST) {
        this.forward(bytes, from, at);
        return at;
      }
      if (!header.read(bytes, at)) {
        this.#opaque = true;
        this.link.notUnderstood('the bytes of the client are no message of MongoDB');
        this.forward(bytes, from, end);
        return end;
      }
      const next = this.#next(bytes, at, end);
      if (next !== 'pass') {
        this.forward(bytes, from, at);
        if (next === 'wait') return at;
        if (next === 'over') return end;
        this.discarding = true;
        from = at;
      } else this.#announce();
      this.#left = header.length;
    }
    this.forward(bytes, from, at);
    return end;
  }

  /** What becomes of the message that begins at `at`: its header has been read. */
  #next(bytes: Buffer, at: number, end: number): 'pass' | 'refuse' | 'wait' | 'over' {
    const { acts, effects, protocol, name, tap } = this.link.route;
    const decided = this.#decided;
    if (decided !== 'nothing') {
      this.#decided = 'nothing';
      return decided;
    }
    const judges = effects.gate(protocol, name);
    const looks = judges || tap.wantsPassing;
    if (looks && end - at < this.#look.wanted(this.#header, bytes, at, end)) return 'wait';
    acts.seen();
    this.#known = looks && this.#look.read(this.#header, bytes, at, end);
    if (!this.#known) return 'pass';
    const command = this.#command;
    const verdict =
      judges && !command.untouched ? effects.judge(protocol, name, command.name, 0, command.nameEnd, this.#subject) : undefined;
    if (verdict !== undefined) return this.#impose(verdict);
    if (tap.wantsPassing) acts.passed(this.#subject);
    return 'pass';
  }
  /** Starts what was decided on the message whose command was read last. */
  #impose(verdict: Verdict): 'pass' | 'refuse' | 'wait' | 'over' {
    const command = this.#command;
    if (verdict.act === 'delay') {
      this.delay(verdict, this.#subject.kept());
      return 'wait';
    }
    // No transaction is cut inside; what was not seen whole may be part of one.
    if (verdict.act === 'drop' && (command.inTransaction || !command.whole)) return 'pass';
    const asked = verdict.act === 'fail' ? askedBy(verdict.extra) : undefined;
    if (verdict.act === 'fail' && asked !== undefined && changesAnswer(asked)) return this.#awaitAnswer(verdict, asked);
    const turn = this.#turn();
    if (turn === 'never') return 'pass';
    const subject = this.#subject.kept();
    if (asked !== undefined && verdict.act === 'fail' && !command.unacknowledged) {
      this.#refusal = refusalOf(verdict, asked, command, this.#header.requestId, ++this.#ownId);
    }
    if (turn === 'now') return this.#carryOut(verdict, subject);
    this.awaitTurn(verdict, subject);
    return 'wait';
  }
  /** When an answer of our own may be written: answers stay in order. Never: where that would be is not known. */
  #turn(): 'now' | 'later' | 'never' {
    const { pending, opaque } = this.#answers;
    if (pending.none) return 'now';
    return pending.sure && !opaque ? 'later' : 'never';
  }
  #carryOut(verdict: Failing, subject: Shown): 'refuse' | 'over' {
    if (verdict.act === 'fail') {
      this.#failing = { verdict, subject };
      return 'refuse';
    }
    this.link.route.acts.dropped(verdict, subject);
    this.link.reset();
    return 'over';
  }
  /** The last byte of a refused message has come: now its server would answer. */
  #refused(): void {
    this.discarding = false;
    this.#faulted = true;
    if (this.#failing !== undefined) this.link.route.acts.failed(this.#failing.verdict, this.#failing.subject);
    if (this.#refusal !== undefined) this.link.toClient(this.#refusal);
    this.#failing = this.#refusal = undefined;
  }
  #awaitAnswer(verdict: Fail, asked: Asked): 'pass' {
    if (this.#command.unacknowledged) return 'pass';
    const change =
      asked.failure === 'remove-documents' ? removeDocuments(asked.share)
      : asked.failure === 'null-fields' ? nullFields(asked.share, asked.fields)
      : addElements(writeConcernError(verdict, asked, this.#command));
    this.#answers.change(this.#header.requestId, { verdict, subject: this.#subject.kept(), change });
    return 'pass';
  }

  #announce(): void {
    const { opCode, requestId, answered } = this.#header;
    this.#faulted = false;
    // A packed message shows only to those who unpack it whether it wants an answer.
    const packed = opCode === OP.compressed;
    if (!answered || (packed && this.#known && this.#command.unacknowledged)) return;
    this.#answers.pending.add(requestId, packed && !this.#known);
  }
  protected override delayOver(): void {
    this.#decided = 'pass';
    this.proceed();
  }

  override fromUpstream(bytes: Buffer, length: number): void {
    this.#answers.feed(bytes, length);
    if (this.wait === 'turn' && this.#turn() !== 'later') this.#turnCame();
  }
  override upstreamEnded(): void {
    this.#answers.flush();
    super.upstreamEnded();
  }
  /** All that was asked before the message that waits is answered. */
  #turnCame(): void {
    const verdict = this.takeVerdict();
    const stands = verdict !== undefined && this.#turn() !== 'never';
    if (!stands) this.#refusal = undefined;
    this.#decided = stands ? 'refuse' : 'pass';
    if (!stands || this.#carryOut(verdict, this.told as Shown) === 'refuse') this.proceed();
  }
}
