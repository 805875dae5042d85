import { useConnection } from '../stores/connection.ts';

/** A part that failed to come is asked for so often while the engine is there, and then given up. */
const ATTEMPTS = 3;
/** Between two attempts, milliseconds: an engine that died is missed a moment later. */
const PAUSE = 500;

/**
 * Loads a part of the page. The engine serves it: while that is away the part is waited for, since what React has once
 * failed to load it never loads again.
 */
export async function loadPart<T>(load: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await load();
    } catch (error) {
      if (attempt >= ATTEMPTS && useConnection.getState().state === 'open') throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
      if (await untilConnected()) attempt = 0;
    }
  }
}

/** @returns whether it had to be waited for. */
function untilConnected(): Promise<boolean> {
  if (useConnection.getState().state === 'open') return Promise.resolve(false);
  return new Promise((resolve) => {
    const stop = useConnection.subscribe(({ state }) => {
      if (state !== 'open') return;
      stop();
      resolve(true);
    });
  });
}

/** Loads parts one after the other while the page has nothing else to do, so that they are there when the engine is not. */
export function loadWhenIdle(loads: readonly (() => Promise<unknown>)[]): void {
  const [next, ...rest] = loads;
  if (next === undefined) return;
  requestIdleCallback(
    () =>
      void next().then(
        () => loadWhenIdle(rest),
        () => {},
      ),
  );
}
