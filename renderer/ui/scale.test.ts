import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { roundUp, scaleOf, scaleOfRows, timeTicks } from './scale.ts';

test('a round number is never below and at most two and a half times as much', () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-9, max: 1e12, noNaN: true }), (value) => {
      const round = roundUp(value);
      assert.ok(round >= value * (1 - 1e-6) && round <= value * 2.5, `${value} -> ${round}`);
    }),
  );
  assert.deepEqual([0.3, 1, 7, 23, 25, 84.9, 101].map(roundUp), [0.5, 1, 10, 25, 25, 100, 200]);
  assert.deepEqual([0, -3, Number.NaN, Number.POSITIVE_INFINITY].map(roundUp), [0, 0, 0, 0]);
});

test('a scale begins at zero unless something lies below', () => {
  assert.deepEqual(scaleOf(0, 27), { domain: [0, 50], ticks: [0, 25, 50] });
  assert.deepEqual(scaleOf(0, 0), { domain: [0, 1], ticks: [0, 0.5, 1] });
  assert.deepEqual(scaleOf(-3, 8), { domain: [-5, 10], ticks: [-5, 0, 10] });
});

test('stacked lines need room for their sum, others for the highest; gaps count for nothing', () => {
  const rows = [
    { at: 1, a: 3, b: 4 },
    { at: 2, a: 5, b: null },
  ];
  assert.deepEqual(scaleOfRows(rows, ['a', 'b'], true).domain, [0, 10]);
  assert.deepEqual(scaleOfRows(rows, ['a', 'b'], false).domain, [0, 5]);
});

test('moments of an axis are round, within it, and as many as have room', () => {
  assert.deepEqual(timeTicks(61_000, 181_000, 5), [90_000, 120_000, 150_000, 180_000]);
  assert.deepEqual([timeTicks(0, 1_000, 0), timeTicks(5, 5, 9)], [[], []]);
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2e12 }),
      fc.integer({ min: 1, max: 4e9 }),
      fc.integer({ min: 1, max: 20 }),
      (from, length, most) => {
        const ticks = timeTicks(from, from + length, most);
        assert.ok(ticks.length <= most && ticks.every((at) => at >= from && at <= from + length && at % 1_000 === 0));
      },
    ),
  );
});
