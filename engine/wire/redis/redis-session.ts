import { STEP } from '../codec.ts';
import type { Verdict } from '../effects.ts';
import { HeldBytes } from '../held-bytes.ts';
import type { Hold } from '../holds.ts';
import { HOLD_LIMIT, type Link, type Session } from '../session.ts';
import { CommandScanner } from './command-scanner.ts';
import { CommandSubject } from './command-subject.ts';
import { Dialogue, type Failing } from './dialogue.ts';
import { ARRIVED } from './expectations.ts';
import { CommandJudge } from './judge.ts';
import { ReplyScanner } from './reply-scanner.ts';

/**
 * One client of Redis and its server. Commands are judged one by one; one that waits keeps those behind it waiting, as a
 * slow server would, and a refusal is said where the answer would have been.
 */
export class RedisSession implements Session {
  readonly #link: Link;
  readonly #commands = new CommandScanner();
  readonly #replies = new ReplyScanner();
  readonly #dialogue: Dialogue;
  readonly #subject: CommandSubject;
  readonly #judge: CommandJudge;
  readonly #held = new HeldBytes();
  /** What the next command waits for. */
  #wait: 'nothing' | 'delay' | 'turn' = 'nothing';
  #verdict: Failing | undefined;
  #hold: Hold | undefined;
  /** How many bytes at the start of `held` are a head that was judged already. */
  #judged = 0;
  /** The command under way was answered here: the rest of it goes nowhere. */
  #discarding = false;
  #opaque = false;
  #clientEnded = false;
  #upstreamEnded = false;

  constructor(link: Link) {
    this.#link = link;
    this.#dialogue = new Dialogue(link, this.#commands, (why) => this.#lost(why));
    this.#subject = new CommandSubject(this.#commands, this.#dialogue.owed);
    this.#judge = new CommandJudge(link.route, this.#commands, this.#dialogue.owed);
  }

  /** A client that never reads its refusals gets no more of them; one that reads only after it has written goes on. */
  get full(): boolean {
    return this.#held.length >= HOLD_LIMIT || (this.#dialogue.answered && this.#link.clientBackedUp);
  }
  get upstreamFull(): boolean {
    return false;
  }

