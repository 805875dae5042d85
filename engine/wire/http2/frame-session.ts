import type { Link, Session } from '../session.ts';
import { Answers } from './answers.ts';
import { ERROR, goaway, PREFACE, settings } from './frame.ts';
import { HeaderLane } from './header-lane.ts';
import { Lane, type LaneOwner } from './lane.ts';
import { WithheldStreams } from './withheld.ts';

/** Bytes of delayed requests at which reading from the client stops: above all that its streams may usually send ahead. */
const HOLD_LIMIT = 4_194_304;

/** The two lanes of an HTTP/2 connection, their ends, and what has come between them. What frames mean is its heirs'. */
export abstract class FrameSession implements Session, LaneOwner {
  protected readonly link: Link;
  /** From the client to the upstream, and back. */
  protected readonly up: Lane;
  protected readonly down: Lane;
  protected readonly answers: Answers;
  protected readonly withheld = new WithheldStreams();
  /** The header blocks of the client. */
  protected readonly headers = new HeaderLane();
  /** The last stream that the client began. */
  protected lastClient = 0;
  /** Requests of the time before the upstream said anything. */
  protected early: number[] = [];
  /** Why nothing reaches the upstream; '' = it may. */
  protected unreached = '';
  /** The last request did not pass. */
  protected faulted = false;
  #clientEnded = false;
  #upstreamEnded = false;

  constructor(link: Link) {
    this.link = link;
    this.up = new Lane(this, (bytes) => void (this.unreached === '' && link.toUpstream(bytes)), PREFACE.length, false);
    this.down = new Lane(this, (bytes) => link.toClient(bytes), 0, true);
    this.answers = new Answers(this.down);
  }
  abstract frame(lane: Lane, bytes: Buffer, start: number, end: number): boolean;
  abstract begin(lane: Lane, bytes: Buffer, start: number): number;
  abstract payload(lane: Lane, bytes: Buffer, from: number, to: number, last: boolean): void;
  /** Answers a request that cannot reach the upstream. */
  protected abstract unreachable(stream: number, text: string): void;

  get over(): boolean {
    return this.link.closing;
  }
  /** A client that never reads its refusals gets no more of them. */
  get full(): boolean {
    return this.withheld.bytes >= HOLD_LIMIT || (this.faulted && this.link.clientBackedUp);
  }
  get upstreamFull(): boolean {
    return this.down.stalled;
  }
  fromClient(bytes: Buffer, length: number): void {
    this.up.receive(bytes, length);
  }
  fromUpstream(bytes: Buffer, length: number): void {
    this.down.receive(bytes, length);
  }
  clientEnded(): void {
    this.#clientEnded = true;
    this.#finish();
  }
  upstreamEnded(): void {
    this.#upstreamEnded = true;
    this.down.finish();
    this.link.endClient();
  }
  upstreamFailed(error: Error, reached: boolean): void {
    if (this.#upstreamEnded) return this.link.close();
    if (reached || this.up.opaque) return this.link.reset();
    const { name, host, port } = this.link.route;
    this.unreached = `firebreak: route ${name} cannot reach ${host}:${port}: ${error.message}`;
    this.link.detachUpstream();
    const asked = this.early.filter((stream) => this.withheld.get(stream) === undefined);
    for (const stream of asked) this.unreachable(stream, this.unreached);
    this.down.speak(settings());
    // A client that has asked for nothing yet is told when it does.
    if (asked.length > 0) this.leave();
    else this.link.drained();
  }
  /** Nothing reaches the upstream: what waits to go there is answered, and the client is to begin nothing more here. */
  protected leave(): void {
    for (const one of this.withheld) {
      this.withheld.remove(one);
      this.link.route.acts.cancel(one.waits.hold, one.waits.subject);
      this.unreachable(one.stream, this.unreached);
    }
    this.down.interject(goaway(this.lastClient, ERROR.none));
    this.link.close();
  }
  closed(): void {
    const { acts } = this.link.route;
    for (const { waits } of this.withheld) acts.cancel(waits.hold, waits.subject);
  }

  lost(_lane: Lane, why: string): boolean {
    if (!this.altered) {
      this.link.notUnderstood(why);
      this.up.open();
      this.down.open();
      return true;
    }
    // Neither end could follow what the other says.
    this.down.interject(goaway(this.lastClient, ERROR.protocol, why));
    this.link.close();
    return false;
  }

  #finish(): void {
    if (this.waits) return;
    this.up.finish();
    this.link.endUpstream();
  }

  /** Whether something was kept from either end, so that bytes which nobody understands cannot just pass. */
  protected get altered(): boolean {
    return this.headers.diverged;
  }
  /** Whether something of the client is still to reach the upstream. */
  protected get waits(): boolean {
    return this.withheld.waiting > 0;
  }
  /** Something that waited has gone on. */
  protected settled(): void {
    if (this.#clientEnded) this.#finish();
    else this.link.drained();
  }
}
