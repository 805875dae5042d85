import assert from 'node:assert/strict';
import { test } from 'node:test';
import { injectionWindow, limitsOf, mainProbe, probesOf, residueOf, runSpan } from './facts.ts';
import { abortedRecord, fault, heldRecord, unsteadyRecord } from './fixtures.ts';
import { emptyRecord, residueRecord } from './fixtures-odd.ts';
import { deviation, effectValue, percent, span } from './words.ts';

test('the figures of each stage come from the polls themselves', () => {
  const record = abortedRecord();
  const [probe] = probesOf(record);
  const under = record.samples.filter(({ phase }) => phase === 'inject' || phase === 'observe');
  assert.equal(probe?.stages.during.polls, under.length);
  assert.equal(probe?.stages.during.successRate, under.filter(({ ok }) => ok).length / under.length);
  const latencies = under.map(({ latency }) => latency ?? 0).sort((a, b) => a - b);
  assert.equal(probe?.stages.during.p99, latencies[Math.ceil(latencies.length * 0.99) - 1]);
  assert.deepEqual(probesOf(unsteadyRecord())[0]?.stages.after, {
    polls: 0,
    successRate: null,
    p99: null,
    value: null,
  });
});

test('a probe that measures a value has no success rate', () => {
  const base = heldRecord();
  const samples = base.samples.map((each, index) => ({
    ...each,
    probe: 'errors',
    figures: { value: index, success_rate: null },
  }));
  const [, probe] = probesOf({ ...base, samples: [...base.samples, ...samples] });
  assert.equal(probe?.stages.before.successRate, null);
  assert.equal(probe?.stages.before.value, 7);
  assert.equal(mainProbe({ ...base, samples: [...samples, ...base.samples] })?.name, 'checkout');
});

test('limits are found where they are plain, and nowhere else', () => {
  const limits = (when: string, expect: string, figure: string) =>
    limitsOf(
      heldRecord({ abort: { when, forMs: 0 }, steadyState: [{ name: 'p', expect, describe: '' }] }),
      figure,
      'p',
    ).map(({ kind, operator, value }) => `${kind} ${operator} ${value}`);
  assert.deepEqual(limits('success_rate < 0.95', 'success_rate >= 0.99 && p99 < 800', 'success_rate'), [
    'abort < 0.95',
    'expect >= 0.99',
  ]);
  assert.deepEqual(limits('0.95 > checkout.success_rate', '', 'success_rate'), ['abort < 0.95']);
  assert.deepEqual(limits('checkout.p99 > 1200.5 || success_rate<.5', 'p99 < 800', 'p99'), [
    'abort > 1200.5',
    'expect < 800',
  ]);
  assert.deepEqual(limits('success_rate * 2 < availability', 'size(x) > 1', 'success_rate'), []);
  assert.deepEqual(limitsOf(heldRecord({ abort: null, steadyState: [] }), 'p99', 'p'), []);
});

test('the window of injection runs to the last revert, or to the end for what never was', () => {
  const record = heldRecord({
    faults: [fault({ injectedAt: 10, revertedAt: 20 }), fault({ injectedAt: 5, revertedAt: 15 })],
  });
  assert.deepEqual(injectionWindow(record), { start: 5, end: 20 });
  assert.equal(injectionWindow(residueRecord())?.end, runSpan(residueRecord()).end);
  assert.equal(injectionWindow(emptyRecord()), null);
  assert.deepEqual(
    residueOf(residueRecord()).map(({ policy }) => policy),
    ['freeze-worker'],
  );
});

test('figures are written so that they claim no more than was measured', () => {
  const cases: [unknown, string][] = [
    [percent(1), '100 %'],
    [percent(0.9999), '> 99.9 %'],
    [percent(0.9999999999999998), '100 %'],
    [percent(0), '0 %'],
    [percent(0.0001), '< 0.1 %'],
    [percent(0.6931), '69.3 %'],
    [percent(null), 'not measured'],
    [span(0.4567), '0.46 ms'],
    [span(812.4), '812 ms'],
    [span(1_240), '1.24 s'],
    [span(200_000), '3m20s'],
    [span(undefined), 'not measured'],
    [effectValue(500.31, 'ms'), '500.3 ms'],
    [effectValue(0.7, 'ratio'), '70 %'],
    [effectValue(1.5, 'cores'), '1.5 cores'],
    [effectValue(null, 'MB'), 'not measured'],
    [deviation({ name: '', unit: 'ms', requested: 500, delivered: 490, samples: 1 }), '-2 %'],
    [deviation({ name: '', unit: 'ms', requested: 0, delivered: 1, samples: 1 }), ''],
    [deviation({ name: '', unit: 'ms', requested: 500, delivered: null, samples: 0 }), ''],
  ];
  for (const [actual, expected] of cases) assert.equal(actual, expected);
});
