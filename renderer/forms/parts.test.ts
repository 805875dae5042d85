import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FAULT_TYPES, policyFields } from './catalogue.ts';
import { type Parts, partsOf } from './parts.ts';

const partsIn = (type: string, file: Readonly<Record<string, string>> = {}): Parts =>
  partsOf(
    policyFields(type),
    (name) => file[name] ?? '',
    (name) => name in file,
  );
const names = (fields: Parts['scope']): readonly string[] => fields.map(({ name }) => name);
const all = ({ head, scope, effect }: Parts): readonly string[] => names([...head, ...scope, ...effect]);

test('each type asks for its name and type, then for what it takes hold of, then for what it does', () => {
  for (const type of FAULT_TYPES) {
    const { head, scope, effect } = partsIn(type);
    assert.deepEqual(names(head), ['name', 'type'], type);
    assert.ok(names(scope).includes('target'), type);
    assert.ok(effect.length > 0, type);
  }
  const { scope, effect } = partsIn('redis');
  assert.deepEqual(names(scope), ['route', 'target', 'when', 'everyNth', 'nth']);
  assert.ok(names(effect).includes('miss') && names(effect).includes('errorChance'));
});

test('what does nothing for a type is not asked for, unless the file has it', () => {
  assert.ok(!all(partsIn('redis')).some((name) => ['ramChunkMB', 'matchHeaders', 'streamRollMode'].includes(name)));
  assert.ok(all(partsIn('redis', { ramChunkMB: '3' })).includes('ramChunkMB'));
  assert.ok(all(partsIn('grpc')).includes('streamRollMode'));
});

test('a toxic asks for what it reads, and the default toxic when none is named', () => {
  assert.deepEqual(names(partsIn('tcp').effect), ['toxic', 'latencyDuration', 'jitter']);
  assert.deepEqual(names(partsIn('tcp', { toxic: 'slicer' }).effect), [
    'toxic',
    'averageSize',
    'sizeVariation',
    'sliceDelay',
  ]);
  assert.deepEqual(names(partsIn('tcp', { toxic: 'down', rate: '5' }).effect), ['toxic', 'rate']);
});

test('no field of any type is lost: all are asked for when the file has them', () => {
  for (const type of FAULT_TYPES) {
    const file = Object.fromEntries(policyFields(type).map(({ name }) => [name, 'x']));
    assert.equal(all(partsIn(type, file)).length, policyFields(type).length, type);
  }
});
