import { type Clock } from '../kernel/clock.ts';
import { FirebreakError } from '../kernel/errors.ts';

/** Waits for `work` until monotonic time `end`, then throws FirebreakError `deadline`. */
export async function within<T>(clock: Clock, end: number, what: string, work: Promise<T>): Promise<T> {
  const timer = new AbortController();
  work.catch(() => {});
  const late = clock.sleep(Math.max(0, end - clock.now()), timer.signal).then(() => {
    throw new FirebreakError('deadline', `${what} took too long`);
  });
  late.catch(() => {});
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
  }
}

/** Waits for `work`, but no longer than until `signal` is aborted; then throws its reason. */
export async function untilAborted(signal: AbortSignal, work: Promise<void>): Promise<void> {
  const aborted = Promise.withResolvers<never>();
  const stop = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  aborted.promise.catch(() => {});
  try {
    if (signal.aborted) stop();
    await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
