import type { Verdict } from '../effects.ts';
import { HeldBytes } from '../held-bytes.ts';
import type { Hold } from '../holds.ts';
import { type Link, PassingSession } from '../session.ts';
import type { Shown } from '../subject.ts';
import { Answers } from './answers.ts';
import { addElements, nullFields, removeDocuments } from './change.ts';
import { CommandSubject } from './command-subject.ts';
import { type Asked, askedBy, changesAnswer, refusalOf, writeConcernError } from './failure.ts';
import { Header, LEAST, OP } from './header.ts';
import { Look, LOOK } from './look.ts';

type Fail = Extract<Verdict, { act: 'fail' }>;
/** What the next message waits for. */
type Wait = 'nothing' | 'delay' | 'turn';
/** What was decided on the message at the start of what is held. */
type Decided = 'nothing' | 'pass' | 'refuse';

/** One connection of MongoDB's wire protocol. */
export class MongoSession extends PassingSession {
  readonly #header = new Header('client');
  readonly #look = new Look();
  readonly #command = this.#look.command;
  readonly #subject = new CommandSubject(this.#command);
  readonly #held = new HeldBytes();
  /** Bytes of the message under way that are still to come. */
  #left = 0;
  /** The message under way goes nowhere; `#refusal` is said at its end. */
  #discarding = false;
  #refusal: Buffer | undefined;
  /** The last message was refused. */
  #faulted = false;
  /** The command of the message that was looked at last is known. */
  #known = false;
  #wait: Wait = 'nothing';
  #decided: Decided = 'nothing';
  #verdict: Exclude<Verdict, { act: 'delay' }> | undefined;
  #kept: Shown | undefined;
  #hold: Hold | undefined;
  #opaque = false;
  #clientEnded = false;
  readonly #answers: Answers;
  /** Numbers the answers that are made here. */
  #ownId = 0;

  constructor(link: Link) {
    super(link);
    this.#answers = new Answers(link);
  }
  override get full(): boolean {
    // A client that never reads its refusals gets no more of them.
    return this.#held.length >= LOOK || (this.#faulted && this.link.clientBackedUp);
  }

  override fromClient(bytes: Buffer, length: number): void {
    if (this.#opaque) return super.fromClient(bytes, length);
    if (this.#wait !== 'nothing' || this.#held.length > 0) {
      this.#held.append(bytes, 0, length);
      if (this.#wait === 'nothing') this.#processHeld();
      return;
    }
    const consumed = this.#process(bytes, length);
    if (consumed < length) this.#held.append(bytes, consumed, length);
  }
  override clientEnded(): void {
    this.#clientEnded = true;
    if (this.#wait === 'nothing') this.#finish();
  }
  override closed(): void {
    if (this.#hold !== undefined && this.#kept !== undefined) this.link.route.acts.cancel(this.#hold, this.#kept);
    this.#hold = undefined;
    this.#answers.clear();
  }

  /** Passes on what may pass of bytes[0, end). Returns how many are done with; the others wait, or are part of a header. */
  #process(bytes: Buffer, end: number): number {
    const header = this.#header;
    let from = 0;
    let at = 0;
    while (!this.link.closing) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, end - at);
        this.#left -= step;
        at += step;
        if (this.#discarding) from = at;
        if (this.#left > 0) break;
        if (this.#discarding) this.#refused();
        continue;
      }
      if (end - at < LEAST) {
        this.#forward(bytes, from, at);
        return at;
      }
      if (!header.read(bytes, at)) {
        this.#opaque = true;
        this.link.notUnderstood('the bytes of the client are no message of MongoDB');
        this.#forward(bytes, from, end);
        return end;
      }
      const next = this.#next(bytes, at, end);
      if (next !== 'pass') {
        this.#forward(bytes, from, at);
        if (next === 'wait') return at;
        if (next === 'over') return end;
        this.#discarding = true;
        from = at;
      } else this.#announce();
      this.#left = header.length;
    }
    this.#forward(bytes, from, at);
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
      const kept = this.#subject.kept();
      this.#kept = kept;
      this.#wait = 'delay';
      this.#hold = this.link.route.acts.delayed(verdict, kept, this.link, () => this.#released());
      return 'wait';
    }
    // No transaction is cut inside; what was not seen whole may be part of one.
    if (verdict.act === 'drop' && (command.inTransaction || !command.whole)) return 'pass';
    const asked = verdict.act === 'fail' ? askedBy(verdict.extra) : undefined;
    if (verdict.act === 'fail' && asked !== undefined && changesAnswer(asked)) return this.#awaitAnswer(verdict, asked);
    const turn = this.#turn();
    if (turn === 'never') return 'pass';
    this.#verdict = verdict;
    this.#kept = this.#subject.kept();
    if (asked !== undefined && verdict.act === 'fail' && !command.unacknowledged) {
      this.#refusal = refusalOf(verdict, asked, command, this.#header.requestId, ++this.#ownId);
    }
    if (turn === 'now') return this.#carryOut();
    this.#wait = 'turn';
    return 'wait';
  }
  /** When an answer of our own may be written: answers stay in order. Never: where that would be is not known. */
  #turn(): 'now' | 'later' | 'never' {
    const { pending, opaque } = this.#answers;
    if (pending.none) return 'now';
    return pending.sure && !opaque ? 'later' : 'never';
  }
  #carryOut(): 'refuse' | 'over' {
    const verdict = this.#verdict;
    if (verdict?.act !== 'drop') return 'refuse';
    this.link.route.acts.dropped(verdict, this.#kept as Shown);
    this.link.reset();
    return 'over';
  }
  /** The last byte of a refused message has come: now its server would answer. */
  #refused(): void {
    const { acts } = this.link.route;
    this.#discarding = false;
    this.#faulted = true;
    if (this.#verdict?.act === 'fail') acts.failed(this.#verdict, this.#kept as Shown);
    if (this.#refusal !== undefined) this.link.toClient(this.#refusal);
    this.#verdict = this.#refusal = this.#kept = undefined;
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
  #forward(bytes: Buffer, from: number, to: number): void {
    if (from >= to || this.link.closing) return;
    this.link.toUpstream(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to));
  }
  #processHeld(): void {
    this.#held.reread((bytes, length) => this.#process(bytes, length));
  }
  #released(): void {
    this.#hold = this.#kept = undefined;
    this.#proceed('pass');
  }
  /** The message that waited goes on. */
  #proceed(decided: Decided): void {
    this.#wait = 'nothing';
    this.#decided = decided;
    this.#processHeld();
    if (this.#wait !== 'nothing' || this.link.closing) return;
    if (this.#clientEnded) this.#finish();
    else this.link.drained();
  }
  /** The client will send no more: an unfinished message goes up as it is, then the end. */
  #finish(): void {
    const rest = this.#held.take();
    this.#forward(rest, 0, rest.length);
    this.link.endUpstream();
  }

  override fromUpstream(bytes: Buffer, length: number): void {
    this.#answers.feed(bytes, length);
    if (this.#wait === 'turn' && this.#turn() !== 'later') this.#turnCame();
  }
  override upstreamEnded(): void {
    this.#answers.flush();
    this.link.endClient();
  }
  /** All that was asked before the message that waits is answered. */
  #turnCame(): void {
    const verdict = this.#verdict;
    // The policy may have gone, or HALT been called, while the message waited its turn.
    if (verdict === undefined || this.#turn() === 'never' || !this.link.route.effects.inForce(verdict.id)) {
      this.#verdict = this.#refusal = this.#kept = undefined;
      this.#proceed('pass');
    } else if (this.#carryOut() === 'refuse') this.#proceed('refuse');
  }
}
