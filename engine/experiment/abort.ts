import { type Millis } from '../kernel/brands.ts';
import { type Sample } from '../contract/models.ts';
import { type Condition } from '../policy/expression.ts';

/** The sample at which the abort condition had been true for long enough, and for how long it had been. */
export interface Breach {
  readonly sample: Sample;
  readonly heldMs: number;
}

/**
 * Watches the abort condition over every probe by itself: it must be true on the figures of one probe at each poll for
 * `hold` milliseconds without a break. A figure that was not measured is no breach, and breaks the spell.
 */
export class AbortWatch {
  readonly #condition: Condition;
  readonly #hold: Millis;
  readonly #since = new Map<string, number>();

  constructor(condition: Condition, hold: Millis) {
    this.#condition = condition;
    this.#hold = hold;
  }

  /** `now` is monotonic, in milliseconds. Returns the breach once the condition has held long enough. */
  see(sample: Sample, now: number): Breach | undefined {
    if (this.#condition.evaluate(sample.figures) !== true) {
      this.#since.delete(sample.probe);
      return undefined;
    }
    const since = this.#since.get(sample.probe) ?? now;
    this.#since.set(sample.probe, since);
    const heldMs = now - since;
    return heldMs >= this.#hold ? { sample, heldMs } : undefined;
  }
}
