import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileCondition } from './expression.ts';

const FIGURES = {
  success_rate: 0.97,
  p50: 20,
  p95: 400,
  p99: 800,
  throughput: 10,
  apdex: 0.5,
  value: null,
  samples: 100,
  availability: Number.NaN,
};

function evaluate(source: string): boolean | null {
  const condition = compileCondition(source);
  assert.ok(!('error' in condition), `${source}: ${JSON.stringify(condition)}`);
  return condition.evaluate(FIGURES);
}

test('figures compare and compute with whole numbers as with decimal ones, on either side', () => {
  const held = [
    'p99 == 800',
    '800 == p99',
    'p99 == 800.0',
    'p99 != 801',
    '801 != p99',
    '!(p99 != 800)',
    'p99 + 1 == 801',
    '1 + p99 == 801.0',
    'p99 - 1 == 799',
    '1000 - p99 == 200',
    'p99 * 2 == 1600',
    '2 * p99 == 1600',
    'p99 / 1000 == 0.8',
    '1600 / p99 == 2',
    'p99 / 3 > 266.6',
    'p95 / p50 == 20',
    '-p99 < 0',
    'p99 <= 800 && p99 >= 800',
    'p99 > 1 + 1',
    'p99 + p95 * 2 - 600 / p50 == 1570',
    'success_rate < 0.95 || p99 > 700',
    'p99 > 700 ? p50 < 100 : false',
    'p99 in [800.0, 900.0]',
    '(p99 - p50) / p50 > 10',
  ];
  for (const source of held) assert.equal(evaluate(source), true, source);
  for (const source of [
    'p99 != 800',
    '800 != p99',
    'p99 < 800',
    'p99 + 1 <= 800',
    '2 * p99 < 1600',
    'success_rate >= 0.99 && p99 < 900',
  ])
    assert.equal(evaluate(source), false, source);
});

test('what was not measured is neither held nor broken', () => {
  assert.equal(evaluate('value > 1'), null);
  assert.equal(evaluate('availability > 0.5'), null);
  assert.equal(evaluate('apdex_ema > 0.5'), null);
  assert.equal(evaluate('p99 > 1 || value > 1'), null, 'even where the other half would decide');
});

test('figures whose names begin alike are told apart', () => {
  const condition = compileCondition('apdex < 0.6');
  assert.ok(!('error' in condition));
  assert.equal(condition.evaluate({ apdex: 0.5, apdex_ema: null }), true);
});

test('what cannot be a condition is refused with its place and a remedy', () => {
  const cases: readonly [string, number, RegExp, RegExp][] = [
    ['', 0, /ends too early/, /success_rate >= 0.99/],
    ['p99 <', 5, /ends too early/, /success_rate/],
    ['p99', 0, /true or false, found a number/, /compare/],
    ['"p99"', 0, /found string/, /compare/],
    ['true', 0, /could never change/, /figures are/],
    ['p99 < 1 && lat > 2', 11, /no figure lat/, /figures are|mean/],
    ['suces_rate < 1', 0, /no figure suces_rate/, /did you mean success_rate/],
    ['p99 < "800"', 0, /no such overload/, /numbers/],
    ['p99 < 800ms', 9, /character/, /no units/],
    ['p99 > 1 && p50', 0, /bool/, /success_rate/],
    ['p99 =< 1', 4, /character|token/, /success_rate/],
    ['p99 < 1/2', 6, /drops the rest/, /0\.95/],
    ['p99 < 800 %', 11, /ends too early/, /success_rate/],
    [`${'('.repeat(5_000)}p99 < 1`, 0, /./, /./],
  ];
  for (const [source, offset, error, hint] of cases) {
    const result = compileCondition(source);
    assert.ok('error' in result, `${source} was accepted`);
    assert.match(result.error, error, source);
    assert.match(result.hint, hint, source);
    if (source.length < 100) assert.equal(result.offset, offset, source);
  }
});

test('a decimal division is left alone', () => {
  assert.equal(evaluate('success_rate > 95.0 / 100.0'), true);
  assert.equal(evaluate('p99 / 2 > 1'), true);
});
