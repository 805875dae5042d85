import type { Verdict } from '../effects.ts';
import { PrefaceSession } from '../http2/by-preface.ts';
import { FLAG, FRAME, headerFrames, HEAD } from '../http2/frame.ts';
import { HeaderList } from '../http2/header-list.ts';
import { BLOCK } from '../http2/hpack-decoder.ts';
import { FATE, type Lane } from '../http2/lane.ts';
import type { Written } from '../http2/refuse.ts';
import type { RequestSubject } from '../http2/request-subject.ts';
import { SIDE } from '../http2/stream-ids.ts';
import { PassingSession, type SessionFactory } from '../session.ts';
import { Call, type CallSide } from './call.ts';
import { CallSubject } from './call-subject.ts';
import { judgesMessages } from './judging.ts';
import { MessageSession } from './messages.ts';
import { trailersOnly, UNAVAILABLE } from './status.ts';

const fields = new HeaderList();

/**
 * gRPC: HTTP/2 in whose streams there are messages (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). DATA
 * frames pass as they stand while nothing judges messages; else they are written anew around those that go on.
 */
export class GrpcSession extends MessageSession {
  protected override get reads(): boolean {
    return true;
  }
  protected override subjectOf(list: HeaderList): RequestSubject {
    return new CallSubject(list);
  }
  protected override refusal({ refusal }: Extract<Verdict, { act: 'fail' }>, _subject: RequestSubject, endStream: boolean): Written {
    return trailersOnly(refusal, endStream);
  }
  protected override unreachable(stream: number, text: string): void {
    this.answers.send(stream, trailersOnly({ code: UNAVAILABLE, body: Buffer.from(text) }, true));
  }
  protected override begun(stream: number, list: HeaderList | undefined, endStream: boolean): void {
    // gRPC-Web has its trailers among the messages: its calls pass, judged as a whole.
    if (list === undefined || !/^application\/grpc($|[+;])/.test(list.get('content-type') ?? '')) return;
    const call = Call.begin(stream, list);
    call.toServer.ended = endStream;
    this.calls.set(stream, call);
  }

  // Frames of both directions.

