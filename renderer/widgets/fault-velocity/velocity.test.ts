import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Totals, ratesOf, totalVelocity, trendOf, velocities } from './velocity.ts';

const past = (...totals: readonly Record<string, number>[]): Totals[] =>
  totals.map((one, index) => ({ at: 10_000 + index * 1_000, impact: new Map(Object.entries(one)) }));

test('totals become rates, summed over the policies of a target', () => {
  const points = ratesOf(
    past({ 'a\np': 10, 'a\nq': 0 }, { 'a\np': 14, 'a\nq': 1, 'b\np': 3 }, { 'a\np': 14, 'a\nq': 1, 'b\np': 3 }),
  );
  assert.deepEqual(
    points.map(({ rates }) => Object.fromEntries(rates)),
    [
      { a: 5, b: 3 },
      { a: 0, b: 0 },
    ],
  );
});

test('a moment that came late gives the same rate; a gap and a clock that was set back give none', () => {
  const late: Totals[] = [
    { at: 0, impact: new Map([['a\np', 0]]) },
    { at: 2_000, impact: new Map([['a\np', 20]]) },
  ];
  assert.equal(ratesOf(late)[0]!.rates.get('a'), 10);
  assert.deepEqual(ratesOf([late[0]!, { ...late[1]!, at: 60_000 }]), []);
  assert.deepEqual(ratesOf([late[1]!, late[0]!]), []);
});

test('current is the mean of three seconds, peak the fastest such mean, the fastest target first', () => {
  const steps = [0, 30, 60, 90, 90, 90, 90, 96].map((total) => ({ 'a\np': total, 'b\np': total / 10, 'idle\np': 7 }));
  const points = ratesOf(past(...steps));
  const [a, b, ...others] = velocities(points);
  assert.deepEqual([a?.target, a?.peak, b?.target, b?.peak, others], ['a', 30, 'b', 3, []]);
  assert.ok(Math.abs(a!.current - 2) < 1e-9 && Math.abs(b!.current - 0.2) < 1e-9);
  assert.ok(Math.abs(totalVelocity(points).peak - 33) < 1e-9);
});

test('the trend is told against ten seconds before, and small changes are none', () => {
  const grow = (rate: (second: number) => number): Totals[] => {
    let total = 0;
    return past(...Array.from({ length: 20 }, (_, second) => ({ 'a\np': (total += rate(second)) })));
  };
  assert.equal(trendOf(ratesOf(grow((second) => second * 5))).trend, 'rising');
  assert.equal(trendOf(ratesOf(grow((second) => 100 - second * 5))).trend, 'falling');
  assert.equal(trendOf(ratesOf(grow(() => 50))).trend, 'steady');
  assert.equal(trendOf(ratesOf(grow(() => 0))).trend, 'none');
  assert.equal(trendOf([]).trend, 'none');
});
