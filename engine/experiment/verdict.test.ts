import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Sample } from '../contract/models.ts';
import { judge } from './verdict.ts';

const checks = [{ name: 'checkout', expect: 'success_rate >= 0.99' }];
const sample = (seq: number, held: boolean | null, probe = 'checkout'): Sample => ({
  seq, at: seq, probe, phase: 'observe', ok: held !== null, latency: null, error: held === null ? 'no answer' : '', held,
  figures: { success_rate: held === null ? null : held ? 1 : 0.5 },
});
const samples = (...held: (boolean | null)[]): Sample[] => held.map((one, seq) => sample(seq, one));

test('a probe that was blind for part of the observation proves nothing about that part', () => {
  const { verdict, reason } = judge(samples(true, true, true, true, null, null), checks);
  assert.equal(verdict, 'inconclusive');
  assert.match(reason, /checkout was measured in only 4 of 6 polls under fault/);
});

test('a poll in ten that failed to measure does not', () => {
  assert.equal(judge(samples(true, true, true, true, true, null, true, true, true, true), checks).verdict, 'held');
});

test('a broken expectation is a finding, however much was not measured', () => {
  const { verdict, breach } = judge(samples(null, null, null, false, null), checks);
  assert.deepEqual([verdict, breach?.seq], ['refuted', 3]);
});

test('each check has to be measured on its own account', () => {
  const two = [...checks, { name: 'search', expect: 'p99 < 800' }];
  assert.equal(judge(samples(true, true), two).verdict, 'inconclusive');
  assert.equal(judge([...samples(true, true), sample(9, true, 'search')], two).verdict, 'held');
  assert.equal(judge([], []).verdict, 'inconclusive');
});
