import type { Socket } from 'node:net';
import { later } from '../kernel/precise-timer.ts';
import { type RequestFramer, type ResponseFramer, STEP } from './codec.ts';
import type { Verdict } from './effects.ts';
import { HeldBytes } from './held-bytes.ts';
import type { Hold } from './holds.ts';
import { Pipe, type PipeOwner } from './pipe.ts';
import type { OpenRoute } from './open-route.ts';
import { POLICY, ROUTE } from './shared.ts';

/** Bytes of one client held back before reading from it stops; above the longest head, so that a head always fits. */
const HOLD_LIMIT = 131_072;
/** Milliseconds for a client to read the last answer before its socket is closed with bytes of its own still unread. */
const LINGER = 2_000;

/** What the next message of the client waits for: nothing, its delay, the answers before it, or how its upgrade is answered. */
type Wait = 'nothing' | 'delay' | 'turn' | 'pivot';

/**
 * One client connection and the upstream connection that belongs to it alone: so messages stay in order and bytes stay
 * as they were. Bytes of a message that is held back wait in `held`; those behind them wait too.
 */
export class Connection implements PipeOwner {
  readonly #route: OpenRoute;
  readonly #client: Pipe;
  readonly #requests: RequestFramer;
  readonly #responses: ResponseFramer;
  readonly #held = new HeldBytes();
  readonly #answerHead = new HeldBytes();
  #upstream: Pipe | undefined;
  #connected = false;
  #wait: Wait = 'nothing';
  #verdict: Verdict | undefined;
  #hold: Hold | undefined;
  /** How many bytes at the start of `held` are a head that was judged already. */
  #judged = 0;
  /** The message under way was refused: the rest of it goes nowhere. */
  #discarding = false;
  /** Since the last message that went upstream, a fault kept the upstream idle; its closing then is no answer. */
  #faulted = false;
  #opaque = false;
  #closing = false;

  constructor(route: OpenRoute, accepted: Socket) {
    this.#route = route;
    this.#requests = route.codec.requests();
    this.#responses = route.codec.responses();
    route.shard.route(route.slot, ROUTE.active, 1);
    this.#client = Pipe.accept(this, accepted);
  }

  /** Ends both sides now. */
  destroy(): void {
    this.#closing = true;
    this.#client.destroy();
    this.#upstream?.destroy();
  }

