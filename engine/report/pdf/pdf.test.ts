import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rateScale, scaleTo, thin, timeTicks } from './axes.ts';
import { heldRecord } from '../fixtures.ts';
import { faultChart } from './figures.ts';
import { fingerprint } from './sections.ts';
import { Sheet, TYPE } from './sheet.ts';
import { losesLetters, winAnsi } from './winansi.ts';

const sheet = (): Sheet => new Sheet({ title: '', subject: '', createdAt: 0 });

test('text is brought into the letters of the standard fonts', () => {
  for (const [text, expected] of [
    ['plain', 'plain'],
    ['“Größe” – 5 €', '“Größe” – 5 €'],
    ['a → b ≥ c', 'a -> b >= c'],
    ['e\u0301 and ő and ﬁ', 'é and o and fi'],
    ['Ощущение', 'Oshchushchenie'],
    ['Ελλάδα', 'Ellada'],
    ['日本', '??'],
    ['👩‍👩‍👧 🇩🇪 ✅', '? ? ok'],
    ['a\u200bb\u00adc\u202ed\ufeff', 'abcd'],
    ['tab\there\u202ftoo\u2003and', 'tab  here\u00a0too and'],
    ['a\r\nb\u0007c\u001b[31m', 'a\nb?c?[31m'],
    ['lone \ud800 surrogate', 'lone ? surrogate'],
  ] as const)
    assert.equal(winAnsi(text), expected);
  assert.ok(losesLetters('日本') && !losesLetters('what?') && !losesLetters('→'));
});

test('every line that wrap returns fits, and nothing is lost but white space', () => {
  const page = sheet();
  const texts = [
    'one two three four five six seven',
    'x'.repeat(500),
    `a/${'path-'.repeat(90)} end`,
    'ends\n\nwith lines\n',
    '',
    '   indented code',
  ];
  for (const text of texts) {
    for (const width of [40, 120, 480]) {
      const lines = page.wrap(text, width, TYPE.body);
      for (const line of lines) assert.ok(page.width(line, TYPE.body) <= width, `${line} in ${width}`);
      assert.equal(lines.join('').replaceAll(/\s/g, ''), text.replaceAll(/\s/g, ''));
    }
  }
  assert.deepEqual(page.wrap('one p99\u00a09.4\u00a0ms', 60, TYPE.body), ['one', 'p99\u00a09.4\u00a0ms']);
  assert.ok(page.wrap('   indented', 480, TYPE.mono)[0]?.startsWith('   '));
});

test('what is cut ends in an ellipsis within the width', () => {
  const page = sheet();
  const lines = page.wrap('word '.repeat(400), 100, TYPE.body, 3);
  assert.equal(lines.length, 3);
  assert.ok(lines[2]?.endsWith('…') === true && page.width(lines[2], TYPE.body) <= 100);
  assert.equal(page.wrap('x'.repeat(1_000_000), 100, TYPE.body, 2).length, 2);
});

test('time ticks are round, few, within the span, and read as UTC', () => {
  const start = Date.UTC(2026, 0, 1, 23, 59, 50);
  for (const length of [1_000, 7_300, 60_000, 600_000, 5 * 3_600_000, 3 * 86_400_000, 400 * 86_400_000]) {
    const ticks = timeTicks({ start, end: start + length }, 7);
    assert.ok(ticks.length >= 2 && ticks.length <= 8, `${length}: ${ticks.length}`);
    assert.ok(ticks.every(({ at }) => at >= start && at <= start + length));
    assert.equal(new Set(ticks.map(({ label }) => label)).size, ticks.length);
  }
  assert.deepEqual(
    timeTicks({ start, end: start + 20_000 }, 7).map(({ label }) => label),
    ['23:59:50', '23:59:55', '00:00:00', '00:00:05', '00:00:10'],
  );
});

test('scales cover what they show', () => {
  for (const max of [0, 0.003, 0.9, 1, 7, 99, 101, 540, 12_345, 1e9, Number.NaN]) {
    const { max: top, ticks } = scaleTo(max);
    assert.ok(!(top < max) && ticks.length >= 2 && ticks.length <= 6, `${max}: ${ticks.join()}`);
  }
  for (const [lowest, min] of [
    [1, 0.8],
    [0.95, 0.8],
    [0.7, 0.5],
    [0.31, 0],
    [0, 0],
  ] as const) {
    const scale = rateScale(lowest);
    assert.equal(scale.min, min);
    assert.ok(Math.abs((scale.ticks.at(-1) ?? 0) - 1) < 1e-9);
  }
});

test('thinning keeps the extremes, the order and the gaps', () => {
  const points = Array.from({ length: 10_000 }, (_, at) => ({
    at,
    value: at === 5_000 ? 0.1 : at > 8_000 && at < 9_000 ? null : 1,
  }));
  const thinned = thin(points, { start: 0, end: 10_000 }, 100);
  assert.ok(thinned.length <= 200);
  assert.ok(thinned.some(({ value }) => value === 0.1) && thinned.some(({ value }) => value === null));
  assert.deepEqual(
    thinned.map(({ at }) => at),
    thinned.map(({ at }) => at).sort((a, b) => a - b),
  );
});

test('a shortened fingerprint still tells two apart', () => {
  assert.equal(fingerprint('short'), 'short');
  assert.equal(fingerprint(null), 'not read');
  const [one, two] = [`${'a'.repeat(200)}1${'b'.repeat(200)}`, `${'a'.repeat(200)}2${'b'.repeat(200)}`];
  assert.ok(fingerprint(one).length < 200);
  assert.notEqual(fingerprint(one), fingerprint(two));
});

test('the fault rate of a partial second is drawn inside the injection window only', () => {
  const base = heldRecord();
  const [{ injectedAt, revertedAt } = { injectedAt: null, revertedAt: null }] = base.faults;
  assert.ok(injectedAt !== null && revertedAt !== null && injectedAt % 1_000 !== 0);
  const [line] = faultChart(base, 100).lines;
  for (const [index, { at, value }] of line?.points.entries() ?? []) {
    const from = line?.points[index - 1]?.at ?? at;
    if ((value ?? 0) > 0)
      assert.ok(from >= injectedAt && at <= revertedAt, `${from - injectedAt} to ${at - injectedAt}`);
  }
  assert.ok((line?.points.filter(({ value }) => (value ?? 0) > 0).length ?? 0) >= 39);
});
