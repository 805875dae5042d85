import { create } from 'zustand';
import { type HaltOutcome } from '../../engine/contract/api.ts';
import { type EventBody } from '../../engine/contract/models.ts';
import { REHEARSAL, type Rehearsal } from '../../engine/contract/room.ts';
import { engine } from './connection.ts';
import { onEvent } from './events.ts';
import { usePlace } from './place.ts';
import { reachEngine } from './reach.ts';

/**
 * What is known of the last HALT. `roundTripMs`: from the press until the answer was here; null when it was not pressed
 * here, but by `by`.
 */
export type Halting =
  | { readonly state: 'idle' }
  | { readonly state: 'halting'; readonly since: number }
  | {
      readonly state: 'halted';
      readonly outcome: HaltOutcome;
      readonly roundTripMs: number | null;
      readonly by: string;
    }
  | { readonly state: 'failed'; readonly error: unknown }
  | { readonly state: 'rehearsing' }
  | { readonly state: 'rehearsed'; readonly rehearsal: Rehearsal }
  | { readonly state: 'rehearsal-failed'; readonly error: unknown };

export const useHalt = create<{ readonly halting: Halting }>()(() => ({ halting: { state: 'idle' } }));
const set = (halting: Halting): void => useHalt.setState({ halting });

/** For so long a press that met no engine is kept for the one that comes, milliseconds: who pressed during a reload meant it. */
const KEPT = 30_000;

/** Gives HALT to the engine, or to the one that comes next when the connection broke before the answer: a second HALT does no harm. */
async function sendHalt(by: string, until: number): Promise<HaltOutcome> {
  for (;;) {
    const client = await reachEngine(Math.max(0, until - performance.now()));
    try {
      return await client.command('halt', { by });
    } catch (error) {
      if ((error as { code?: string }).code !== 'disconnected' || performance.now() >= until) throw error;
    }
    // The broken connection gives its client up in its own time.
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Ends every injection, at once and without a question. A second press while the first is under way sends it again. */
export async function halt(by: string): Promise<void> {
  const start = performance.now();
  set({ state: 'halting', since: Date.now() });
  try {
    const outcome = await sendHalt(by, start + KEPT);
    set({ state: 'halted', outcome, roundTripMs: performance.now() - start, by });
  } catch (error) {
    set({ state: 'failed', error });
  }
}

/** Measures HALT before it is needed. */
export async function rehearse(): Promise<void> {
  const { state } = useHalt.getState().halting;
  if (state === 'halting' || state === 'rehearsing') return;
  set({ state: 'rehearsing' });
  try {
    set({ state: 'rehearsed', rehearsal: await engine().command('rehearse', {}) });
  } catch (error) {
    set({ state: 'rehearsal-failed', error });
  }
}

export const forgetHalt = (): void => set({ state: 'idle' });

/** Everything was proven clean: nobody needs to do anything about it. */
const isCalm = (halting: Halting): boolean =>
  halting.state === 'halted'
    ? halting.outcome.faults.every(({ reverted }) => reverted)
    : halting.state === 'rehearsed' && halting.rehearsal.clean;

// Whoever goes on to another view has seen a calm result, which would cover what is to be done there.
usePlace.subscribe(({ view }, before) => {
  if (view !== before.view && isCalm(useHalt.getState().halting)) forgetHalt();
});

/** The newest HALT that was given elsewhere and is not shown yet; and whether the next frame was asked for. */
let heard: Extract<Halting, { state: 'halted' }> | undefined;
let asked = false;

/** A HALT of another program, the tray or the global keys concerns everybody who looks at this page. */
function hear({ by, tookMs, faults }: Extract<EventBody, { kind: 'halt' }>, at: number): void {
  // What is older than this page was read from the log, and is no news.
  if (by === REHEARSAL || faults === undefined || at < performance.timeOrigin) return;
  // Many may come at once; the last is drawn.
  if (!asked) requestAnimationFrame(show);
  asked = true;
  heard = { state: 'halted', outcome: { tookMs, faults: [...faults] }, roundTripMs: null, by };
}
function show(): void {
  asked = false;
  const { halting } = useHalt.getState();
  // The answer to one's own press is on its way, or was here before its event.
  const own =
    halting.state === 'halting' ||
    halting.state === 'rehearsing' ||
    (halting.state === 'halted' && halting.roundTripMs !== null && halting.by === heard?.by);
  if (heard !== undefined && !own) set(heard);
  heard = undefined;
}

// The result stays until something is injected again: then it would be about another time.
onEvent(({ body, at }) => {
  if (body.kind === 'halt') return hear(body, at);
  if (body.kind !== 'fault' || body.fault.state !== 'injecting') return;
  heard = undefined;
  if (['halted', 'rehearsed'].includes(useHalt.getState().halting.state)) forgetHalt();
});
