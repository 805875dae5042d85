import { type Clock } from '../kernel/clock.ts';
import { type Frame } from './models.ts';

/** Ten frames a second: fast enough to look live, slow enough for a page to draw. In milliseconds. */
export const FRAME_EVERY = 100;

/** The state of things at a steady rate, while somebody looks. */
export interface Frames {
  subscribe(listener: (frame: Frame) => void): Disposable;
  /** The state now. */
  latest(): Frame;
}

/** Takes a frame every 100 ms as long as there is a listener; without one it costs nothing. */
export function createFrames(clock: Clock, snapshot: () => Frame): Frames {
  const listeners = new Set<(frame: Frame) => void>();
  let ticking: Disposable | undefined;
  const tick = (): void => {
    const frame = snapshot();
    for (const listener of listeners) listener(frame);
  };
  return {
    latest: snapshot,
    subscribe: (listener) => {
      listeners.add(listener);
      ticking ??= clock.every(FRAME_EVERY, tick);
      return {
        [Symbol.dispose]: () => {
          listeners.delete(listener);
          if (listeners.size > 0) return;
          ticking?.[Symbol.dispose]();
          ticking = undefined;
        },
      };
    },
  };
}
