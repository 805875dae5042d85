import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadText } from '../../engine/policy/load.ts';
import {
  ABORT,
  CHECK,
  EXPERIMENT,
  FAULT_TYPES,
  IGNORED,
  policyFields,
  PROBE_TYPES,
  probeFields,
  ROUTE,
  TOP,
} from './catalogue.ts';
import { fromDisk, toDisk } from './disk.ts';
import { parse, type Path, type Source } from './document.ts';
import { addEntry, insertItem, put, set } from './edit.ts';
import { type Field } from '../../engine/contract/fields.ts';
import { freeName, sectionAt, standIns } from './locate.ts';
import { applied, type Change } from './places.ts';
import { Raw } from './scalar.ts';
import { manifests } from '../../engine/faults/manifests.ts';

/** A file that grows by what a form does. */
class Bench {
  text = '';
  do(make: (source: Source) => readonly Change[]): void {
    const before = parse(this.text);
    assert.ok(before.ok);
    this.text = applied(this.text, make(before.source));
  }
  /** Enters a value that the field's own metadata allows, and differs from the default. */
  enter(path: Path, field: Field, value = sample(field)): void {
    const where = [...path, field.name];
    if (field.kind === 'map')
      this.do((source) =>
        addEntry(source, where, 'x-one', field.name === 'upstreamsByName' ? '10.0.0.5:443' : 'yes: 1'),
      );
    else if (field.kind === 'list')
      this.do((source) => insertItem(source, where, 0, field.texts ? 'SELECT 1' : new Raw('2xx')));
    else
      this.do((source) =>
        set(source, where, ['text', 'lines', 'condition'].includes(field.kind) ? value : new Raw(value)),
      );
  }
  load() {
    const result = loadText(this.text, 'form.yaml');
    assert.ok(result.ok, `${JSON.stringify(result)}\n${this.text}`);
    return result.file;
  }
}
function sample(field: Field): string {
  const { kind, name, choices, fallback, max, example, whole } = field;
  switch (kind) {
    case 'choice':
      return choices.find((one) => one !== '' && one !== fallback) ?? choices[0] ?? '';
    case 'flag':
      return fallback === 'true' ? 'false' : 'true';
    case 'ratio':
      return '0.75';
    case 'duration':
      return '250ms';
    case 'number':
      return String(whole ? Math.min(max ?? 5, 7) : 2.5);
    case 'condition':
      return 'success_rate >= 0.5 && p99 < 900';
    case 'lines':
      return name === 'query' ? 'sum(up)' : 'first line: "x"\n  second # line\n';
    default:
      return example.replaceAll('"', '');
  }
}
const settable = (fields: readonly Field[]): readonly Field[] =>
  fields.filter(({ kind, name }) => kind !== 'section' && name !== 'type');

/** What depends on other fields is entered with them, as the checks of the manifests say. */
const WITH: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'network.jitter': { latency: '500ms' },
  'network.correlation': { loss: '0.1' },
  'network.reordering': { latency: '500ms' },
  jitter: { interval: '250ms' },
  nth: { everyNth: '7' },
  'grpc.direction': { streamRollMode: 'per-frame' },
  'redis.miss': { errorChance: '0.5' },
  'kafka.delayRecords': { latencyChance: '0.5', latencyDuration: '250ms' },
  'tcp.toxic': { rate: '7' },
  'tcp.jitter': { latencyDuration: '250ms' },
  'tcp.sizeVariation': { averageSize: '100' },
  'tcp.sliceDelay': { averageSize: '100' },
  'database.action': { table: 'orders' },
  'database.mode': { table: 'orders' },
  'database.where': { table: 'orders' },
  'database.rows': { table: 'orders' },
  'database.wait': { table: 'orders' },
  'resource.ramSpike': { ramMB: '7' },
  'resource.dropCaches': { allowHost: 'true' },
  'disk.processes': { writeRate: '7' },
  'disk.operation': { action: 'files' },
  'disk.error': { action: 'files' },
  'disk.latency': { action: 'files' },
  'disk.probability': { action: 'files' },
  'disk.everyNth': { action: 'files' },
  'disk.part': { action: 'short-writes', processes: 'name:postgres' },
  'disk.readRate': { processes: 'name:postgres' },
  'disk.writeRate': { processes: 'name:postgres' },
  'disk.readOps': { processes: 'name:postgres' },
  'disk.writeOps': { processes: 'name:postgres' },
  'kernel.path': { calls: 'read' },
  'kernel.everyNth': { calls: 'read' },
  'kernel.delay': { calls: 'read' },
};

