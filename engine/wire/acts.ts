import type { Protocol } from '../contract/models.ts';
import type { Verdict } from './effects.ts';
import type { Hold, Holds } from './holds.ts';
import type { Shown } from './subject.ts';
import { POLICY, ROUTE, type Shard } from './shared.ts';
import type { Tap } from './tap.ts';

/** What is needed of the route. */
interface Acting {
  readonly name: string;
  readonly protocol: Protocol;
  readonly slot: number;
  readonly shard: Shard;
  readonly tap: Tap;
  /** A bug. */
  failed(error: unknown): void;
}

/** What a session does to messages on one route, besides their bytes: each act is counted, timed and told here. */
export class Acts {
  readonly #route: Acting;
  readonly #holds: Holds;

  constructor(route: Acting, holds: Holds) {
    this.#route = route;
    this.#holds = holds;
  }

  /** A message began to cross the route; before it is judged. */
  seen(): void {
    this.#route.shard.route(this.#route.slot, ROUTE.requests);
  }
  /** It goes on untouched; a sample of these is told. */
  passed(subject: Shown): void {
    if (this.#route.tap.wantsPassing) this.#route.tap.passed(this.#route, subject);
  }
  /** It fails, as the protocol understands it: answered with an error, altered or left out. Called when that is done. */
  failed(verdict: Extract<Verdict, { act: 'fail' }>, subject: Shown): void {
    const { shard, slot, tap } = this.#route;
    shard.policy(verdict.slot, verdict.cell);
    shard.route(slot, ROUTE.faults);
    shard.route(slot, ROUTE.errors);
    if (tap.on) tap.failed(this.#route, subject, verdict);
  }
  /** Its connection is cut; before `link.reset()`. */
  dropped(verdict: Extract<Verdict, { act: 'drop' }>, subject: Shown): void {
    const { shard, slot, tap } = this.#route;
    shard.policy(verdict.slot, POLICY.drops);
    shard.route(slot, ROUTE.faults);
    shard.route(slot, ROUTE.drops);
    if (tap.on) tap.dropped(this.#route, subject, verdict);
  }
  /**
   * It waits. `release` is called once, when the delay is over, its policy goes, or on HALT: the message then passes.
   * The subject is described when the delay ends, so it must still stand for this message.
   * A `release` that throws is a bug: it is told, and the connection of the message, `link`, ends.
   */
  delayed(verdict: Extract<Verdict, { act: 'delay' }>, subject: Shown, link: { reset(): void }, release: () => void): Hold {
    const hold = this.#holds.hold(verdict.parts, verdict.total, (complete) => {
      this.#tell(hold, subject);
      if (complete) this.#count();
      // Nothing above would catch it, and it must not cost all connections of the thread, nor leave its own one hanging.
      try {
        release();
      } catch (error) {
        link.reset();
        this.#route.failed(error);
      }
    });
    return hold;
  }
  /** There is nobody left to deliver the message for, so `release` will not be called: it was late for whoever gave up. */
  cancel(hold: Hold, subject: Shown): void {
    if (!this.#holds.giveUp(hold)) return;
    this.#count();
    this.#tell(hold, subject);
  }

  #count(): void {
    this.#route.shard.route(this.#route.slot, ROUTE.faults);
    this.#route.shard.route(this.#route.slot, ROUTE.latencies);
  }

  /** Told at its end, with what was measured. */
  #tell(hold: Hold, subject: Shown): void {
    if (this.#route.tap.on) this.#route.tap.delayed(this.#route, subject, hold);
  }
}
