import { create } from 'zustand';
import { type Frame } from '../../engine/contract/models.ts';
import { follow } from './connection.ts';

/** What a moment of the charts needs, taken from a frame. */
export interface Moment {
  readonly at: number;
  /** Totals by `impactKey`. */
  readonly impact: ReadonlyMap<string, number>;
  readonly routes: ReadonlyMap<string, { readonly requests: number; readonly faults: number }>;
}

interface Frames {
  /** Null until the first has come, and while the engine is away. */
  readonly frame: Frame | null;
  /** The newest one that ever came: what is shown, dimmed, while the engine is away. */
  readonly last: Frame | null;
  /** The last two minutes, one moment a second, oldest first. Replaced whole with each new moment, and begun anew with each engine. */
  readonly past: readonly Moment[];
}

const PAST_SECONDS = 120;

/** The newest frame, shown at most once per screen refresh. */
export const useFrames = create<Frames>()(() => ({ frame: null, last: null, past: [] }));

/** One line of the blast-radius matrix. */
export const impactKey = ({ target, policy }: { target: string; policy: string }): string => `${target}\n${policy}`;

const momentOf = (frame: Frame): Moment => ({
  at: frame.at,
  impact: new Map(
    frame.impact.map((one) => [impactKey(one), one.errors + one.latencies + one.drops + one.throttled + one.others]),
  ),
  routes: new Map(frame.routes.map(({ name, requests, faults }) => [name, { requests, faults }])),
});

/** Follows the frames of every connection. */
export function followFrames(): Disposable {
  let known = '';
  return follow(async (client, signal, engine) => {
    let waiting: Frame | undefined;
    let asked = 0;
    // Totals start at zero in another engine.
    let past: readonly Moment[] = engine === known ? useFrames.getState().past : [];
    known = engine;
    const show = (): void => {
      asked = 0;
      if (waiting === undefined || signal.aborted) return;
      const frame = waiting;
      const last = past.at(-1);
      if (last === undefined || frame.at - last.at >= 1_000) past = [...past.slice(1 - PAST_SECONDS), momentOf(frame)];
      useFrames.setState({ frame, last: frame, past });
    };
    try {
      for await (const frame of client.stream('frames', {}, signal)) {
        waiting = frame;
        // A hidden page gets no animation frames; the newest waits until it is looked at.
        if (asked === 0) asked = requestAnimationFrame(show);
      }
    } finally {
      cancelAnimationFrame(asked);
      useFrames.setState({ frame: null });
    }
  });
}
