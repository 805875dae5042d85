import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Hit, heatOf, matrixOf } from './matrix.ts';

const hit = (target: string, more: Partial<Hit> = {}): Hit => ({
  target,
  active: false,
  errors: 0,
  latencies: 0,
  drops: 0,
  throttled: 0,
  others: 0,
  ...more,
});

test('policies of a target are one row, sums stand at the right and below', () => {
  const { rows, totals, hottest } = matrixOf([
    hit('b', { errors: 2 }),
    hit('a', { drops: 1 }),
    hit('b', { latencies: 5, active: true }),
    hit('c', { others: 1, throttled: 3 }),
  ]);
  assert.deepEqual(
    rows.map(({ target, active, total }) => [target, active, total]),
    [
      ['b', true, 7],
      ['a', false, 1],
      ['c', false, 4],
    ],
  );
  assert.deepEqual(totals, {
    target: 'All targets',
    active: true,
    errors: 2,
    latencies: 5,
    drops: 1,
    throttled: 3,
    others: 1,
    total: 12,
  });
  assert.equal(hottest, 5);
});

test('targets under fault come first, then those hit, then by name with numbers as numbers; growing figures move no row', () => {
  const order = (...hits: Hit[]): string[] => matrixOf(hits).rows.map(({ target }) => target);
  assert.deepEqual(order(hit('t10'), hit('t2', { errors: 9 }), hit('t3', { active: true })), ['t3', 't2', 't10']);
  assert.deepEqual(order(hit('t10', { errors: 99 }), hit('t2', { errors: 1 }), hit('t3', { active: true })), [
    't3',
    't2',
    't10',
  ]);
  assert.deepEqual(order(hit('t10', { errors: 1 }), hit('t2'), hit('t3', { active: true })), ['t3', 't10', 't2']);
  assert.deepEqual(
    matrixOf([hit('a'), hit('b', { active: true })], true).rows.map(({ target }) => target),
    ['b'],
  );
});

test('heat is none for nothing, most for the most, and never less for more', () => {
  assert.equal(heatOf(0, 100), 0);
  assert.equal(heatOf(1, 1), 4);
  assert.equal(heatOf(1_000_000, 1_000_000), 4);
  assert.equal(heatOf(1, 1_000_000), 1);
  const heats = Array.from({ length: 1_000 }, (_, index) => heatOf(index, 999));
  assert.deepEqual(heats.toSorted(), heats);
});
