import type { PreciseTimer } from '../../kernel/precise-timer.ts';
import type { TrafficAction } from '../../contract/room.ts';
import { POLICY, type Shard } from '../shared.ts';
import { Fifo } from './fifo.ts';
import type { Toxic } from './spec.ts';

/** Where bytes go on: another stage, or the socket. */
export interface Sink {
  /**
   * Takes the bytes even when `full`: who writes more than that is to stop. Bytes that are not `owned` may be overwritten
   * after the call: what is kept of them is copied.
   */
  take(bytes: Uint8Array, owned: boolean): void;
  /** The end, behind the last byte. */
  end(): void;
  readonly full: boolean;
}

/** What a stage may do to its connection, besides its bytes. */
export interface Held {
  /** The number of the connection on its route. */
  readonly number: number;
  readonly timer: PreciseTimer;
  readonly shard: Shard;
  /** The first act of a toxic on this connection. `ms` is what it took, 0 for what takes no time. */
  acted(toxic: Toxic, action: TrafficAction, ms: number): void;
  /** When the end reaches the socket, both sides are ended. */
  cutAfter(): void;
  /** Ends both sides; what the sockets were given still arrives. */
  finish(): void;
  resetBoth(): void;
  /** The first stage has room again. */
  freed(): void;
}

/** One toxic on one direction of one connection. By itself it passes everything on. */
export abstract class Stage implements Sink {
  readonly toxic: Toxic;
  protected readonly held: Held;
  next!: Sink;
  before: Stage | undefined;
  #told: TrafficAction | undefined;

  constructor(toxic: Toxic, held: Held) {
    this.toxic = toxic;
    this.held = held;
  }
  abstract take(bytes: Uint8Array, owned: boolean): void;
  end(): void {
    this.next.end();
  }
  get full(): boolean {
    return this.next.full;
  }
  /** The next one takes more: goes on where it may. */
  pump(): void {
    this.freed();
  }
  /** Lets go of everything it holds, in order, whether or not the next one is full; it is then taken out. */
  release(): void {}
  /** The connection is gone: forgets everything. */
  dispose(): void {}

  protected freed(): void {
    if (this.before === undefined) this.held.freed();
    else this.before.pump();
  }
  /** Counted and told once for each connection. */
  protected acted(action: TrafficAction, ms = 0): void {
    if (this.#told === action) return;
    this.#told = action;
    this.held.acted(this.toxic, action, ms);
  }
  protected count(cell: keyof typeof POLICY, amount = 1): void {
    this.held.shard.policy(this.toxic.slot, POLICY[cell], amount);
  }
  /** Something that took this long, in milliseconds. */
  protected timed(ms: number): void {
    this.count('timed');
    this.count('timeSum', ms);
  }
}

/** Bytes that wait, and since when. */
export interface Chunk {
  bytes: Uint8Array;
  readonly since: number;
  /** When it may go on, on the clock of performance.now(). */
  readonly due: number;
}

/** A stage that keeps bytes back, in order. What it keeps is bounded: above `room` the writer is told to stop. */
export abstract class QueueStage extends Stage {
  protected readonly queue = new Fifo<Chunk>();
  /** Bytes in the queue. */
  protected kept = 0;
  protected ended = false;
  #ring: Disposable | undefined;
  protected abstract readonly room: number;

  override get full(): boolean {
    return this.kept >= this.room;
  }
  override take(bytes: Uint8Array, owned: boolean): void {
    const since = performance.now();
    this.keep(bytes, owned, since, this.dueOf(since));
    this.pump();
  }
  /** When bytes that arrive now may go on. */
  protected abstract dueOf(now: number): number;

  protected keep(bytes: Uint8Array, owned: boolean, since: number, due: number): void {
    if (bytes.length === 0) return;
    this.queue.push({ bytes: owned ? bytes : Buffer.from(bytes), since, due });
    this.kept += bytes.length;
  }
  override end(): void {
    this.ended = true;
    this.pump();
  }
  override pump(): void {
    const was = this.full;
    this.passDue();
    if (was && !this.full) this.freed();
  }
  /** Passes on what is due while the next one takes it. */
  protected passDue(): void {
    for (let head = this.queue.first; head !== undefined; head = this.queue.first) {
      if (this.next.full) return;
      if (head.due > performance.now()) return this.ringAt(head.due);
      this.passHead(head);
    }
    this.passEnd();
  }
  protected passHead(head: Chunk): void {
    this.queue.shift();
    this.kept -= head.bytes.length;
    this.passed(head);
    this.next.take(head.bytes, true);
  }
  /** A chunk goes on: what is measured of it. */
  protected passed(_chunk: Chunk): void {}
  protected passEnd(): void {
    if (!this.ended || this.queue.length > 0) return;
    this.ended = false;
    this.next.end();
  }
  /** Calls `pump` at that time; nothing happens when the call is set already. */
  protected ringAt(due: number): void {
    if (this.#ring !== undefined || due === Infinity) return;
    this.#ring = this.alarm(due, () => {
      this.#ring = undefined;
      this.pump();
    });
  }
  /** Rings to a fraction of a millisecond. */
  protected alarm(due: number, ring: () => void): Disposable {
    const alarm = this.held.timer.at(due, ring);
    return { [Symbol.dispose]: () => this.held.timer.cancel(alarm) };
  }
  override release(): void {
    this.#silence();
    for (const { bytes } of this.queue) this.next.take(bytes, true);
    this.queue.clear();
    this.kept = 0;
    this.passEnd();
  }
  override dispose(): void {
    this.#silence();
    this.queue.clear();
  }
  #silence(): void {
    this.#ring?.[Symbol.dispose]();
    this.#ring = undefined;
  }
}
