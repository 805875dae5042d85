import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FaultReport } from '../../../engine/contract/models.ts';
import { LINGER, type Listed, endOf, linger } from './linger.ts';

const fault = (id: string, state: FaultReport['state']): FaultReport => ({
  id,
  policy: 'p',
  type: 'http',
  target: 't',
  explain: '',
  action: '',
  inverse: '',
  reversible: true,
  state,
  injectedAt: 0,
  revertedAt: null,
  leaseUntil: null,
  effect: { bitten: false, detail: '', figures: [] },
  before: null,
  after: null,
  reverted: state === 'clean',
  note: '',
});
const none = new Map<string, FaultReport>();
const states = (list: readonly Listed[]): string[] => list.map(({ fault: { id, state } }) => `${id} ${state}`);

test('a fault is listed until a while after it is clean, in the place it had', () => {
  let list = linger([], [fault('a', 'active'), fault('b', 'active'), fault('old', 'clean')], none, 0);
  assert.deepEqual(states(list), ['a active', 'b active']);
  list = linger(list, [fault('b', 'active'), fault('a', 'clean')], none, 100);
  assert.deepEqual(states(list), ['a clean', 'b active']);
  list = linger(list, [fault('b', 'active'), fault('a', 'clean')], none, 99 + LINGER);
  assert.deepEqual(states(list), ['a clean', 'b active']);
  list = linger(list, [fault('b', 'active'), fault('a', 'clean')], none, 100 + LINGER);
  assert.deepEqual(states(list), ['b active']);
});

test('a fault that left the frames is what was last told of it, and nothing is claimed without a word', () => {
  const list = linger([], [fault('a', 'active'), fault('b', 'active')], none, 0);
  const told = new Map([['a', fault('a', 'clean')]]);
  assert.deepEqual(states(linger(list, [], told, 100)), ['a clean']);
  assert.deepEqual(states(linger(list, [], new Map([['b', fault('b', 'unconfirmed')]]), 1_000_000)), ['b unconfirmed']);
});

test('an unconfirmed fault stays for ever; a clock set back keeps no clean one', () => {
  const list = linger([], [fault('a', 'unconfirmed')], none, 0);
  assert.deepEqual(states(linger(list, [fault('a', 'unconfirmed')], none, 1e9)), ['a unconfirmed']);
  assert.deepEqual(linger([{ fault: fault('a', 'clean'), endedAt: 5_000 }], [fault('a', 'clean')], none, 1_000), []);
});

test('a hold ends at its own end or with the observation, whichever comes first', () => {
  const one = { ...fault('a', 'active'), endsAt: 5_000 };
  assert.equal(endOf(one, null, null), 5_000);
  assert.equal(endOf(one, 'observe', 3_000), 3_000);
  assert.equal(endOf(one, 'baseline', 3_000), 5_000);
  assert.equal(endOf(fault('a', 'active'), 'observe', 3_000), 3_000);
  assert.equal(endOf(fault('a', 'active'), null, null), null);
});