for (const [type, manifest] of Object.entries(manifests)) {
  test(`every field of ${type} can be set in the form, and the engine reads what was entered`, () => {
    const fields = settable(policyFields(type));
    const names = fields.map(({ name }) => name);
    for (const name of Object.keys(manifest.params.shape)) assert.ok(names.includes(name), `${name} has no field`);
    for (const field of fields) {
      assert.notEqual(field.help, '', `${field.name} has no help`);
      const bench = new Bench();
      bench.do((source) => put(source, ['version'], new Raw('1')));
      bench.do((source) => put(source, ['policies'], [{ name: 'one', type, target: manifest.target.example }]));
      if (field.kind === 'map' && 'matchHeaders' === field.name && /carry no headers/.test(field.help)) continue;
      const { field: says, values } = field.readWith ?? { field: '', values: [] };
      const alone = says === '' ? {} : { [says]: values[0] ?? '' };
      for (const [name, value] of Object.entries({ ...alone, ...(WITH[`${type}.${field.name}`] ?? WITH[field.name]) }))
        bench.enter(['policies', 0], fields.find((other) => other.name === name) as Field, value);
      const value =
        field.name === 'errorCode'
          ? String(field.max)
          : field.name === 'route'
            ? ''
            : field.name === 'target'
              ? manifest.target.example
              : field.name === 'when'
                ? field.example
                : sample(field);
      bench.enter(['policies', 0], field, value);
      const [policy] = bench.load().policies;
      assert.ok(policy !== undefined);
      const read: unknown = { ...policy.params, name: policy.name, route: policy.route, target: policy.target }[
        field.name
      ];
      const expected: Readonly<Record<string, unknown>> = {
        duration: 250,
        ratio: 0.75,
        flag: value === 'true',
        number: Number(value),
        map: { 'x-one': 'yes: 1' },
      };
      assert.deepEqual(read, expected[field.kind] ?? value, `${field.name} in\n${bench.text}`);
    }
  });
}

