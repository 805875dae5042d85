import { type Clock } from '../../kernel/clock.ts';

export interface BreakerOptions {
  /** How many of the newest calls are looked at, and how many there must be before it may open. */
  readonly window: number;
  readonly minimum: number;
  /** It opens when at least this share of them failed, 0-1. */
  readonly threshold: number;
  /** How long it stays open before it tries again, milliseconds. */
  readonly openFor: number;
  /** So many trials in a row must succeed before it closes. */
  readonly trials: number;
}

export type BreakerState = 'closed' | 'open' | 'half-open';

/**
 * A circuit breaker: while a dependency fails, calls to it fail at once instead of queueing up behind it. After
 * `openFor` single trial calls find out whether it is back.
 */
export class CircuitBreaker {
  readonly #options: BreakerOptions;
  readonly #clock: Clock;
  #outcomes: boolean[] = [];
  #openedAt: number | null = null;
  #trialUnderWay = false;
  #goodTrials = 0;

  constructor(options: BreakerOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  get state(): BreakerState {
    if (this.#openedAt === null) return 'closed';
    return this.#clock.now() - this.#openedAt < this.#options.openFor ? 'open' : 'half-open';
  }

  /** Makes the call unless the circuit is open (`undefined`). `succeeded` judges what it gave; a throw is a failure. */
  async call<T>(attempt: () => Promise<T>, succeeded: (result: T) => boolean): Promise<T | undefined> {
    const { state } = this;
    const trial = state === 'half-open';
    if (state === 'open' || (trial && this.#trialUnderWay)) return undefined;
    this.#trialUnderWay = trial;
    let good = false;
    try {
      const result = await attempt();
      good = succeeded(result);
      return result;
    } finally {
      if (trial) this.#afterTrial(good);
      // What was sent before it opened says nothing new.
      else if (this.#openedAt === null) this.#afterCall(good);
    }
  }

  #afterTrial(good: boolean): void {
    this.#trialUnderWay = false;
    if (!good) return this.#open();
    if (++this.#goodTrials < this.#options.trials) return;
    this.#openedAt = null;
    this.#outcomes = [];
  }

  #afterCall(good: boolean): void {
    this.#outcomes = [...this.#outcomes.slice(1 - this.#options.window), good];
    const failures = this.#outcomes.filter((outcome) => !outcome).length;
    const enough = this.#outcomes.length >= this.#options.minimum;
    if (enough && failures >= this.#options.threshold * this.#outcomes.length) this.#open();
  }

  #open(): void {
    this.#openedAt = this.#clock.now();
    this.#goodTrials = 0;
  }
}
