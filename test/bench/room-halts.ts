import { type RoomPage } from './room-page.ts';
import { EVENTS_PER_SECOND, type RoomStage } from './room-stage.ts';

/** How long faults are in force before each HALT; varied so that HALT keeps step with nothing. */
const HOLD = [250, 330, 410];

export interface Halts {
  /** From the press to the last faulty response that any client saw, milliseconds. */
  readonly tookMs: readonly number[];
  /** How many were pressed while less than nine tenths of the load got through. */
  readonly atLessLoad: number;
}

/**
 * Presses F8 in the room again and again, through the browser's own input, with every request failing until then; after
 * each, everything must be proven clean. Begins and ends with nothing injected.
 */
export async function haltInTheRoom({ page, take }: RoomPage, stage: RoomStage, count: number, say: (line: string) => void): Promise<Halts> {
  const tookMs: number[] = [];
  let atLessLoad = 0;
  for (let turn = 0; turn < count; turn++) {
    const run = await stage.inject();
    await stage.load('mark');
    const began = performance.now();
    await new Promise((resolve) => setTimeout(resolve, HOLD[turn % HOLD.length]));
    const full = await stage.load('counts');
    if (full.faulty === 0 || full.clean > 0) throw new Error(`before HALT ${full.faulty} responses were faulty and ${full.clean} were not`);
    if ((full.faulty * 1_000) / (performance.now() - began) < EVENTS_PER_SECOND * 0.9) atLessLoad++;
    await take();
    await page.keyboard.press('F8');
    await stage.load('settled');
    await stage.expectClean(run);
    // Asked again: a faulty response after the clean ones would have moved it.
    const { lastFaultyAt, skew: loadSkew } = await stage.load('counts');
    const { presses, skew } = await take();
    const pressed = presses[0];
    if (presses.length !== 1 || pressed === undefined) throw new Error(`F8 was pressed once, and the page saw ${presses.length} presses`);
    tookMs.push(Math.max(0, lastFaultyAt + loadSkew - (pressed + skew)));
    if ((turn + 1) % 25 === 0) say(`${turn + 1} of ${count} HALTs`);
  }
  return { tookMs, atLessLoad };
}
