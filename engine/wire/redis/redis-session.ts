import { STEP } from '../codec.ts';
import type { Verdict } from '../effects.ts';
import type { Link } from '../session.ts';
import type { Shown } from '../subject.ts';
import { type Failing, WaitingSession } from '../waiting-session.ts';
import { CommandScanner } from './command-scanner.ts';
import { CommandSubject } from './command-subject.ts';
import { Dialogue } from './dialogue.ts';
import { ARRIVED } from './expectations.ts';
import { CommandJudge } from './judge.ts';
import { ReplyScanner } from './reply-scanner.ts';

/** One client of Redis and its server. Commands are judged one by one; a refusal is said where the answer would have been. */
export class RedisSession extends WaitingSession {
  readonly #commands = new CommandScanner();
  readonly #replies = new ReplyScanner();
  readonly #dialogue: Dialogue;
  readonly #subject: CommandSubject;
  readonly #judge: CommandJudge;
  /** The command that waits, for people: by then it lies at the start of what is held. */
  readonly #waiting: Shown = { describe: () => this.#subject.at(this.held.peek()).describe() };
  /** How many bytes at the start of `held` are a head that was judged already. */
  #judged = 0;
  #opaque = false;
  #upstreamEnded = false;

  constructor(link: Link) {
    super(link);
    this.#dialogue = new Dialogue(link, this.#commands, (why) => this.#lost(why));
    this.#subject = new CommandSubject(this.#commands, this.#dialogue.owed);
    this.#judge = new CommandJudge(link.route, this.#commands, this.#dialogue.owed);
  }

  protected override get answeredHere(): boolean {
    return this.#dialogue.answered;
  }
  override fromUpstream(bytes: Buffer, length: number): void {
    let from = 0;
    let at = 0;
    const { owed } = this.#dialogue;
    while (!this.#opaque && at < length) {
      const begin = at;
      const step = this.#replies.step(bytes, at, length);
      at = this.#replies.position;
      if (step === STEP.opaque) this.#lost('the bytes of the server are no RESP');
      else if (step === STEP.more) {
        if (this.#replies.open && owed.replaces(this.#replies)) {
          this.answer(bytes, from, begin);
          from = at;
        }
      } else {
        const arrived = owed.arrived(this.#replies);
        if (arrived === ARRIVED.replace) {
          this.answer(bytes, from, begin);
          if (owed.instead !== undefined) this.link.toClient(owed.instead);
          from = at;
        } else if (arrived === ARRIVED.opaque) this.#lost('a transaction changed how the connection is to be read');
      }
    }
    this.answer(bytes, from, length);
    if (this.wait === 'turn' && (this.#opaque || this.#mayAnswer())) this.proceed();
  }
  override upstreamEnded(): void {
    this.#upstreamEnded = true;
    super.upstreamEnded();
  }
  /** A server that is gone resets, whatever the client waits for. */
  override upstreamFailed(): void {
    if (this.#upstreamEnded) this.link.close();
    else this.link.reset();
  }

  protected override process(bytes: Buffer, end: number): number {
    const { acts, effects, protocol, name, tap } = this.link.route;
    const commands = this.#commands;
    const dialogue = this.#dialogue;
    let at = this.#judged;
    this.#judged = 0;
    const decided = at > 0 && !this.#opaque ? this.takeVerdict() : undefined;
    let from = at > 0 && !this.#settle(decided, bytes) ? at : 0;
    const gate = (commands.everyKey = effects.gate(protocol, name));
    if (gate) this.#judge.prepare();
    while ((!this.#opaque || this.discarding) && !this.link.closing) {
      const step = commands.step(bytes, at, end);
      at = commands.position;
      if (step === STEP.head) {
        acts.seen();
        const verdict = gate ? this.#judge.judge(bytes, this.#subject.at(bytes)) : undefined;
        if (verdict === undefined) {
          if (tap.wantsPassing) acts.passed(this.#subject.at(bytes));
          if (!dialogue.replaces) {
            dialogue.announce(bytes, this.#subject);
            continue;
          }
        }
        const { start } = commands;
        this.forward(bytes, from, start);
        from = start;
        if (verdict !== undefined && this.#waits(verdict, at)) return start;
        if (!this.#settle(verdict as Failing | undefined, bytes)) from = at;
      } else if (step === STEP.end) {
        if (this.discarding) from = at;
        this.discarding = false;
      } else if (step === STEP.more) {
        const stop = commands.inHead ? at : end;
        this.forward(bytes, from, stop);
        return stop;
      } else if (this.discarding) {
        // The end of a refused command cannot be found, so nothing after it can be trusted.
        this.link.close();
      } else this.#lost(commands.why);
    }
    this.forward(bytes, from, end);
    return end;
  }

  /** Starts the wait of the command whose head ends at `headEnd`, if it has to wait: for its delay, or for its turn. */
  #waits(verdict: Verdict, headEnd: number): boolean {
    if (verdict.act === 'delay') this.delay(verdict, this.#waiting);
    else if (this.#mayAnswer() || !this.#dialogue.takesTurn(verdict)) return false;
    else this.awaitTurn(verdict, this.#waiting);
    // By the time it goes on, it lies at the start of what is held.
    this.#judged = headEnd - this.#commands.start;
    this.#commands.moved(-this.#commands.start);
    return true;
  }
  /** Everything before is answered, and no push is under way that an answer would cut in two. */
  #mayAnswer(): boolean {
    return this.#dialogue.owed.outstanding === 0 && !this.#replies.open;
  }
  /** Carries out what was decided. Returns whether the command's own bytes go to the server. */
  #settle(verdict: Failing | undefined, bytes: Buffer): boolean {
    if (verdict?.act === 'drop') {
      this.link.route.acts.dropped(verdict, this.#subject.at(bytes));
      this.link.reset();
      return false;
    }
    const subject = this.#subject.at(bytes);
    if (verdict === undefined || !this.#dialogue.refuse(verdict, subject)) {
      if (this.#dialogue.announce(bytes, subject)) return true;
    }
    this.discarding = true;
    return false;
  }

  /** From here on all bytes pass, in both directions. */
  #lost(why: string): void {
    if (this.#opaque) return;
    this.#opaque = true;
    this.link.notUnderstood(why);
    // Its EXEC would take place although the client was told otherwise.
    if (this.#dialogue.doomed) this.link.reset();
  }
}
