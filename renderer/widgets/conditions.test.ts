import assert from 'node:assert/strict';
import { test } from 'node:test';
import { comparisonsOf, distanceTo, holds } from './conditions.ts';

test('the comparisons of a condition are found; what is more stays text', () => {
  const found = comparisonsOf('success_rate >= 0.95 && (p95 < 1000 || value == 3)');
  assert.deepEqual(
    found.map(({ text, limit }) => [text, limit?.figure, limit?.limit]),
    [
      ['success_rate >= 0.95', 'success_rate', 0.95],
      ['(p95 < 1000', 'p95', 1000],
      ['value == 3)', undefined, undefined],
    ],
  );
  assert.deepEqual(comparisonsOf(''), []);
});

test('a comparison is judged as it is written, and its distance is positive until it is true', () => {
  const limit = (text: string) => comparisonsOf(text)[0]!.limit!;
  assert.equal(holds(limit('p99 < 800'), 800), false);
  assert.equal(holds(limit('p99 <= 800'), 800), true);
  assert.equal(holds(limit('apdex > 0.5'), 0.5), false);
  assert.equal(holds(limit('apdex >= 0.5'), 0.5), true);
  assert.equal(holds(limit('apdex >= 0.5'), null), null);
  assert.ok(Math.abs(distanceTo(limit('success_rate < 0.95'), 0.99) - 0.04) < 1e-9);
  assert.ok(distanceTo(limit('success_rate < 0.95'), 0.9) < 0);
  assert.equal(distanceTo(limit('p99 > 800'), 500), 300);
});
