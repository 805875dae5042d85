import type { Protocol } from '../contract/models.ts';
import type { TrafficAction, TrafficLine } from '../contract/room.ts';
import { later, wallTime } from '../kernel/precise-timer.ts';
import type { Verdict } from './effects.ts';
import type { Hold } from './holds.ts';
import type { Described, Subject } from './subject.ts';
import { LISTEN, LISTEN_WORD, POLICY, type SharedMemory, UNTAKEN_WORDS } from './shared.ts';

/** A line before the engine has given it its number. */
export type TapLine = Omit<TrafficLine, 'seq'>;
export interface TapBatch {
  readonly lines: readonly TapLine[];
  readonly leftOut: number;
}

/** What a line must know of a route. */
interface Tapped {
  readonly name: string;
  readonly protocol: Protocol;
}

/** What is told of a failure that is no error, and the code that is told of one whose protocol has letters for it. */
export interface ToldOf {
  readonly told?: Extract<TrafficAction, 'lost' | 'miss' | 'altered'>;
  readonly code?: string;
}

/** Milliseconds between two batches. */
const PERIOD = 100;
/** Most lines of a batch, as the contract says (`trafficBatch`). */
const MAX_LINES = 2_000;
/** Untouched messages of a batch that are told: 50 a second. */
const MAX_PASSING = 5;

/**
 * Records what happens to messages in one worker, for readers of the traffic. While nobody listens it costs the read of
 * one shared word for each message, and allocates nothing. What it holds is bounded: one batch here, and one on its way
 * to an engine that has not taken it yet.
 */
export class Tap {
  readonly #words: Int32Array;
  readonly #untaken: number;
  readonly #send: (batch: TapBatch) => void;
  #lines: TapLine[] = [];
  #leftOut = 0;
  #passing = 0;
  #due: Disposable | undefined;

  /** `send` is called with each batch; the engine clears this worker's word when it has taken it. */
  constructor(shared: SharedMemory, worker: number, send: (batch: TapBatch) => void) {
    this.#words = new Int32Array(shared.control);
    this.#untaken = UNTAKEN_WORDS + worker;
    this.#send = send;
    // What the worker before this one sent and nobody took is lost with it.
    Atomics.store(this.#words, this.#untaken, 0);
  }

  /** Whether anybody wants to hear of messages that a fault acted on. */
  get on(): boolean {
    return this.#words[LISTEN_WORD] !== LISTEN.nobody;
  }
  /** Whether anybody wants to hear of an untouched message now. */
  get wantsPassing(): boolean {
    return this.#words[LISTEN_WORD] === LISTEN.all && this.#passing < MAX_PASSING;
  }

  /** A message that nothing was done to; ask `wantsPassing` first. */
  passed(route: Tapped, subject: Pick<Subject, 'describe'>): void {
    this.#passing++;
    this.#tell(route, subject, 'pass', '', 0, null);
  }
  /** A message that was answered with an error, altered or left out; ask `on` first. Code 0: its protocol has none. */
  failed(route: Tapped, subject: Pick<Subject, 'describe'>, { cell, policy, refusal, extra }: Extract<Verdict, { act: 'fail' }>): void {
    const { told, code = '' }: ToldOf = extra ?? {};
    if (cell === POLICY.throttled) this.#tell(route, subject, 'throttle', policy, 0, refusal.code);
    else if (told !== undefined) this.#tell(route, subject, told, policy, 0, null);
    else this.#tell(route, subject, 'error', policy, 0, refusal.code === 0 ? null : refusal.code, code);
  }
  /** A message whose connection was cut; ask `on` first. */
  dropped(route: Tapped, subject: Pick<Subject, 'describe'>, { policy }: Extract<Verdict, { act: 'drop' }>): void {
    this.#tell(route, subject, 'drop', policy, 0, null);
  }
  /** A message whose delay has ended, as planned or not; ask `on` first. */
  delayed(route: Tapped, subject: Pick<Subject, 'describe'>, { asked, began }: Hold): void {
    this.#tell(route, subject, 'latency', asked.map(({ policy }) => policy).join(', '), performance.now() - began, null);
  }
  /** A connection that a toxic took hold of; ask `on` first. `ms` is what it took. */
  toxic(route: Tapped, what: Described, action: TrafficAction, policy: string, ms: number): void {
    this.#tell(route, { describe: () => what }, action, policy, ms, null);
  }
  /** A connection of which the messages can no longer be told apart; ask `on` first. */
  notUnderstood(route: Tapped, why: string): void {
    this.#tell(route, { describe: () => ({ method: '', target: '', traceId: '', requestId: '', head: why }) }, 'not-understood', '', 0, null);
  }

  /** `delay` in milliseconds, as measured. */
  #tell(route: Tapped, subject: Pick<Subject, 'describe'>, action: TrafficAction, policy: string, delay: number, status: number | null, code = ''): void {
    this.#due ??= later(PERIOD, this.#flush);
    if (this.#lines.length >= MAX_LINES) {
      this.#leftOut++;
      return;
    }
    const { name, protocol } = route;
    const own = code === '' ? {} : { code };
    this.#lines.push({ at: wallTime(), route: name, protocol, action, policy, delayMs: delay, status, ...own, ...subject.describe() });
  }

  readonly #flush = (): void => {
    this.#due = undefined;
    // An engine that is busy gets no more until it has taken the last: what is left out meanwhile is counted.
    if (this.on && Atomics.load(this.#words, this.#untaken) !== 0) {
      this.#due = later(PERIOD, this.#flush);
      return;
    }
    const batch = { lines: this.#lines, leftOut: this.#leftOut };
    this.#lines = [];
    this.#leftOut = this.#passing = 0;
    if (!this.on) return;
    Atomics.store(this.#words, this.#untaken, 1);
    this.#send(batch);
  };
}
