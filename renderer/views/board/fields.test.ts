import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { fieldsOf, read, written } from './fields.ts';

const schema = z.object({
  query: z.string().max(100).default('up').meta({ title: 'Query', help: 'PromQL.', example: 'up' }),
  step: z.int().min(1).max(60).default(5),
  shown: z.boolean().default(true),
  order: z
    .enum(['name', 'rate'])
    .default('rate')
    .meta({ labels: { name: 'By name', rate: 'By rate' } }),
  targets: z.array(z.string()).max(50).default([]),
  filter: z.string().default('').meta({ hidden: true }),
});

test('each kind of field is told with its words and limits, and the hidden one is left out', () => {
  const fields = fieldsOf(schema);
  assert.deepEqual(
    fields.map(({ key, kind, title }) => [key, kind, title]),
    [
      ['query', 'text', 'Query'],
      ['step', 'number', 'step'],
      ['shown', 'flag', 'shown'],
      ['order', 'choice', 'order'],
      ['targets', 'lines', 'targets'],
    ],
  );
  assert.deepEqual([fields[1]!.least, fields[1]!.most], [1, 60]);
  assert.deepEqual(fields[3]!.choices, [
    { value: 'name', label: 'By name' },
    { value: 'rate', label: 'By rate' },
  ]);
});

test('what is written reads back to the same settings', () => {
  const settings = schema.parse({ step: 7, shown: false, targets: ['a b', 'c'] });
  const again = Object.fromEntries(
    fieldsOf(schema).map((field) => [
      field.key,
      read(field, written(field, settings[field.key as keyof typeof settings])),
    ]),
  );
  assert.deepEqual(schema.parse(again), settings);
});

test('an empty number is refused by nobody but the schema', () => {
  const field = fieldsOf(schema)[1]!;
  assert.equal(read(field, ' '), undefined);
  assert.ok(!schema.safeParse({ step: read(field, 'x') }).success);
});
