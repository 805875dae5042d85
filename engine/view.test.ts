import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from './kernel/clock.ts';
import { createBus } from './telemetry/bus.ts';
import { View } from './view.ts';

test('the probes of a run are gone from the frames with the run: what they said last is not how things are', () => {
  const bus = createBus(new VirtualClock());
  using view = new View(bus, { routeCounters: () => [] });
  const sample = { seq: 1, at: 0, probe: 'checkout', phase: 'observe', ok: true, latency: 5, error: '', figures: {}, held: true } as const;
  bus.publish('r-1', { kind: 'run-started', name: 'slow', hypothesis: '', duration: 1_000 });
  bus.publish('r-1', { kind: 'sample', sample });
  assert.deepEqual(view.frame().probes, { checkout: sample });
  bus.publish('r-1', { kind: 'run-ended', verdict: 'held', exitCode: 0, reason: '', reverted: true });
  assert.deepEqual(view.frame(), { run: '', phase: null, phaseEndsAt: null, probes: {} });
});
