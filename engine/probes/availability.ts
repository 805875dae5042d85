/** One poll: when it was sent (monotonic milliseconds), and whether it was answered. */
interface Sent {
  readonly sent: number;
  readonly answered: boolean;
}

/**
 * Availability over a sliding window: each moment counts as the poll sent last before it turned out. It goes by when
 * polls were sent, not by when they ended: two seconds of silence are two seconds, also when the polls that met it
 * were given up only later, among newer ones that were answered.
 */
export class Availability {
  readonly #window: number;
  /** In the order of sending. The first may lie before the window: it tells how the window begins. */
  #polls: Sent[] = [];
  /** Answered milliseconds from the first to the last of them. */
  #up = 0;

  /** @param window length in milliseconds. */
  constructor(window: number) {
    this.#window = window;
  }

  /** Adds a poll whose outcome is known; polls that overlap may come in any order. */
  add(poll: Sent): void {
    let at = this.#polls.length;
    while (at > 0 && (this.#polls[at - 1] as Sent).sent > poll.sent) at--;
    const before = this.#polls[at - 1];
    const after = this.#polls[at];
    if (before !== undefined && after !== undefined) this.#up -= upBetween(before, after);
    if (before !== undefined) this.#up += upBetween(before, poll);
    if (after !== undefined) this.#up += upBetween(poll, after);
    this.#polls.splice(at, 0, poll);
  }

  /** The share of answered time in the window that ends at `now`, or since the first poll; null before any. */
  at(now: number): number | null {
    const start = now - this.#window;
    let gone = 0;
    for (let next = this.#polls[1]; next !== undefined && next.sent <= start; next = this.#polls[gone + 1]) {
      this.#up -= upBetween(this.#polls[gone] as Sent, next);
      gone++;
    }
    if (gone > 0) this.#polls.splice(0, gone);
    const oldest = this.#polls[0];
    const newest = this.#polls.at(-1);
    if (oldest === undefined || newest === undefined) return null;
    // With one poll left there is no time between polls: drop what rounding left over.
    if (this.#polls.length === 1) this.#up = 0;
    const from = Math.max(start, oldest.sent);
    if (now <= from) return newest.answered ? 1 : 0;
    const up = this.#up + (newest.answered ? now - newest.sent : 0) - (oldest.answered ? from - oldest.sent : 0);
    return Math.min(1, Math.max(0, up / (now - from)));
  }
}

const upBetween = (poll: Sent, next: Sent): number => (poll.answered ? next.sent - poll.sent : 0);
