import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from './kernel/clock.ts';
import { FirebreakError } from './kernel/errors.ts';
import { eventsAfter } from './streams.ts';
import { createBus, RING_SIZE } from './telemetry/bus.ts';

const say = (bus: ReturnType<typeof createBus>): void => void bus.publish('', { kind: 'policy', text: 'x' });
const isLost = (error: unknown): boolean => error instanceof FirebreakError && error.code === 'events-lost';

test('a reader that stands still costs no more than the log itself, and is told what it missed', async () => {
  const bus = createBus(new VirtualClock());
  const events = eventsAfter(bus, 0, new AbortController().signal);
  const first = events.next();
  for (let n = 0; n < RING_SIZE * 2; n++) say(bus);
  assert.equal((await first).value?.seq, 1);
  let last = 1;
  await assert.rejects(async () => {
    for await (const { seq } of events) assert.equal(seq, ++last);
  }, isLost);
  assert.ok(last >= RING_SIZE && last <= RING_SIZE + 2, `${last}`);
});

test('events come from where the reader left off, each once; what the log has lost is an error', async () => {
  const bus = createBus(new VirtualClock(), 3);
  for (let n = 0; n < 5; n++) say(bus);
  const stop = new AbortController();
  const seen: number[] = [];
  for await (const { seq } of eventsAfter(bus, 2, stop.signal)) {
    seen.push(seq);
    if (seq === 5) say(bus);
    if (seq === 6) stop.abort();
  }
  assert.deepEqual(seen, [3, 4, 5, 6]);
  await assert.rejects(eventsAfter(bus, 1, stop.signal).next(), isLost);
});
