import { type ApdexTally, type FigureName } from '../kernel/probe.ts';
import { Availability } from './availability.ts';

/** How one poll ended. `answered` = a complete answer came, whatever its status; only then is `ok` possible. */
export interface Outcome {
  /** Monotonic times in milliseconds: when the poll was sent and when it ended. */
  readonly sent: number;
  readonly ended: number;
  readonly ok: boolean;
  readonly answered: boolean;
  /** Milliseconds that count as its latency, for a timeout the timeout; null = none measured (refused, reset). */
  readonly latency: number | null;
}

export interface WindowOptions {
  /** Length of the sliding window, milliseconds. */
  readonly window: number;
  /** Time between polls as the spec asks for it, milliseconds. */
  readonly every: number;
  /** T of Apdex, milliseconds. */
  readonly apdexT: number;
  /** Weight of the newest poll in the moving average of Apdex, 0-1. */
  readonly ema: number;
}

export type Figures = Readonly<Record<FigureName, number | null>>;

/** Every figure unmeasured. */
export const NO_FIGURES: Figures = {
  success_rate: null, availability: null, throughput: null, p50: null, p95: null, p99: null, apdex: null,
  apdex_ema: null, value: null, samples: null,
};

/**
 * The nearest-rank percentile of values in ascending order: the smallest value that at least `percent` per cent of
 * them do not exceed. Null when there are none.
 */
export function percentile(ascending: readonly number[], percent: number): number | null {
  if (ascending.length === 0) return null;
  const rank = Math.max(1, Math.ceil((percent / 100) * ascending.length));
  return ascending[rank - 1] ?? null;
}

/**
 * What one poll is worth in Apdex (specification 1.1): 1 satisfied up to T, 0.5 tolerating up to 4T, 0 frustrated.
 * A failure is frustrated however fast it was.
 */
export function apdexScore(ok: boolean, latency: number | null, t: number): 0 | 0.5 | 1 {
  if (!ok || latency === null || latency > 4 * t) return 0;
  return latency <= t ? 1 : 0.5;
}

/**
 * The polls that ended within the last `window` milliseconds, and the figures over them:
 *
 * - `success_rate`: polls that succeeded / polls.
 * - `availability`: share of the time (since the first poll was sent, at most the window) in which the poll sent last
 *   was answered, whatever the status. A service that says 503 is available and failing; a silent one is not available.
 * - `throughput`: answered polls per second of the time since the first poll was sent (at least `every`, at most the
 *   window).
 * - `p50`, `p95`, `p99`: nearest rank over the latencies of answered polls and of timeouts (which count at the timeout,
 *   or a hanging service would look fast). Refused and reset connections have no latency and are left out.
 * - `apdex`: mean of apdexScore over all polls; `apdex_ema`: its exponential moving average, poll by poll, windowless.
 * - `samples`: polls in the window. `value`: always null here.
 *
 * A figure is null until something was measured. Adding costs a binary search and one memory move, so that windows of
 * an hour at 20 polls/s stay cheap.
 */
export class SlidingWindow {
  readonly #options: WindowOptions;
  readonly #polls: Outcome[] = [];
  #head = 0;
  /** Latencies of the polls in the window, ascending. */
  readonly #latencies: number[] = [];
  #ok = 0;
  #answered = 0;
  #satisfied = 0;
  #tolerating = 0;
  #ema: number | null = null;
  #firstSent: number | null = null;
  readonly #availability: Availability;

  constructor(options: WindowOptions) {
    this.#options = options;
    this.#availability = new Availability(options.window);
  }

  /** Adds a poll. Polls may overlap; they are added in the order in which they end. */
  add(poll: Outcome): void {
    this.#firstSent = Math.min(this.#firstSent ?? poll.sent, poll.sent);
    this.#availability.add(poll);
    this.#polls.push(poll);
    if (poll.latency !== null) this.#latencies.splice(lowerBound(this.#latencies, poll.latency), 0, poll.latency);
    const score = this.#count(poll, 1);
    this.#ema = this.#ema === null ? score : this.#options.ema * score + (1 - this.#options.ema) * this.#ema;
    this.#expire(poll.ended);
  }

  /** The figures over the window that ends at `now` (monotonic milliseconds). */
  figures(now: number): Figures {
    this.#expire(now);
    const samples = this.#polls.length - this.#head;
    if (samples === 0) return { ...NO_FIGURES, apdex_ema: this.#ema, samples: 0 };
    const elapsed = Math.min(this.#options.window, Math.max(this.#options.every, now - (this.#firstSent ?? now)));
    return {
      success_rate: this.#ok / samples,
      availability: this.#availability.at(now),
      throughput: (this.#answered * 1_000) / elapsed,
      p50: percentile(this.#latencies, 50),
      p95: percentile(this.#latencies, 95),
      p99: percentile(this.#latencies, 99),
      apdex: (this.#satisfied + this.#tolerating / 2) / samples,
      apdex_ema: this.#ema,
      value: null,
      samples,
    };
  }

  /** The polls of the window that ends at `now`, in the classes of Apdex. */
  tally(now: number): ApdexTally {
    this.#expire(now);
    const [satisfied, tolerating] = [this.#satisfied, this.#tolerating];
    return { satisfied, tolerating, frustrated: this.#polls.length - this.#head - satisfied - tolerating };
  }

  #expire(now: number): void {
    const start = now - this.#options.window;
    for (let oldest = this.#polls[this.#head]; oldest !== undefined && oldest.ended <= start; ) {
      this.#head++;
      this.#count(oldest, -1);
      if (oldest.latency !== null) this.#latencies.splice(lowerBound(this.#latencies, oldest.latency), 1);
      oldest = this.#polls[this.#head];
    }
    if (this.#head > 64 && this.#head * 2 > this.#polls.length) {
      this.#polls.splice(0, this.#head);
      this.#head = 0;
    }
  }

  #count(poll: Outcome, by: 1 | -1): number {
    const score = apdexScore(poll.ok, poll.latency, this.#options.apdexT);
    if (poll.ok) this.#ok += by;
    if (poll.answered) this.#answered += by;
    if (score === 1) this.#satisfied += by;
    if (score === 0.5) this.#tolerating += by;
    return score;
  }
}

/** The first index whose value is not below `value`. */
function lowerBound(ascending: readonly number[], value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