  fromClient(bytes: Buffer, length: number): void {
    if (this.#wait !== 'nothing' || this.#held.length > 0) {
      this.#held.append(bytes, 0, length);
      if (this.#wait === 'nothing') this.#processHeld();
    } else {
      const consumed = this.#process(bytes, 0, length);
      if (consumed < length) this.#held.append(bytes, consumed, length);
    }
  }
  fromUpstream(bytes: Buffer, length: number): void {
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
          this.#toClient(bytes, from, begin);
          from = at;
        }
      } else {
        const arrived = owed.arrived(this.#replies);
        if (arrived === ARRIVED.replace) {
          this.#toClient(bytes, from, begin);
          if (owed.instead !== undefined) this.#link.toClient(owed.instead);
          from = at;
        } else if (arrived === ARRIVED.opaque) this.#lost('a transaction changed how the connection is to be read');
      }
    }
    this.#toClient(bytes, from, length);
    if (this.#wait === 'turn' && (this.#opaque || this.#mayAnswer())) this.#proceed();
  }
  clientEnded(): void {
    this.#clientEnded = true;
    if (this.#wait === 'nothing') this.#finish();
  }
  upstreamEnded(): void {
    this.#upstreamEnded = true;
    this.#link.endClient();
  }
  /** A server that is gone resets, whatever the client waits for. */
  upstreamFailed(): void {
    if (this.#upstreamEnded) this.#link.close();
    else this.#link.reset();
  }
  closed(): void {
    if (this.#hold !== undefined) this.#link.route.acts.cancel(this.#hold, this.#subject.at(this.#held.peek()));
    this.#hold = undefined;
  }

  /**
   * Passes on what may pass of bytes[0, end); what comes before `judged` is a head that was judged already. Returns how
   * many bytes are done with; the others must wait, or are part of a head that is not complete.
   */
  #process(bytes: Buffer, judged: number, end: number): number {
    const { acts, effects, protocol, name, tap } = this.#link.route;
    const commands = this.#commands;
    const dialogue = this.#dialogue;
    let at = judged;
    let from = judged > 0 && !this.#settle(this.#takeVerdict(), bytes) ? judged : 0;
    const gate = (commands.everyKey = effects.gate(protocol, name));
    if (gate) this.#judge.prepare();
    while ((!this.#opaque || this.#discarding) && !this.#link.closing) {
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
        this.#toUpstream(bytes, from, start);
        from = start;
        if (verdict !== undefined && this.#waits(verdict, at)) return start;
        if (!this.#settle(verdict as Failing | undefined, bytes)) from = at;
      } else if (step === STEP.end) {
        if (this.#discarding) from = at;
        this.#discarding = false;
      } else if (step === STEP.more) {
        const stop = commands.inHead ? at : end;
        this.#toUpstream(bytes, from, stop);
        return stop;
      } else if (this.#discarding) {
        // The end of a refused command cannot be found, so nothing after it can be trusted.
        this.#link.close();
      } else this.#lost(commands.why);
    }
    this.#toUpstream(bytes, from, end);
    return end;
  }
  #processHeld(): void {
    const judged = this.#judged;
    this.#judged = 0;
    this.#held.reread((bytes, length) => this.#process(bytes, judged, length));
  }
  /** The command that waited goes its way. */
  #proceed(): void {
    this.#wait = 'nothing';
    this.#processHeld();
    if (this.#wait !== 'nothing' || this.#link.closing) return;
    if (this.#clientEnded) this.#finish();
    else this.#link.drained();
  }

  /** Starts the wait of the command whose head ends at `headEnd`, if it has to wait: for its delay, or for its turn. */
  #waits(verdict: Verdict, headEnd: number): boolean {
    if (verdict.act === 'delay') {
      this.#wait = 'delay';
      const describe = () => this.#subject.at(this.#held.peek()).describe();
      this.#hold = this.#link.route.acts.delayed(verdict, { describe }, this.#link, () => {
        this.#hold = undefined;
        this.#proceed();
      });
    } else if (this.#mayAnswer() || !this.#dialogue.takesTurn(verdict)) return false;
    else {
      this.#wait = 'turn';
      this.#verdict = verdict;
    }
    // By the time it goes on, it lies at the start of what is held.
    this.#judged = headEnd - this.#commands.start;
    this.#commands.moved(-this.#commands.start);
    return true;
  }
  /** Everything before is answered, and no push is under way that an answer would cut in two. */
  #mayAnswer(): boolean {
    return this.#dialogue.owed.outstanding === 0 && !this.#replies.open;
  }
  #takeVerdict(): Failing | undefined {
    const verdict = this.#verdict;
    this.#verdict = undefined;
    // Its policy may have gone, or HALT been called, while it waited.
    return verdict === undefined || this.#opaque || !this.#link.route.effects.inForce(verdict.id) ? undefined : verdict;
  }
  /** Carries out what was decided. Returns whether the command's own bytes go to the server. */
  #settle(verdict: Failing | undefined, bytes: Buffer): boolean {
    if (verdict?.act === 'drop') {
      this.#link.route.acts.dropped(verdict, this.#subject.at(bytes));
      this.#link.reset();
      return false;
    }
    const subject = this.#subject.at(bytes);
    if (verdict === undefined || !this.#dialogue.refuse(verdict, subject)) {
      if (this.#dialogue.announce(bytes, subject)) return true;
    }
    this.#discarding = true;
    return false;
  }

  #toUpstream(bytes: Buffer, from: number, to: number): void {
    if (from >= to || this.#discarding || this.#link.closing) return;
    this.#link.toUpstream(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to));
  }
  #toClient(bytes: Buffer, from: number, to: number): void {
    if (from < to) this.#link.toClient(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to));
  }
  /** From here on all bytes pass, in both directions. */
  #lost(why: string): void {
    if (this.#opaque) return;
    this.#opaque = true;
    this.#link.notUnderstood(why);
    // Its EXEC would take place although the client was told otherwise.
    if (this.#dialogue.doomed) this.#link.reset();
  }
  /** The client will send no more: an unfinished head goes up as it is, then the end. */
  #finish(): void {
    const rest = this.#held.take();
    this.#toUpstream(rest, 0, rest.length);
    this.#link.endUpstream();
  }
}