test('every field of the file, its routes, its experiment, its checks and their probes can be set', () => {
  for (const type of PROBE_TYPES) {
    const bench = new Bench();
    const enter = (path: Path, fields: readonly Field[], values: Readonly<Record<string, string>> = {}): void => {
      for (const field of settable(fields)) bench.enter(path, field, values[field.name] ?? sample(field));
    };
    enter([], TOP);
    enter(['ignoredCommands'], IGNORED);
    bench.do((source) => insertItem(source, ['routes'], 0, { name: 'first' }));
    // TLS is opened at a route, or passes it by its name.
    const byName = ['upstreamsByName', 'refuseOtherNames'];
    enter(
      ['routes', 0],
      ROUTE.filter(({ name }) => !byName.includes(name)),
    );
    bench.do((source) => insertItem(source, ['routes'], 1, { name: 'second' }));
    enter(
      ['routes', 1],
      ROUTE.filter(({ name }) => ['protocol', 'listen', 'upstream', ...byName].includes(name)),
      { listen: '127.0.0.1:7102' },
    );
    enter(['experiment'], EXPERIMENT, { blastRadius: '3' });
    bench.do((source) => insertItem(source, ['experiment', 'steadyState'], 0, { name: 'check', probe: { type } }));
    enter(['experiment', 'steadyState', 0], CHECK);
    enter(['experiment', 'steadyState', 0, 'probe'], probeFields(type));
    enter(['experiment', 'abort'], ABORT);
    const file = bench.load();
    assert.equal(file.seed, 7);
    assert.equal(file.warmupDuration, 250);
    assert.equal(file.enableDefaultIgnored, false);
    assert.equal(Object.keys(file.ignoredCommands).length, IGNORED.length);
    assert.equal(file.routes[0]?.listen, '127.0.0.1:7101');
    assert.deepEqual(file.routes[1]?.upstreamsByName, { 'x-one': '10.0.0.5:443' });
    const { experiment } = file;
    assert.equal(experiment?.hypothesis, 'first line: "x"\n  second # line\n');
    assert.equal(experiment?.blastRadius, 3);
    assert.equal(experiment?.abort?.for, 250);
    const probe = experiment?.steadyState[0]?.probe;
    assert.equal(probe?.window, 250);
    if (probe?.type === 'http')
      assert.deepEqual(
        [probe.status, probe.headers, probe.apdex_t, probe.ema],
        [['2xx'], { 'x-one': 'yes: 1' }, 250, 0.75],
      );
    else assert.equal(probe?.query, 'sum(up)');
    // Sections stand in the order of the catalogue whatever was entered first.
    assert.deepEqual(
      [...bench.text.matchAll(/^[a-z_]+/gm)].map(([key]) => key),
      [
        'version',
        'name',
        'seed',
        'warmup_duration',
        'enable_default_ignored',
        'ignored_commands',
        'routes',
        'experiment',
      ],
    );
  }
});

test('each kind of fault has a field for its type, its target and its summary', () => {
  assert.deepEqual([...FAULT_TYPES].sort(), Object.keys(manifests).sort());
  for (const type of FAULT_TYPES) assert.ok(policyFields(type.toUpperCase()).some(({ name }) => name === 'target'));
});

test('a place of the text leads to its section, and routes of the engine stand in by name', () => {
  const text =
    'version: 1\nroutes:\n  - { name: a, protocol: http, listen: "h:1", upstream: "h:2" }\npolicies:\n  - name: p\n    type: http\n    route: b\n  - name: p-2\n    type: http\nexperiment:\n  duration: 1m\n  steady_state:\n    - name: c\n      probe: { type: http, url: "route://d/x" }\n';
  const result = parse(text);
  assert.ok(result.ok);
  const { source } = result;
  assert.deepEqual(sectionAt(source, text.indexOf('version')), []);
  assert.deepEqual(sectionAt(source, text.indexOf('h:1')), ['routes', 0]);
  assert.deepEqual(sectionAt(source, text.indexOf('p-2')), ['policies', 1]);
  assert.deepEqual(sectionAt(source, text.indexOf('1m')), ['experiment']);
  assert.deepEqual(sectionAt(source, text.indexOf('route://')), ['experiment', 'steadyState', 0]);
  assert.equal(freeName(source, ['policies'], 'p'), 'p-3');
  const open = ['a', 'b', 'c', 'd'].map((name) => ({
    name,
    protocol: 'http' as const,
    listen: 'x:1',
    upstream: 'x:2',
  }));
  assert.deepEqual(
    standIns(source, open).map(({ name }) => name),
    ['a', 'b', 'd'],
  );
  const bare = parse('version: 1\n');
  assert.ok(bare.ok);
  assert.equal(standIns(bare.source, open).length, 4);
});

test('line ends and the byte order mark of a file are kept', () => {
  for (const content of ['a: 1\r\nb: 2\r\n', '\uFEFFa: 1\n', 'a: 1', '\uFEFFa\r\n']) {
    const { text, ...how } = fromDisk(content);
    assert.ok(!/[\r\uFEFF]/.test(text));
    assert.equal(toDisk(text, how), content);
  }
});
