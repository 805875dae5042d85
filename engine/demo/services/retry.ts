import { type Clock } from '../../kernel/clock.ts';

export interface RetryOptions {
  /** How often it is tried in all. */
  readonly tries: number;
  /** Milliseconds before the second try; doubled before each further one. */
  readonly backoff: number;
}

/**
 * Tries until the result is final or the tries are used up, and returns the last result. The pause is drawn from the
 * upper half of its length, so that callers who failed together do not come back together.
 */
export async function withRetry<T>(
  attempt: () => Promise<T>,
  final: (result: T) => boolean,
  options: RetryOptions,
  clock: Clock,
  random: () => number,
): Promise<T> {
  let pause = options.backoff;
  for (let left = options.tries - 1; ; left--) {
    const result = await attempt();
    if (left <= 0 || final(result)) return result;
    await clock.sleep(pause * (0.5 + random() / 2));
    pause *= 2;
  }
}
