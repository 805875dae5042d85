import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { type FaultManifest } from '../kernel/fault.ts';
import { type FaultType, manifestOf, manifests } from './manifests.ts';

const all = Object.entries(manifests) as [FaultType, FaultManifest][];
const REMARKS = [
  'guard-off',
  'global-target',
  'collision',
  'tcp-drop',
  'long-latency',
  'oom',
  'cpu-lock',
  'irreversible',
];

test('every folder of faults with a manifest is on the list, under its own name, and the reverse', () => {
  const folders = readdirSync(import.meta.dirname, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && existsSync(join(import.meta.dirname, entry.name, 'manifest.ts')),
  );
  assert.deepEqual(folders.map(({ name }) => name).sort(), Object.keys(manifests).sort());
  for (const [type, manifest] of all) assert.equal(manifest.type, type);
});

test('a manifest is found by its type, and by nothing else', () => {
  for (const [type, manifest] of all) assert.equal(manifestOf(type), manifest);
  for (const type of ['', 'HTTP', 'toString', '__proto__', 'constructor', 'volcano'])
    assert.equal(manifestOf(type), undefined, type);
});

test('how far a fault reaches follows from what is asked for', () => {
  const reach = (type: FaultType, asked: object, target = ''): number => {
    const manifest: FaultManifest = manifests[type];
    return manifest.blastRadius(manifest.params.parse(asked), target);
  };
  assert.deepEqual(
    [
      reach('resource', { memoryLimitMB: 64 }, 'name:shop'), reach('resource', { cpuLoad: 0.5 }), reach('resource', { dropCaches: true }),
      reach('dns', {}, 'cmd:worker.js'), reach('dns', {}, 'host'),
      reach('network', { loss: 0.1, port: 5432 }, 'eth0'), reach('network', { loss: 0.1 }, 'netns:shop/eth0'), reach('network', { loss: 0.1 }, 'eth0'), reach('network', { partition: 'drop', allowWhole: true }, 'eth0'),
      reach('disk', {}, '/srv/data'), reach('disk', { allowSystemDisk: true }, '/var'),
      reach('process', {}, 'name:shop'), reach('process', { percentage: 50 }, 'name:shop'), reach('kernel', { percentage: 100 }, 'name:shop'),
      reach('container', {}, 'name:web'), reach('container', { all: true }, 'project:shop'),
    ],
    [1, 2, 3, 2, 3, 2, 2, 3, 4, 2, 3, 1, 2, 2, 2, 3],
  );
});

for (const [type, manifest] of all) {
  test(`${type}: the manifest tells what forms, plans, the guard and the docs need`, () => {
    const params = manifest.params.parse({});
    assert.match(manifest.summary, /^[A-Z][^\n]{15,120}\.$/);
    assert.ok(manifest.target.help.length > 15);
    assert.notEqual(manifest.target.example, '');
    assert.equal(
      manifest.target.check?.(manifest.target.example),
      undefined,
      'the example of a target is a good target',
    );
    assert.ok(manifest.platforms.length > 0 && [1, 2, 3, 4, 5].includes(manifest.blastRadius(params, manifest.target.example)));
    assert.ok(manifest.verifyWithin >= 1_000 && manifest.verifyWithin <= 60_000);
    assert.match(manifest.explain(params, manifest.target.example), /^[A-Z].+\.$/);
    assert.ok(manifest.severity(params) >= 0 && manifest.severity(params) <= 1);
    for (const remark of manifest.remarks(params)) assert.ok(REMARKS.includes(remark));
    assert.deepEqual(manifest.check?.(params) ?? [], [], 'the defaults go together');
    assert.equal((manifest as FaultManifest).noop(manifest.params.parse(manifest.example ?? {})), false, 'its example does something');
  });

  test(`${type}: every field has help, and its example and limits are accepted by its own schema`, () => {
    for (const [field, schema] of Object.entries(manifest.params.shape) as [string, z.ZodType][]) {
      const meta = schema.meta();
      assert.match(String(meta?.['help']), /\.$/, `${field} has no help`);
      assert.match(field, /^[a-z][A-Za-z0-9]*$/, 'names are camelCase');
      assert.ok(schema.safeParse(undefined).success, `${field} has no default`);
      const unit = meta?.['unit'];
      for (const end of ['min', 'max'] as const) {
        const value = meta?.[end];
        if (typeof value !== 'number' || unit === 'ms') continue;
        assert.ok(schema.safeParse(value).success, `${field}: its own ${end} ${value} is refused`);
      }
      if (typeof meta?.['max'] === 'number' && unit !== 'ms')
        assert.ok(!schema.safeParse(meta['max'] + 1).success, `${field} takes more than its max`);
      const example = meta?.['example'];
      if (example !== undefined && typeof schema.parse(undefined) !== 'object')
        assert.ok(schema.safeParse(example).success, `${field}: its own example ${String(example)} is refused`);
    }
  });
}

test('the types of the wire say in words what happens to which messages', () => {
  const asked = { latencyChance: 0.25, latencyDuration: '1500ms', errorChance: 1, errorCode: 7, dropConnection: true };
  const said = (type: FaultType, target: string): string =>
    manifestOf(type)?.explain(manifests[type].params.parse(asked), target) ?? '';
  assert.equal(
    said('grpc', '/shop.Orders/Place'),
    'Delays 25 % of calls of /shop.Orders/Place by 1.5s, answers all of them with status 7, cuts their connections.',
  );
  assert.match(said('sql', 'all'), /^Delays 25 % of SQL statements by 1\.5s/);
  assert.match(said('kafka', 'orders'), /messages of orders/);
  assert.equal(
    manifests.mongo.explain(manifests.mongo.params.parse({ errorChance: 1 }), 'find'),
    'Answers all find commands with a command error.',
  );
  const coded = { errorChance: 1, errorCode: 64, errorBody: 'LOADING Redis is loading' };
  const writes = manifests.mongo.params.parse({ ...coded, failure: 'write-concern' });
  assert.equal(manifests.mongo.explain(writes, 'insert'), 'Answers all insert commands with write concern error 64 after the write.');
  assert.equal(manifests.kafka.explain(manifests.kafka.params.parse(coded), 'orders'), 'Answers all messages of orders with error 64.');
  assert.equal(manifests.redis.explain(manifests.redis.params.parse(coded), 'incr'), 'Answers all incr commands with the error LOADING.');
  assert.equal(manifests.redis.explain(manifests.redis.params.parse({}), 'get'), 'Leaves get commands as they are.');
  assert.equal(
    manifests.redis.explain(manifests.redis.params.parse({ dropConnection: true }), 'all'),
    'Cuts the connections of Redis commands.',
  );
});

test('a README stands beside each manifest', () => {
  for (const [type] of all) {
    const words = readFileSync(join(import.meta.dirname, type, 'README.md'), 'utf8').split(/\s+/).length;
    assert.ok(words >= 20, type);
  }
});
