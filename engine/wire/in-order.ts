import { type Codec, type RequestFramer, type ResponseFramer, STEP } from './codec.ts';
import type { Verdict } from './effects.ts';
import { HeldBytes } from './held-bytes.ts';
import { HeadSubject } from './head-subject.ts';
import type { Hold } from './holds.ts';
import { HOLD_LIMIT, type Link, type Session } from './session.ts';

/** What the next message of the client waits for: nothing, its delay, the answers before it, or how its upgrade is answered. */
type Wait = 'nothing' | 'delay' | 'turn' | 'pivot';

/**
 * A protocol of requests that are answered in order, by its codec. Bytes of a message that is held back wait in `held`;
 * those behind them wait too.
 */
export class InOrderSession implements Session {
  readonly #link: Link;
  readonly #codec: Codec;
  readonly #requests: RequestFramer;
  readonly #responses: ResponseFramer;
  readonly #subject: HeadSubject;
  readonly #held = new HeldBytes();
  readonly #answerHead = new HeldBytes();
  #wait: Wait = 'nothing';
  #verdict: Exclude<Verdict, { act: 'delay' }> | undefined;
  #hold: Hold | undefined;
  /** How many bytes at the start of `held` are a head that was judged already. */
  #judged = 0;
  /** The message under way was refused: the rest of it goes nowhere. */
  #discarding = false;
  /** Since the last message that went upstream, a fault kept the upstream idle; its closing then is no answer. */
  #faulted = false;
  #opaque = false;
  #clientEnded = false;
  #upstreamEnded = false;

  constructor(link: Link, codec: Codec) {
    this.#link = link;
    this.#codec = codec;
    this.#requests = codec.requests();
    this.#responses = codec.responses();
    this.#subject = new HeadSubject(codec, this.#requests);
  }

