import { type Alarm, everyPeriod, PreciseTimer } from '../kernel/precise-timer.ts';
import type { DelayPart } from './effects.ts';
import { POLICY, type Shard } from './shared.ts';

/** Milliseconds between two looks at the HALT word while something is held back; HALT must act within 50 ms. */
const HALT_LOOK = 5;

/** One message that is held back. */
export interface Hold {
  /** What it was held back for at first, and what is left of that. */
  readonly asked: readonly DelayPart[];
  parts: readonly DelayPart[];
  readonly began: number;
  readonly release: (complete: boolean) => void;
  alarm: Alarm;
}

/** Messages held back in one worker. Lets go of them when they are due, when their policy goes, and on HALT. */
export class Holds {
  readonly #timer = new PreciseTimer();
  readonly #holds = new Set<Hold>();
  readonly #shard: Shard;
  readonly #halted: () => boolean;
  #looking: Disposable | undefined;

  constructor(shard: Shard, halted: () => boolean) {
    this.#shard = shard;
    this.#halted = halted;
  }

  /** Calls `release` after all parts have passed; its argument is false when it was let go before that. */
  hold(parts: readonly DelayPart[], total: number, release: (complete: boolean) => void): Hold {
    const began = performance.now();
    const hold: Hold = { asked: parts, parts, began, release, alarm: this.#timer.at(began + total, () => this.#ripe(hold)) };
    this.#holds.add(hold);
    this.#looking ??= everyPeriod(HALT_LOOK, () => {
      if (this.#halted()) this.releaseAll();
    });
    return hold;
  }

  /**
   * There is nobody left to deliver the message for: whoever waited had this much of the delay, and gave up. False: it had
   * been let go already, so that this changes nothing.
   */
  giveUp(hold: Hold): boolean {
    if (!this.#holds.has(hold)) return false;
    this.#cancel(hold);
    this.#count(hold);
    return true;
  }

  /** Takes away what one policy adds to every delay; what only it held back goes at once. */
  releasePolicy(slot: number): void {
    for (const hold of [...this.#holds]) {
      const own = hold.parts.filter((part) => part.slot === slot);
      if (own.length === 0) continue;
      hold.parts = hold.parts.filter((part) => part.slot !== slot);
      if (hold.parts.length === 0) {
        this.#cut(hold);
        continue;
      }
      this.#timer.cancel(hold.alarm);
      const due = hold.alarm.due - own.reduce((sum, part) => sum + part.delay, 0);
      hold.alarm = this.#timer.at(due, () => this.#ripe(hold));
    }
  }

  releaseAll(): void {
    for (const hold of [...this.#holds]) this.#cut(hold);
  }

  #cut(hold: Hold): void {
    // The release of another one may have ended its connection.
    if (!this.#holds.has(hold)) return;
    this.#cancel(hold);
    hold.release(false);
  }
  #cancel(hold: Hold): void {
    this.#timer.cancel(hold.alarm);
    this.#forget(hold);
  }

  #ripe(hold: Hold): void {
    this.#count(hold);
    this.#forget(hold);
    hold.release(true);
  }
  /**
   * A delay that was cut short (by HALT, or with its policy) is not counted; one that lasted until its end, or until
   * nobody waited any more, is what was delivered. The mean is measured, not what was asked for.
   */
  #count(hold: Hold): void {
    const took = performance.now() - hold.began;
    const asked = hold.parts.reduce((sum, part) => sum + part.delay, 0);
    for (const { slot, delay, messages = 1 } of hold.parts) {
      this.#shard.policy(slot, POLICY.latencies, messages);
      this.#shard.policy(slot, POLICY.delaySum, asked === 0 ? 0 : (messages * took * delay) / asked);
    }
  }

  #forget(hold: Hold): void {
    this.#holds.delete(hold);
    if (this.#holds.size > 0) return;
    this.#looking?.[Symbol.dispose]();
    this.#looking = undefined;
  }
}
