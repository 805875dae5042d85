import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wirePolicy as policy } from '../../test/support/policy.ts';
import { compileSnapshot, type Snapshot } from './snapshot.ts';

/** The targets that take the name, in the order in which they stand. */
function takenBy(targets: readonly string[], name: string, ignored: readonly string[] = []): readonly string[] {
  const snapshot = compileSnapshot(targets.map((target) => policy({ protocol: 'mongo', target, ignored })));
  const found = matched(snapshot, name);
  const out = new Int32Array(targets.length);
  assert.deepEqual([...out.subarray(0, snapshot.matchText('mongo', 'r', name, out))], found, 'as text');
  return found.map((index) => targets[index] as string);
}
function matched(snapshot: Snapshot, name: string): number[] {
  const out = new Int32Array(snapshot.policies.length);
  const bytes = Buffer.from(`##${name}##`);
  return [...out.subarray(0, snapshot.match('mongo', 'r', bytes, 2, bytes.length - 2, out))];
}

test('a command is taken by what it does, by what it does it to, and by both', () => {
  const targets = ['find', 'insert', 'orders', 'shop.orders', 'shop.*', 'shop*', 'find shop.orders', 'find shop*', 'all', 'shop', 'ord*', 'x.orders'];
  const expected = ['find', 'orders', 'shop.orders', 'shop.*', 'shop*', 'find shop.orders', 'find shop*', 'all'];
  assert.deepEqual(takenBy(targets, 'find shop.orders'), expected);
  assert.deepEqual(takenBy(['FIND', 'Orders'], 'find shop.orders'), ['FIND', 'Orders'], 'case does not count');
});

test('a collection may have dots, a command no collection', () => {
  assert.deepEqual(takenBy(['orders', 'orders.2024', 'orders*', '2024', 'shop.orders*'], 'find shop.orders.2024'), ['orders.2024', 'orders*', 'shop.orders*']);
  assert.deepEqual(takenBy(['listCollections', 'shop', 'all', ''], 'listCollections shop'), ['listCollections', 'shop', 'all', '']);
});

test('a policy counts once, and in its place, however many names it takes', () => {
  assert.deepEqual(takenBy(['all', 'shop*', 'find', 'shop.shop'], 'find shop.shop'), ['all', 'shop*', 'find', 'shop.shop']);
});

test('what is protected is told by the command alone', () => {
  const protects = ['create', 'drop'];
  assert.deepEqual(takenBy(['orders', 'all', 'drop', 'dropIndexes'], 'dropIndexes shop.orders', protects), []);
  assert.deepEqual(takenBy(['drops', 'all'], 'find shop.drops', protects), ['drops', 'all']);
});

test('names of other protocols stay one', () => {
  const snapshot = compileSnapshot([policy({ protocol: 'kafka', target: 'b' }), policy({ protocol: 'kafka', target: 'a b' })]);
  const out = new Int32Array(2);
  assert.deepEqual([...out.subarray(0, snapshot.matchText('kafka', 'r', 'a b', out))], [1]);
});
