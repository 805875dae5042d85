import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pending } from './pending.ts';

test('requests are answered in order; what was passed over will not be', () => {
  const pending = new Pending();
  for (let id = 1; id <= 30; id++) pending.add(id, false);
  pending.answered(99, undefined);
  assert.equal(pending.sure, true);
  pending.answered(29, undefined);
  assert.deepEqual([pending.none, pending.sure], [false, true]);
  pending.answered(30, undefined);
  assert.deepEqual([pending.none, pending.sure], [true, false]);
});

test('of several answers to one request each names the next', () => {
  const pending = new Pending();
  pending.add(7, true);
  pending.answered(7, 100);
  assert.equal(pending.sure, true, 'one of several is surely followed by another');
  pending.answered(100, 101);
  pending.answered(101, undefined);
  assert.equal(pending.none, true);
});

test('requests that may never be answered do not pile up', () => {
  const pending = new Pending();
  for (let id = 1; id <= 100_000; id++) pending.add(id, true);
  assert.deepEqual([pending.none, pending.sure], [false, false]);
  pending.add(-5, false);
  pending.answered(-5, undefined);
  assert.equal(pending.none, true);
});
