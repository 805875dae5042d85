import { type Clock } from './clock.ts';
import { type EffectFigure } from './fault.ts';

/** The first look, how much longer each further wait is, the longest wait, and when to give up; in milliseconds. */
const FIRST_LOOK_MS = 5;
const GROWTH = 1.15;
const LONGEST_WAIT_MS = 500;
const GIVE_UP_MS = 60_000;

/** Measures how long a supervisor takes to bring back what was killed. Accurate to the wait before the last look. */
export class Recovery implements Disposable {
  readonly #clock: Clock;
  readonly #times: number[] = [];
  #timer: Disposable | undefined;
  #waiting = false;
  #since = Number.NEGATIVE_INFINITY;
  /** Counts the watches, so that an answer to an older one is not taken for the newest's. */
  #watches = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The recovery times so far, in milliseconds. */
  get times(): readonly number[] {
    return this.#times;
  }

  /** Their mean, null while there is none; no figure at all when nothing was killed. */
  get figures(): readonly EffectFigure[] {
    if (this.#since === Number.NEGATIVE_INFINITY) return [];
    return [{ name: 'supervisor recovery', unit: 'ms', requested: null, delivered: this.#mean, samples: this.#times.length }];
  }

  get #mean(): number | null {
    return this.#times.length === 0 ? null : this.#times.reduce((sum, ms) => sum + ms, 0) / this.#times.length;
  }

  /** Looks at `isBack` from now on, until it is true or too long has passed. A new watch replaces an open one. */
  watch(isBack: () => boolean | Promise<boolean>, found: (ms: number) => void): void {
    this[Symbol.dispose]();
    this.#since = this.#clock.now();
    this.#waiting = true;
    this.#look(FIRST_LOOK_MS, isBack, found);
  }

  /** A few words for people; '' when nothing was killed. */
  describe(): string {
    if (this.#since === Number.NEGATIVE_INFINITY) return '';
    const mean = this.#mean;
    const past = mean === null ? '' : `supervisor recovery ${Math.round(mean)} ms${this.#times.length > 1 ? ` (mean of ${this.#times.length})` : ''}`;
    return [past, this.#waiting ? 'not all are back yet' : ''].filter(Boolean).join(', ');
  }

  [Symbol.dispose](): void {
    this.#watches++;
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  #look(wait: number, isBack: () => boolean | Promise<boolean>, found: (ms: number) => void): void {
    const watch = this.#watches;
    this.#timer = this.#clock.after(wait, () => {
      const settle = (back: boolean): void => {
        if (watch !== this.#watches) return;
        // When it was seen, and not when it was asked: an engine that is starting a container answers once it has.
        const passed = this.#clock.now() - this.#since;
        if (back) {
          this.#times.push(passed);
          this.#waiting = false;
          found(passed);
        } else if (passed < GIVE_UP_MS) {
          this.#look(Math.min(wait * GROWTH, LONGEST_WAIT_MS), isBack, found);
        }
      };
      const back = isBack();
      if (typeof back === 'boolean') settle(back);
      else void back.then(settle, () => settle(false)); // what cannot be seen is not back
    });
  }
}