  /** A client that never reads its refusals gets no more of them; one that reads only after it has written goes on. */
  get full(): boolean {
    return this.#held.length >= HOLD_LIMIT || (this.#faulted && this.#link.clientBackedUp);
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
    this.#link.toClient(length === bytes.length ? bytes : bytes.subarray(0, length));
    if (this.#opaque) return;
    if (this.#answerHead.length === 0) this.#scan(bytes, length);
    else {
      this.#answerHead.append(bytes, 0, length);
      this.#scan(this.#answerHead.peek(), this.#answerHead.length);
    }
    if (this.#opaque || this.#responses.outstanding === 0) this.#answered();
  }
  clientEnded(): void {
    this.#clientEnded = true;
    if (this.#wait === 'nothing') this.#finish();
  }
  upstreamEnded(): void {
    this.#upstreamEnded = true;
    if (this.#idleByFault() && !this.#responses.endsWithStream) this.#detach();
    else this.#link.endClient();
  }
  upstreamFailed(error: Error, reached: boolean): void {
    if (!reached && !this.#opaque) this.#badGateway(error);
    else if (this.#idleByFault()) this.#detach();
    else if (this.#upstreamEnded) this.#link.close();
    else this.#link.reset();
  }
  closed(): void {
    if (this.#hold !== undefined) this.#link.route.acts.cancel(this.#hold, this.#heldSubject());
    this.#hold = undefined;
  }

  /**
   * Passes on what may pass of bytes[0, end); what comes before `at` was scanned already. Returns how many bytes are done
   * with; the others must wait, or are part of a head that is not complete.
   */
  #process(bytes: Buffer, at: number, end: number): number {
    const link = this.#link;
    const { acts, effects, protocol, name, tap } = link.route;
    const requests = this.#requests;
    const subject = this.#subject.at(bytes, 0);
    let from = 0;
    while ((!this.#opaque || this.#discarding) && !link.closing) {
      const step = requests.step(bytes, at, end);
      at = requests.position;
      if (step === STEP.head) {
        acts.seen();
        const verdict = effects.gate(protocol, name)
          ? effects.judge(protocol, name, bytes, requests.nameStart, requests.nameEnd, subject)
          : undefined;
        if (verdict === undefined) {
          if (tap.wantsPassing) acts.passed(subject);
          this.#announce();
          continue;
        }
        this.#forward(bytes, from, requests.start);
        if (!this.#impose(verdict, subject)) {
          this.#judged = at - requests.start;
          return requests.start;
        }
        from = at;
      } else if (step === STEP.end) {
        if (this.#discarding) from = at;
        else if (requests.pivot && this.#responses.outstanding > 0) {
          this.#forward(bytes, from, at);
          this.#wait = 'pivot';
          return at;
        }
        this.#discarding = false;
      } else if (step === STEP.more) {
        const stop = requests.inHead ? at : end;
        this.#forward(bytes, from, stop);
        return stop;
      } else {
        this.#opaque = true;
        // The end of a refused message cannot be found, so nothing after it can be trusted.
        if (this.#discarding) link.close();
        else link.notUnderstood('the bytes of the client are no message that this protocol knows');
      }
    }
    this.#forward(bytes, from, end);
    return end;
  }

  #processHeld(): void {
    const judged = this.#judged;
    this.#judged = 0;
    this.#held.reread((bytes, length) => this.#process(bytes, judged, length));
  }
  /** The message that waited goes on, as one that passes unless it was refused. */
  #proceed(): void {
    this.#wait = 'nothing';
    this.#processHeld();
    if (this.#wait !== 'nothing' || this.#link.closing) return;
    if (this.#clientEnded) this.#finish();
    else this.#link.drained();
  }

  #announce(): void {
    this.#responses.expect(this.#requests.kind);
    this.#faulted = false;
  }
  #forward(bytes: Buffer, from: number, to: number): void {
    if (from >= to || this.#discarding || this.#link.closing) return;
    this.#link.toUpstream(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to));
  }

  /** Starts what was decided on the message whose head was read last. False when it has to wait. */
  #impose(verdict: Verdict, subject: HeadSubject): boolean {
    this.#faulted = true;
    if (verdict.act === 'delay') {
      this.#wait = 'delay';
      // By the time it is described the message lies at the start of what is held.
      const described = { describe: () => this.#heldSubject().describe() };
      this.#hold = this.#link.route.acts.delayed(verdict, described, this.#link, () => this.#released());
      return false;
    }
    if (this.#responses.outstanding > 0) {
      this.#wait = 'turn';
      this.#verdict = verdict;
      return false;
    }
    const { acts } = this.#link.route;
    if (verdict.act === 'drop') {
      acts.dropped(verdict, subject);
      this.#link.reset();
      return true;
    }
    acts.failed(verdict, subject);
    const last = this.#requests.last || verdict.refusal.code < 200;
    this.#link.toClient(this.#codec.refuse(verdict.refusal, this.#requests.kind, last));
    this.#discarding = true;
    if (last) this.#link.close();
    return true;
  }
  #heldSubject(): HeadSubject {
    return this.#subject.at(this.#held.peek(), -this.#requests.start);
  }
  #released(): void {
    this.#hold = undefined;
    if (!this.#opaque) this.#announce();
    this.#proceed();
  }
  /** All requests so far are answered, or nobody can tell any more. */
  #answered(): void {
    if (this.#wait === 'turn') {
      const verdict = this.#verdict;
      this.#verdict = undefined;
      // The policy may have gone, or HALT been called, while the message waited its turn.
      if (verdict === undefined || this.#opaque || !this.#link.route.effects.inForce(verdict.id)) this.#announce();
      else this.#impose(verdict, this.#heldSubject());
      if (!this.#link.closing) this.#proceed();
    } else if (this.#wait === 'pivot') this.#proceed();
  }

  /** Follows the answers, which have been passed on already; keeps a head that is not complete to read it again. */
  #scan(bytes: Buffer, end: number): void {
    const responses = this.#responses;
    let step: number = STEP.end;
    for (let at = 0; step === STEP.head || step === STEP.end; at = responses.position) step = responses.step(bytes, at, end);
    // An upgrade, most often; what is no answer at all is passed on as well.
    if (step === STEP.opaque) {
      this.#opaque = true;
      if (responses.why !== '') this.#link.notUnderstood(responses.why);
    }
    const rest = responses.inHead && !this.#opaque ? responses.position : end;
    const kept = this.#answerHead.length > 0;
    if (kept && rest === 0) return;
    if (kept) this.#answerHead.take();
    if (rest < end) this.#answerHead.append(bytes, rest, end);
  }

  /** The client will send no more: an unfinished head goes up as it is, then the end. */
  #finish(): void {
    const rest = this.#held.take();
    if (rest.length > 0) {
      this.#opaque = true;
      this.#forward(rest, 0, rest.length);
    }
    this.#link.endUpstream();
  }
  /** Whether the upstream connection has nothing to answer only because a fault keeps the client's messages from it. */
  #idleByFault(): boolean {
    return !this.#opaque && this.#faulted && this.#responses.outstanding === 0;
  }
  /** An idle upstream connection that its server closed is replaced when the next message passes. */
  #detach(): void {
    this.#upstreamEnded = false;
    this.#link.detachUpstream();
  }
  #badGateway(error: Error): void {
    const { name, host, port } = this.#link.route;
    const text = `firebreak: route ${name} cannot reach ${host}:${port}: ${error.message}\n`;
    const refusal = { code: 502, body: Buffer.from(text), retryAfter: 0 };
    this.#link.toClient(this.#codec.refuse(refusal, this.#responses.kind, true));
    this.#link.close();
  }
}
