import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Series,
  extendSeries,
  nameOf,
  parseExposition,
  parseSelector,
  perSecond,
  rowsOf,
  select,
} from './exposition.ts';

const TEXT = `# HELP chaos_faults_total Injected faults.
# TYPE chaos_faults_total counter
chaos_faults_total{type="http",target="route payments /a\\"b, {c}",kind="latency"} 12
chaos_faults_total{type="http",target="x",kind="errors"} 3 1700000000000
chaos_connections 2.5e1
broken_bucket{le="+Inf"} +Inf
odd NaN
`;

test('values, labels with quotes, commas and braces in them, and times behind them are read', () => {
  const found = parseExposition(TEXT);
  assert.deepEqual(
    found.map(({ name, value }) => [name, value]),
    [
      ['chaos_faults_total', 12],
      ['chaos_faults_total', 3],
      ['chaos_connections', 25],
    ],
  );
  assert.equal(found[0]!.labels['target'], 'route payments /a"b, {c}');
});

test('a selector is a name with labels that must be equal; a query that needs a server is none', () => {
  const found = parseExposition(TEXT);
  assert.equal(select(found, parseSelector('chaos_faults_total')!).length, 2);
  assert.deepEqual(
    select(found, parseSelector(' chaos_faults_total{ kind="errors" , type="http" } ')!).map(({ value }) => value),
    [3],
  );
  for (const query of ['rate(x[1m])', 'a + b', 'a{b=~"c"}', '']) assert.equal(parseSelector(query), undefined, query);
});

test('series grow point by point, forget the old, and name themselves by their labels', () => {
  let series: Series[] = [];
  for (let second = 0; second < 5; second++)
    series = extendSeries(series, [{ name: 'n', labels: { a: '1' }, value: second * second }], second * 1_000, 3_000);
  assert.deepEqual(series[0]!.points, [
    [2_000, 4],
    [3_000, 9],
    [4_000, 16],
  ]);
  assert.deepEqual(perSecond(series[0]!).points, [
    [3_000, 5],
    [4_000, 7],
  ]);
  assert.equal(extendSeries(series, [], 60_000, 3_000).length, 0);
  assert.deepEqual([nameOf({ a: '1', b: '2' }), nameOf({ __name__: 'up' }), nameOf({})], ['a=1, b=2', 'up', 'value']);
});

test('a counter that fell gives no negative rate; rows leave gaps where a series has no point', () => {
  assert.deepEqual(
    perSecond({
      labels: {},
      points: [
        [0, 9],
        [1_000, 2],
      ],
    }).points,
    [[1_000, 0]],
  );
  assert.deepEqual(
    rowsOf([
      {
        labels: {},
        points: [
          [1, 5],
          [2, 6],
        ],
      },
      { labels: {}, points: [[2, 7]] },
    ]),
    [
      { at: 1, s0: 5 },
      { at: 2, s0: 6, s1: 7 },
    ],
  );
});
