import { type Codec, type RequestFramer, type ResponseFramer, STEP } from './codec.ts';
import type { Verdict } from './effects.ts';
import { HeldBytes } from './held-bytes.ts';
import { HeadSubject } from './head-subject.ts';
import type { Link } from './session.ts';
import type { Shown } from './subject.ts';
import { WaitingSession } from './waiting-session.ts';

/** A protocol of requests that are answered in order, by its codec. */
export class InOrderSession extends WaitingSession {
  readonly #codec: Codec;
  readonly #requests: RequestFramer;
  readonly #responses: ResponseFramer;
  readonly #subject: HeadSubject;
  readonly #answerHead = new HeldBytes();
  /** The message that waits, for people: by then it lies at the start of what is held. */
  readonly #waiting: Shown = { describe: () => this.#heldSubject().describe() };
  /** How many bytes at the start of `held` are a head that was judged already. */
  #judged = 0;
  /** Since the last message that went upstream, a fault kept the upstream idle; its closing then is no answer. */
  #faulted = false;
  #opaque = false;
  #upstreamEnded = false;

  constructor(link: Link, codec: Codec) {
    super(link);
    this.#codec = codec;
    this.#requests = codec.requests();
    this.#responses = codec.responses();
    this.#subject = new HeadSubject(codec, this.#requests);
  }

  protected override get answeredHere(): boolean {
    return this.#faulted;
  }
  override fromUpstream(bytes: Buffer, length: number): void {
    super.fromUpstream(bytes, length);
    if (this.#opaque) return;
    if (this.#answerHead.length === 0) this.#scan(bytes, length);
    else {
      this.#answerHead.append(bytes, 0, length);
      this.#scan(this.#answerHead.peek(), this.#answerHead.length);
    }
    if (this.#opaque || this.#responses.outstanding === 0) this.#answered();
  }
  override upstreamEnded(): void {
    this.#upstreamEnded = true;
    if (this.#idleByFault() && !this.#responses.endsWithStream) this.#detach();
    else super.upstreamEnded();
  }
  override upstreamFailed(error: Error, reached: boolean): void {
    if (!reached && !this.#opaque) this.#badGateway(error);
    else if (this.#idleByFault()) this.#detach();
    else if (this.#upstreamEnded) this.link.close();
    else this.link.reset();
  }

  protected override process(bytes: Buffer, end: number): number {
    const { link } = this;
    const { acts, effects, protocol, name, tap } = link.route;
    const requests = this.#requests;
    const subject = this.#subject.at(bytes, 0);
    let from = 0;
    let at = this.#judged;
    this.#judged = 0;
    while ((!this.#opaque || this.discarding) && !link.closing) {
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
        this.forward(bytes, from, requests.start);
        if (!this.#impose(verdict, subject)) {
          this.#judged = at - requests.start;
          return requests.start;
        }
        from = at;
      } else if (step === STEP.end) {
        if (this.discarding) from = at;
        else if (requests.pivot && this.#responses.outstanding > 0) {
          this.forward(bytes, from, at);
          this.wait = 'answer';
          return at;
        }
        this.discarding = false;
      } else if (step === STEP.more) {
        const stop = requests.inHead ? at : end;
        this.forward(bytes, from, stop);
        return stop;
      } else {
        this.#opaque = true;
        // The end of a refused message cannot be found, so nothing after it can be trusted.
        if (this.discarding) link.close();
        else link.notUnderstood('the bytes of the client are no message that this protocol knows');
      }
    }
    this.forward(bytes, from, end);
    return end;
  }

  #announce(): void {
    this.#responses.expect(this.#requests.kind);
    this.#faulted = false;
  }

  /** Starts what was decided on the message whose head was read last. False when it has to wait. */
  #impose(verdict: Verdict, subject: Shown): boolean {
    this.#faulted = true;
    if (verdict.act === 'delay') {
      this.delay(verdict, this.#waiting);
      return false;
    }
    if (this.#responses.outstanding > 0) {
      this.awaitTurn(verdict, this.#waiting);
      return false;
    }
    const { acts } = this.link.route;
    if (verdict.act === 'drop') {
      acts.dropped(verdict, subject);
      this.link.reset();
      return true;
    }
    acts.failed(verdict, subject);
    const last = this.#requests.last || verdict.refusal.code < 200;
    this.link.toClient(this.#codec.refuse(verdict.refusal, this.#requests.kind, last));
    this.discarding = true;
    if (last) this.link.close();
    return true;
  }
  #heldSubject(): HeadSubject {
    return this.#subject.at(this.held.peek(), -this.#requests.start);
  }
  protected override delayOver(): void {
    if (!this.#opaque) this.#announce();
    this.proceed();
  }
  /** All requests so far are answered, or nobody can tell any more. */
  #answered(): void {
    if (this.wait === 'turn') {
      const verdict = this.takeVerdict();
      if (verdict === undefined || this.#opaque) this.#announce();
      else this.#impose(verdict, this.#waiting);
      if (!this.link.closing) this.proceed();
    } else if (this.wait === 'answer') this.proceed();
  }

  /** Follows the answers, which have been passed on already; keeps a head that is not complete to read it again. */
  #scan(bytes: Buffer, end: number): void {
    const responses = this.#responses;
    let step: number = STEP.end;
    for (let at = 0; step === STEP.head || step === STEP.end; at = responses.position) step = responses.step(bytes, at, end);
    // An upgrade, most often; what is no answer at all is passed on as well.
    if (step === STEP.opaque) {
      this.#opaque = true;
      if (responses.why !== '') this.link.notUnderstood(responses.why);
    }
    const rest = responses.inHead && !this.#opaque ? responses.position : end;
    const kept = this.#answerHead.length > 0;
    if (kept && rest === 0) return;
    if (kept) this.#answerHead.take();
    if (rest < end) this.#answerHead.append(bytes, rest, end);
  }

  /** What the upstream makes of an unfinished head is nothing that could be followed. */
  protected override finish(): void {
    if (this.held.length > 0) this.#opaque = true;
    super.finish();
  }
  /** Whether the upstream connection has nothing to answer only because a fault keeps the client's messages from it. */
  #idleByFault(): boolean {
    return !this.#opaque && this.#faulted && this.#responses.outstanding === 0;
  }
  /** An idle upstream connection that its server closed is replaced when the next message passes. */
  #detach(): void {
    this.#upstreamEnded = false;
    this.link.detachUpstream();
  }
  #badGateway(error: Error): void {
    const { name, host, port } = this.link.route;
    const text = `firebreak: route ${name} cannot reach ${host}:${port}: ${error.message}\n`;
    const refusal = { code: 502, body: Buffer.from(text), retryAfter: 0 };
    this.link.toClient(this.#codec.refuse(refusal, this.#responses.kind, true));
    this.link.close();
  }
}