  protected override clientData(bytes: Buffer, start: number): number {
    const { up } = this;
    const call = up.type === FRAME.data ? this.calls.get(up.stream) : undefined;
    if (call?.failed === true) return this.#swallow(call.toServer, up);
    const fate = super.clientData(bytes, start);
    return call === undefined || fate !== FATE.pass ? fate : this.#data(call.toServer, up);
  }
  protected override serverData(bytes: Buffer, start: number): number {
    const { down } = this;
    const call = down.type === FRAME.data ? this.#callOf(down.stream) : undefined;
    if (call?.failed === true) return this.#swallow(call.toClient, down);
    const fate = super.serverData(bytes, start);
    return call === undefined || fate !== FATE.pass ? fate : this.#data(call.toClient, down);
  }
  #data(side: CallSide, lane: Lane): number {
    side.begin(lane.length, (lane.flags & FLAG.padded) !== 0);
    return side.holds || judgesMessages(this.link.route, side.down) ? FATE.take : FATE.watch;
  }
  #swallow(side: CallSide, lane: Lane): number {
    this.credit(side, lane.length);
    return FATE.swallow;
  }
  override payload(lane: Lane, bytes: Buffer, from: number, to: number, last: boolean): void {
    const call = lane === this.up ? this.calls.get(lane.stream) : this.#callOf(lane.stream);
    if (call === undefined) return super.payload(lane, bytes, from, to, last);
    const side = lane === this.up ? call.toServer : call.toClient;
    if (call.failed) return this.credit(side, side.lose(to - from));
    const before = side.held.length;
    side.part(bytes, from, to, lane.watching ? undefined : this);
    this.holding(side, side.held.length - before);
    if (last && (lane.flags & FLAG.endStream) !== 0) this.#lastFrame(side, lane.watching);
  }
  /** The last of its frames is here. */
  #lastFrame(side: CallSide, passed: boolean): void {
    if (side.call.failed || this.over) return;
    side.ended = true;
    if (passed) this.endIfOver(side.call);
    else if (side.hold === undefined) this.finish(side);
  }
  #callOf(upstream: number): Call | undefined {
    return this.calls.get(this.ids === undefined ? upstream : this.ids.toClient(upstream));
  }

  /** The call waited as a whole: its messages are judged now. */
  protected override replay(stream: number, known: number, frames: Buffer, taking: boolean): void {
    const call = this.calls.get(stream);
    if (call === undefined) return super.replay(stream, known, frames, taking);
    for (let at = 0; at + HEAD <= frames.length && !this.over; ) {
      const length = frames.readUIntBE(at, 3);
      const end = Math.min(frames.length, at + HEAD + length);
      if (frames[at + 3] === FRAME.data) this.#replayData(call.toServer, frames, at, end, end === at + HEAD + length && !(taking && end === frames.length));
      else super.replay(stream, known, frames.subarray(at, end), false);
      at = end;
    }
  }
  #replayData(side: CallSide, frames: Buffer, start: number, end: number, whole: boolean): void {
    const flags = frames[start + 4] as number;
    side.begin(frames.readUIntBE(start, 3), (flags & FLAG.padded) !== 0);
    const before = side.held.length;
    if (!side.call.failed) side.part(frames, start + HEAD, end, this);
    else this.credit(side, end - start - HEAD);
    this.holding(side, side.held.length - before);
    if (whole && (flags & FLAG.endStream) !== 0) this.#lastFrame(side, false);
  }

  protected override clientFrame(bytes: Buffer, start: number, end: number): boolean {
    return this.calls.get(this.up.stream)?.failed !== true && super.clientFrame(bytes, start, end);
  }
  protected override clientTrailers(bytes: Buffer, start: number, end: number): boolean {
    const call = this.calls.get(this.up.stream);
    if (call === undefined) return super.clientTrailers(bytes, start, end);
    const side = call.toServer;
    // No client of gRPC sends any. They must not overtake a message, so none waits any longer.
    for (; side.hold !== undefined && !this.over; this.release(side)) this.link.route.acts.cancel(side.hold, call.subject);
    const passes = super.clientTrailers(bytes, start, end);
    // Behind the messages, which have taken the place of this frame.
    if (passes) this.up.put(bytes.subarray(start, end));
    if ((this.up.flags & FLAG.endStream) !== 0) {
      side.ended = true;
      this.endIfOver(call);
    }
    return false;
  }
  protected override clientReset(bytes: Buffer, start: number, end: number): boolean {
    const call = this.calls.get(this.up.stream);
    if (call === undefined) return super.clientReset(bytes, start, end);
    this.abandon(call);
    if (call.failed) return false;
    this.forget(call);
    return super.clientReset(bytes, start, end);
  }
  protected override fromServer(bytes: Buffer, start: number, end: number): boolean {
    const { down } = this;
    const heads = down.type === FRAME.headers || down.type === FRAME.push;
    if (heads && !this.#read(bytes, start, end)) return false;
    const call = this.#callOf(down.stream);
    if (heads && !down.opaque && (this.answerHeaders.diverged || this.#isUnwanted(call))) return this.#rewrite(call);
    if (call === undefined || down.stream === 0) return super.fromServer(bytes, start, end);
    if (call.failed) {
      if (down.type === FRAME.rst) this.forget(call);
      return false;
    }
    const passes = super.fromServer(bytes, start, end);
    if (down.type === FRAME.rst) {
      this.abandon(call);
      this.forget(call);
    } else if (heads) this.#answered(call);
    return passes;
  }
  /** Whether a header block for this call must not go on now: it failed, it is forgotten, or a message is still to come. */
  #isUnwanted(call: Call | undefined): boolean {
    if (call === undefined) return this.ids !== undefined && this.ids.toClient(this.down.stream) < 0;
    return call.failed || call.toClient.hold !== undefined;
  }
  #answered(call: Call): void {
    // 100 Continue and its like are no answer.
    if (fields.get(':status')?.startsWith('1') !== true) call.answered = true;
    if ((this.down.flags & FLAG.endStream) === 0) return;
    call.toClient.ended = true;
    this.endIfOver(call);
  }
  /** Reads a block of the upstream, so that its table is known when one has to wait. */
  #read(bytes: Buffer, start: number, end: number): boolean {
    const read = this.answerHeaders.read(bytes, start, end, fields);
    const known = read === BLOCK.ok || (read === BLOCK.tooLong && !this.answerHeaders.diverged);
    return known || this.lost(this.down, 'a header block of the upstream is not what it should be');
  }
  /** The fields just read go on without a table, wait behind a message, or go nowhere. */
  #rewrite(call: Call | undefined): boolean {
    const { down } = this;
    this.answerHeaders.diverge();
    const ends = (down.flags & FLAG.endStream) !== 0;
    const stream = this.ids === undefined ? down.stream : this.ids.toClient(down.stream);
    // Nobody pushes in gRPC, and a promise could not be kept out of order.
    if (down.type === FRAME.push || stream < 0) return false;
    if (ends) this.ids?.end(stream, SIDE.upstream);
    if (call?.failed === true) {
      if (ends) this.forget(call);
    } else if (call?.toClient.hold !== undefined) {
      call.toClient.trailers = new HeaderList().copyFrom(fields);
      call.toClient.ended = true;
    } else {
      down.put(headerFrames(stream, this.answerHeaders.write(fields), ends));
      if (call !== undefined) this.#answered(call);
    }
    return false;
  }
}

/** gRPC is HTTP/2 and nothing else. */
export const grpcSession: SessionFactory = (link) =>
  new PrefaceSession(link, (same) => new GrpcSession(same), (same) => {
    same.notUnderstood('the client does not begin as HTTP/2 does: it may use TLS, or gRPC-Web');
    return new PassingSession(same);
  });
