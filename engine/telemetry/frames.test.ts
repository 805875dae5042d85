import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../kernel/clock.ts';
import { createFrames, FRAME_MS } from './frames.ts';
import { type Frame } from './models.ts';

function setup() {
  const clock = new VirtualClock();
  let taken = 0;
  const snapshot = (): Frame => ({
    at: ++taken,
    run: '',
    phase: null,
    phaseEndsAt: null,
    halted: false,
    faults: [],
    probes: {}, standing: [], impact: [],
    routes: [],
  });
  return { clock, frames: createFrames(clock, snapshot), taken: () => taken };
}

test('frames come ten times a second, and only while somebody listens', async () => {
  const { clock, frames, taken } = setup();
  await clock.advance(1_000);
  assert.equal(taken(), 0);
  const seen: number[] = [];
  const first = frames.subscribe((frame) => void seen.push(frame.at));
  const second = frames.subscribe(() => {});
  await clock.advance(1_000);
  assert.deepEqual(seen, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assert.equal(frames.latest().at, 10);
  first[Symbol.dispose]();
  await clock.advance(FRAME_MS);
  assert.equal(taken(), 11);
  assert.equal(seen.length, 10);
  second[Symbol.dispose]();
  second[Symbol.dispose]();
  await clock.advance(1_000);
  assert.equal(taken(), 11);
  assert.equal(frames.latest().at, 12, 'without listeners the latest is taken anew, never an old one');
});

test('a slow listener gets the newest frame next, never a queue', async () => {
  const { clock, frames } = setup();
  const seen: number[] = [];
  let release = (): void => {};
  using _slow = frames.subscribe((frame) => {
    seen.push(frame.at);
    return new Promise((resolve) => (release = resolve));
  });
  await clock.advance(500);
  assert.deepEqual(seen, [1]);
  release();
  await clock.advance(0);
  assert.deepEqual(seen, [1, 5]);
});

test('a listener that throws or rejects is dropped, and the others go on', async () => {
  const { clock, frames } = setup();
  const seen: string[] = [];
  using _good = frames.subscribe(() => void seen.push('good'));
  using _thrower = frames.subscribe(() => {
    seen.push('thrower');
    throw new Error('no');
  });
  using _rejecter = frames.subscribe(async () => {
    seen.push('rejecter');
    throw new Error('no');
  });
  await clock.advance(300);
  assert.deepEqual(seen, ['good', 'thrower', 'rejecter', 'good', 'good']);
});
