import type { Verdict } from './effects.ts';
import { HeldBytes } from './held-bytes.ts';
import type { Hold } from './holds.ts';
import { HOLD_LIMIT, PassingSession } from './session.ts';
import type { Shown } from './subject.ts';

/** It waits first, then passes. */
export type Delaying = Extract<Verdict, { act: 'delay' }>;
/** It does not pass: what the client hears of that comes in its turn. */
export type Failing = Exclude<Verdict, { act: 'delay' }>;

/** What a message of the client waits for: nothing, its delay, the answers before it, or how it is answered itself (an upgrade). */
export type Wait = 'nothing' | 'delay' | 'turn' | 'answer';

/**
 * A session in which a message of the client may have to wait. What waits lies in `held`, and all behind it waits too, as it
 * would for a slow server. Where messages end and what becomes of them is each protocol's own: see `process`.
 */
export abstract class WaitingSession extends PassingSession {
  /** Bytes that wait, or that say too little yet: of a message whose beginning is not complete. */
  protected readonly held = new HeldBytes();
  /** What the message at the start of `held` waits for. */
  protected wait: Wait = 'nothing';
  /** The message under way goes nowhere. */
  protected discarding = false;
  /** What is told of the message that waits. */
  protected told: Shown | undefined;
  #hold: Hold | undefined;
  #verdict: Failing | undefined;
  #clientEnded = false;

  /**
   * Passes on what may pass of bytes[0, end). Returns how many bytes are done with; those behind them come again, at the
   * start of `bytes`: once their message has waited, or together with more.
   */
  protected abstract process(bytes: Buffer, end: number): number;
  /** Since the last message that went upstream, the client was answered here. */
  protected abstract get answeredHere(): boolean;
  /** Bytes held back at which reading from the client stops. */
  protected get holdLimit(): number {
    return HOLD_LIMIT;
  }

  /** A client that never reads its refusals gets no more of them; one that reads only after it has written goes on. */
  override get full(): boolean {
    return this.held.length >= this.holdLimit || (this.answeredHere && this.link.clientBackedUp);
  }
  override fromClient(bytes: Buffer, length: number): void {
    if (this.wait !== 'nothing' || this.held.length > 0) {
      this.held.append(bytes, 0, length);
      if (this.wait === 'nothing') this.processHeld();
    } else {
      const done = this.process(bytes, length);
      if (done < length) this.held.append(bytes, done, length);
    }
  }
  override clientEnded(): void {
    this.#clientEnded = true;
    if (this.wait === 'nothing') this.finish();
  }
  override closed(): void {
    this.giveUp();
  }

  /** Starts the delay of a message; `subject` must stand for it until then. */
  protected delay(verdict: Delaying, subject: Shown): void {
    this.wait = 'delay';
    this.told = subject;
    this.#hold = this.link.route.acts.delayed(verdict, subject, this.link, () => {
      this.#hold = undefined;
      this.delayOver();
    });
  }
  /** The delay is over, by itself or because its policy went, or HALT came. */
  protected delayOver(): void {
    this.proceed();
  }
  /** Nobody waits for the message any more: its delay ends without a word to the session. */
  protected giveUp(): void {
    if (this.#hold !== undefined && this.told !== undefined) this.link.route.acts.cancel(this.#hold, this.told);
    this.#hold = undefined;
  }
  /** The message that fails waits for the answers before it. The session says when they are given, and takes the verdict back. */
  protected awaitTurn(verdict: Failing, subject: Shown): void {
    this.wait = 'turn';
    this.told = subject;
    this.#verdict = verdict;
  }
  /** What was decided on the message whose turn has come. Undefined: it passes, for its policy has gone or HALT was called. */
  protected takeVerdict(): Failing | undefined {
    const verdict = this.#verdict;
    this.#verdict = undefined;
    return verdict !== undefined && this.link.route.effects.inForce(verdict.id) ? verdict : undefined;
  }

  /** The message that waited goes its way, and what came behind it. */
  protected proceed(): void {
    this.wait = 'nothing';
    this.processHeld();
    if (this.wait !== 'nothing' || this.link.closing) return;
    if (this.#clientEnded) this.finish();
    else this.link.drained();
  }
  protected processHeld(): void {
    this.held.reread((bytes, length) => this.process(bytes, length));
  }
  /** Passes bytes[from, to) on to the server, as they are. */
  protected forward(bytes: Buffer, from: number, to: number): void {
    if (from >= to || this.discarding || this.link.closing) return;
    this.link.toUpstream(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to));
  }
  /** The same towards the client. */
  answer(bytes: Buffer, from: number, to: number): void {
    if (from < to && !this.link.closing) this.link.toClient(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to));
  }
  /** The client will send no more: what is not complete goes up as it is, then the end. */
  protected finish(): void {
    const rest = this.held.take();
    this.forward(rest, 0, rest.length);
    this.link.endUpstream();
  }
}
