import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Sample, type StandingReading } from '../../../engine/contract/models.ts';
import { ratingOf, sharesOf, targetsOf } from './apdex.ts';

test('the words are those of the Apdex Alliance, at their borders, on two decimals', () => {
  const words = [1, 0.94, 0.935, 0.934, 0.85, 0.84, 0.7, 0.69, 0.5, 0.49, 0].map((score) => ratingOf(score).word);
  assert.deepEqual(words, [
    'Excellent',
    'Excellent',
    'Excellent',
    'Good',
    'Good',
    'Fair',
    'Fair',
    'Poor',
    'Poor',
    'Unacceptable',
    'Unacceptable',
  ]);
  assert.equal(ratingOf(null).tone, 'neutral');
});

const sample: Sample = {
  seq: 1,
  at: 1,
  probe: 'checkout',
  phase: 'observe',
  ok: true,
  latency: 12,
  error: '',
  figures: { apdex: 0.9 },
  held: true,
};
const reading: StandingReading = {
  name: 'front',
  describe: 'GET x',
  expect: '',
  apdexT: 500,
  satisfied: 6,
  tolerating: 3,
  frustrated: 1,
  sample: null,
};

test('standing probes come first, those without an Apdex are left out', () => {
  const targets = targetsOf([reading, { ...reading, name: 'up', apdexT: null }], {
    checkout: sample,
    value: { ...sample, probe: 'value', figures: { value: 3, apdex: null } },
  });
  assert.deepEqual(
    targets.map(({ name, standing, ok }) => [name, standing, ok]),
    [
      ['front', true, null],
      ['checkout', false, true],
    ],
  );
});

test('shares add up to one, and are none before the first poll', () => {
  assert.deepEqual(sharesOf(reading), { satisfied: 0.6, tolerating: 0.3, frustrated: 0.1 });
  assert.equal(sharesOf({ satisfied: 0, tolerating: 0, frustrated: 0 }), null);
  assert.equal(sharesOf(null), null);
});