  received(pipe: Pipe, bytes: Buffer, length: number): boolean {
    try {
      return pipe === this.#client ? this.#fromClient(bytes, length) : this.#fromUpstream(pipe, bytes, length);
    } catch (error) {
      this.#route.failed(error);
      this.destroy();
      return false;
    }
  }
  drained(pipe: Pipe): void {
    if (pipe === this.#client) this.#upstream?.resume();
    if (this.#hasRoom()) this.#client.resume();
  }
  ended(pipe: Pipe): void {
    if (this.#closing) return;
    if (pipe === this.#client) {
      if (this.#wait === 'nothing') this.#finish();
    } else if (pipe === this.#upstream) {
      if (this.#idleByFault() && !this.#responses.endsWithStream) this.#detach();
      else this.#client.end();
    }
  }
  failed(pipe: Pipe, error: Error): void {
    if (pipe === this.#client) {
      this.#closing = true;
      this.#upstream?.reset();
    } else if (pipe === this.#upstream && !this.#closing) {
      if (!this.#connected && !this.#opaque) this.#badGateway(error);
      else if (this.#idleByFault()) this.#detach();
      else if (pipe.ended) this.#close();
      else this.#client.reset();
    }
  }
  closed(pipe: Pipe): void {
    if (pipe === this.#client) {
      this.#closing = true;
      if (this.#hold !== undefined) this.#route.holds.cancel(this.#hold);
      this.#tellDelay();
      this.#hold = undefined;
      this.#upstream?.destroy();
      this.#route.shard.route(this.#route.slot, ROUTE.active, -1);
      this.#route.closed(this);
    } else if (pipe === this.#upstream && !this.#closing) this.#client.end();
  }

  #fromClient(bytes: Buffer, length: number): boolean {
    if (this.#closing) return true;
    if (this.#wait !== 'nothing' || this.#held.length > 0) {
      this.#held.append(bytes, 0, length);
      if (this.#wait === 'nothing') this.#processHeld();
    } else {
      const consumed = this.#process(bytes, 0, length);
      if (consumed < length) this.#held.append(bytes, consumed, length);
    }
    return this.#hasRoom();
  }
  /** A client that never reads its refusals gets no more of them; one that reads only after it has written goes on. */
  #hasRoom(): boolean {
    return this.#held.length < HOLD_LIMIT && this.#upstream?.backedUp !== true && !(this.#faulted && this.#client.backedUp);
  }

  /**
   * Passes on what may pass of bytes[0, end); what comes before `at` was scanned already. Returns how many bytes are done
   * with; the others must wait, or are part of a head that is not complete.
   */
  #process(bytes: Buffer, at: number, end: number): number {
    const { codec, effects, protocol, name, shard, slot, tap } = this.#route;
    const requests = this.#requests;
    let from = 0;
    while (!this.#opaque) {
      const step = requests.step(bytes, at, end);
      at = requests.position;
      if (step === STEP.head) {
        shard.route(slot, ROUTE.requests);
        const verdict = effects.gate(protocol) ? effects.judge(protocol, name, codec, bytes, requests) : undefined;
        if (verdict === undefined) {
          if (tap.wantsPassing) tap.passed(this.#route, bytes, requests);
          this.#announce();
          continue;
        }
        this.#forward(bytes, from, requests.start);
        if (!this.#impose(verdict, bytes, 0)) {
          this.#judged = at - requests.start;
          return requests.start;
        }
        if (this.#closing) return end;
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
        if (this.#discarding) this.#close();
      }
    }
    this.#forward(bytes, from, end);
    return end;
  }

  #processHeld(): void {
    const bytes = this.#held.peek();
    const length = this.#held.length;
    const judged = this.#judged;
    this.#judged = 0;
    const consumed = this.#process(bytes, judged, length);
    if (consumed === 0) return;
    this.#held.take();
    if (consumed < length) this.#held.append(bytes, consumed, length);
  }
  /** The message that waited goes on, as one that passes unless it was refused. */
  #proceed(): void {
    this.#wait = 'nothing';
    this.#processHeld();
    if (this.#wait !== 'nothing' || this.#closing) return;
    if (this.#client.ended) this.#finish();
    else if (this.#hasRoom()) this.#client.resume();
  }

  #announce(): void {
    this.#responses.expect(this.#requests.kind);
    this.#faulted = false;
  }
  #forward(bytes: Buffer, from: number, to: number): void {
    if (from >= to || this.#discarding || this.#closing) return;
    this.#upstream ??= this.#connect();
    this.#upstream.write(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to));
  }
  #connect(): Pipe {
    this.#connected = false;
    return Pipe.connect(this, this.#route.host, this.#route.port, () => (this.#connected = true));
  }

  /** Starts what was decided on the message whose head was read last; it is in `bytes`. False when it has to wait. */
  #impose(verdict: Verdict, bytes: Buffer, shift: number): boolean {
    this.#faulted = true;
    if (verdict.act === 'delay') {
      this.#wait = 'delay';
      this.#hold = this.#route.holds.hold(verdict.parts, verdict.total, (complete) => this.#released(complete));
      return false;
    }
    if (this.#responses.outstanding > 0) {
      this.#wait = 'turn';
      this.#verdict = verdict;
      return false;
    }
    const { shard, slot, codec, tap } = this.#route;
    if (tap.on) tap.imposed(this.#route, bytes, shift, this.#requests, verdict);
    shard.route(slot, ROUTE.faults);
    if (verdict.act === 'drop') {
      shard.policy(verdict.slot, POLICY.drops);
      shard.route(slot, ROUTE.drops);
      this.#closing = true;
      this.#client.reset();
      this.#upstream?.destroy();
      return true;
    }
    shard.policy(verdict.slot, verdict.cell);
    shard.route(slot, ROUTE.errors);
    this.#client.write(codec.refuse(verdict.refusal, this.#requests.kind, this.#requests.last || verdict.refusal.code < 200));
    this.#discarding = true;
    if (this.#requests.last || verdict.refusal.code < 200) this.#close();
    return true;
  }
  #released(complete: boolean): void {
    this.#tellDelay();
    this.#hold = undefined;
    if (complete) {
      this.#route.shard.route(this.#route.slot, ROUTE.faults);
      this.#route.shard.route(this.#route.slot, ROUTE.latencies);
    }
    if (!this.#opaque) this.#announce();
    this.#proceed();
  }
  /** Told at its end, with what was measured; the message is what `held` begins with. */
  #tellDelay(): void {
    const { tap } = this.#route;
    if (this.#hold === undefined || !tap.on) return;
    tap.delayed(this.#route, this.#held.peek(), -this.#requests.start, this.#requests, this.#hold);
  }
  /** All requests so far are answered, or nobody can tell any more. */
  #answered(): void {
    if (this.#wait === 'turn') {
      const verdict = this.#verdict;
      this.#verdict = undefined;
      // The policy may have gone, or HALT been called, while the message waited its turn.
      if (verdict === undefined || this.#opaque || !('id' in verdict) || !this.#route.effects.inForce(verdict.id)) this.#announce();
      else this.#impose(verdict, this.#held.peek(), -this.#requests.start);
      if (!this.#closing) this.#proceed();
    } else if (this.#wait === 'pivot') this.#proceed();
  }

  #fromUpstream(pipe: Pipe, bytes: Buffer, length: number): boolean {
    if (this.#closing || pipe !== this.#upstream) return true;
    this.#client.write(length === bytes.length ? bytes : bytes.subarray(0, length));
    if (!this.#opaque) {
      if (this.#answerHead.length === 0) this.#scan(bytes, length);
      else {
        this.#answerHead.append(bytes, 0, length);
        this.#scan(this.#answerHead.peek(), this.#answerHead.length);
      }
      if (this.#opaque || this.#responses.outstanding === 0) this.#answered();
    }
    return !this.#client.backedUp;
  }
  /** Follows the answers, which have been passed on already; keeps a head that is not complete to read it again. */
  #scan(bytes: Buffer, end: number): void {
    const responses = this.#responses;
    let step: number = STEP.end;
    for (let at = 0; step === STEP.head || step === STEP.end; at = responses.position) step = responses.step(bytes, at, end);
    if (step === STEP.opaque) this.#opaque = true;
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
    if (this.#upstream === undefined) this.#client.end();
    else this.#upstream.end();
  }
  /** Whether the upstream connection has nothing to answer only because a fault keeps the client's messages from it. */
  #idleByFault(): boolean {
    return !this.#opaque && this.#faulted && this.#responses.outstanding === 0;
  }
  /** An idle upstream connection that its server closed is replaced when the next message passes. */
  #detach(): void {
    const old = this.#upstream;
    this.#upstream = undefined;
    old?.destroy();
  }
  #badGateway(error: Error): void {
    const text = `firebreak: route ${this.#route.name} cannot reach ${this.#route.host}:${this.#route.port}: ${error.message}\n`;
    const refusal = { code: 502, body: Buffer.from(text), retryAfter: 0 };
    this.#client.write(this.#route.codec.refuse(refusal, this.#responses.kind, true));
    this.#close();
  }
  /** Ends the connection behind the last answer, but lets the client read that answer first (RFC 9112, 9.6). */
  #close(): void {
    this.#closing = true;
    this.#upstream?.destroy();
    this.#client.end();
    this.#client.resume();
    later(LINGER, () => this.#client.destroy());
  }
}
