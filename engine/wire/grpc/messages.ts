import type { Verdict } from '../effects.ts';
import { ERROR, FLAG, FRAME, frame, headerFrames, HEAD, MAX_FRAME, putHead, rstStream, windowUpdate } from '../http2/frame.ts';
import { HeaderLane } from '../http2/header-lane.ts';
import type { Lane } from '../http2/lane.ts';
import { Http2Session } from '../http2/session.ts';
import { SIDE } from '../http2/stream-ids.ts';
import { type Call, type CallSide, LOT, type SideOwner } from './call.ts';
import { judgeMessage } from './judging.ts';
import { trailers, trailersOnly } from './status.ts';

/** Bytes of messages that wait at which reading from their sender stops. */
const HOLD_LIMIT = 4_194_304;
/** Calls that failed and of which late frames are still told apart. */
const MAX_FAILED = 1_000;
/** A shorter piece of a message is copied behind the head of its frame rather than written by itself. */
const COPIED = 4_096;
const NOTHING = Buffer.alloc(0);

/**
 * The calls of one connection and what their messages meet with: one waits, is left out, fails its call or cuts the
 * connection; the others go on in DATA frames of our own. Which frames bring them is `GrpcSession`'s.
 */
export abstract class MessageSession extends Http2Session implements SideOwner {
  protected readonly calls = new Map<number, Call>();
  protected readonly answerHeaders = new HeaderLane();
  readonly #failed: number[] = [];
  /** A message met with something. */
  #altered = false;
  /** Messages that wait, and their bytes in each direction. */
  #holds = 0;
  #heldUp = 0;
  #heldDown = 0;

  override get full(): boolean {
    return super.full || this.#heldUp >= HOLD_LIMIT;
  }
  override get upstreamFull(): boolean {
    return super.upstreamFull || this.#heldDown >= HOLD_LIMIT;
  }
  override closed(): void {
    super.closed();
    for (const call of this.calls.values()) for (const side of [call.toServer, call.toClient]) this.#cancel(side);
  }
  protected override get altered(): boolean {
    return super.altered || this.#altered;
  }
  protected override get waits(): boolean {
    return super.waits || this.#holds > 0;
  }

  judge(side: CallSide): Verdict | undefined {
    return judgeMessage(this.link.route, side);
  }
  meet(side: CallSide, verdict: Verdict): number {
    const { acts } = this.link.route;
    const { subject } = side.call;
    this.#altered = true;
    if (verdict.act === 'delay') {
      this.#holds++;
      side.hold = acts.delayed(verdict, subject, this.link, () => this.#lane(side).whenFree(() => this.release(side)));
      return LOT.wait;
    }
    if (verdict.act === 'drop') {
      acts.dropped(verdict, subject);
      this.link.reset();
      return LOT.over;
    }
    acts.failed(verdict, subject);
    if (verdict.extra?.['dropMessage'] === true) return LOT.lose;
    this.#fail(side.call, verdict);
    return LOT.over;
  }
  emit(side: CallSide, bytes: Buffer, from: number, to: number): void {
    const lane = this.#lane(side);
    const stream = this.#idOf(side);
    for (let at = from; at < to; at += MAX_FRAME) {
      const piece = bytes.subarray(at, Math.min(to, at + MAX_FRAME));
      if (piece.length <= COPIED) lane.put(frame(FRAME.data, 0, stream, piece));
      else {
        const head = Buffer.allocUnsafe(HEAD);
        putHead(head, piece.length, FRAME.data, 0, stream);
        lane.put(head);
        lane.put(piece);
      }
    }
  }
  /** The sender gets back what its receiver never sees, or both of their windows would run dry. */
  unseen(side: CallSide, bytes: number): void {
    if (this.over || bytes === 0) return;
    this.credit(side, bytes);
    if (side.ended || side.call.failed) return;
    const from = side.down ? this.up : this.down;
    from.interject(windowUpdate(side.down ? this.#upstreamId(side.call) : side.call.stream, bytes));
  }
  finish(side: CallSide): void {
    const list = side.trailers;
    const stream = this.#idOf(side);
    this.#lane(side).put(list === undefined ? frame(FRAME.data, FLAG.endStream, stream, NOTHING) : headerFrames(stream, this.answerHeaders.write(list), true));
    this.endIfOver(side.call);
  }
  /** What waited goes on, as far as nothing else holds it back. */
  protected release(side: CallSide): void {
    if (side.hold === undefined || this.over) return;
    this.#holds--;
    const before = side.held.length;
    side.release(this);
    this.holding(side, side.held.length - before);
    this.settled();
  }
  #fail(call: Call, { refusal }: Extract<Verdict, { act: 'fail' }>): void {
    this.abandon(call);
    call.failed = true;
    const resets = call.toServer.ended ? -1 : ERROR.none;
    this.answers.send(call.stream, call.answered ? { block: trailers(refusal), body: NOTHING, resets } : trailersOnly(refusal, call.toServer.ended));
    this.up.interject(rstStream(this.#upstreamId(call), ERROR.cancel));
    this.ids?.end(call.stream, SIDE.both);
    this.#failed.push(call.stream);
    const oldest = this.#failed.length > MAX_FAILED ? this.calls.get(this.#failed.shift() as number) : undefined;
    if (oldest?.failed === true) this.forget(oldest);
  }
  /** Forgets the call once it has ended on both sides, and nothing of it waits. */
  protected endIfOver(call: Call): void {
    if (!call.toServer.ended || !call.toClient.ended || call.toServer.hold !== undefined || call.toClient.hold !== undefined) return;
    this.forget(call);
  }
  /** Nothing more of it will come. */
  protected forget(call: Call): void {
    if (this.calls.delete(call.stream)) call.end();
  }
  /** Nothing of the call goes on any more. */
  protected abandon(call: Call): void {
    for (const side of [call.toServer, call.toClient]) {
      this.#cancel(side);
      this.credit(side, side.held.length);
      this.holding(side, -side.held.length);
      if (side.held.length > 0) side.held.take();
    }
    // Whoever was stopped because too much waited may go on.
    this.link.drained();
  }
  #cancel(side: CallSide): void {
    if (side.hold === undefined) return;
    this.link.route.acts.cancel(side.hold, side.call.subject);
    side.hold = undefined;
    this.#holds--;
  }
  /** The sender may send so many bytes more on its connection. */
  protected credit(side: CallSide, bytes: number): void {
    if (bytes > 0) (side.down ? this.up : this.down).interject(windowUpdate(0, bytes));
  }
  /** So many bytes more wait, or fewer. */
  protected holding(side: CallSide, bytes: number): void {
    if (side.down) this.#heldDown += bytes;
    else this.#heldUp += bytes;
  }
  #lane(side: CallSide): Lane {
    return side.down ? this.down : this.up;
  }
  #idOf(side: CallSide): number {
    return side.down ? side.call.stream : this.#upstreamId(side.call);
  }
  #upstreamId({ stream }: Call): number {
    return this.ids === undefined ? stream : this.ids.toUpstream(stream);
  }
}
