import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manifests } from '../faults/manifests.ts';
import { type FirebreakFile, type Policy } from './file.ts';
import { loadText } from './load.ts';

/** The pastaay v1 format (CAPABILITIES): every field, both spellings, both ends of every limit, on every type. */

const TYPES = ['http', 'grpc', 'sql', 'redis', 'mongo', 'kafka', 'rabbitmq', 'resource'] as const;
const WITH_HEADERS: readonly string[] = ['http', 'grpc', 'kafka', 'rabbitmq'];

function load(source: string): FirebreakFile {
  const result = loadText(source, 'pastaay.yaml');
  assert.ok(result.ok, `${source}\n${JSON.stringify(result, undefined, 1)}`);
  return result.file;
}
function policyOf(fields: string): Policy {
  const [policy] = load(`version: 1\npolicies:\n  - { target: all, ${fields} }\n`).policies;
  assert.ok(policy !== undefined);
  return policy;
}
function refused(fields: string): string {
  const result = loadText(`version: 1\npolicies:\n  - { target: all, ${fields} }\n`, 'pastaay.yaml');
  assert.ok(!result.ok, `${fields} was accepted`);
  assert.equal(result.issues.length, 1, JSON.stringify(result.issues));
  return result.issues[0]?.message ?? '';
}

/** The field in both spellings; text, the value it must become; and what lies beyond each end of its limits. */
const FIELDS: readonly { snake: string; camel: string; good: readonly [string, unknown][]; bad: readonly string[] }[] =
  [
    {
      snake: 'latency_chance',
      camel: 'latencyChance',
      good: [
        ['0', 0],
        ['0.25', 0.25],
        ['1', 1],
        ['1.0', 1],
      ],
      bad: ['-0.001', '1.001', '"1"'],
    },
    {
      snake: 'error_chance',
      camel: 'errorChance',
      good: [
        ['0', 0],
        ['1e-3', 0.001],
        ['1', 1],
      ],
      bad: ['-0.001', '1.001', 'true'],
    },
    {
      snake: 'latency_duration',
      camel: 'latencyDuration',
      good: [
        ['0s', 0],
        ['0', 0],
        ['500ms', 500],
        ['1m30s', 90_000],
        ['1.5s', 1_500],
        ['250us', 0.25],
        ['1h', 3_600_000],
      ],
      bad: ['1h1ms', '-1s', '5', 'soon'],
    },
    {
      snake: 'error_body',
      camel: 'errorBody',
      good: [
        ['""', ''],
        ['no', 'no'],
        ['503', '503'],
        ['\'{"error":"down"}\'', '{"error":"down"}'],
      ],
      bad: ['[a]'],
    },
    {
      snake: 'drop_connection',
      camel: 'dropConnection',
      good: [
        ['true', true],
        ['false', false],
      ],
      bad: ['1', 'yes'],
    },
    {
      snake: 'stream_roll_mode',
      camel: 'streamRollMode',
      good: [
        ['""', ''],
        ['per-call', 'per-call'],
        ['per-frame', 'per-frame'],
        ['stream', 'stream'],
      ],
      bad: ['per_call', 'Stream'],
    },
    {
      snake: 'throttle_threshold',
      camel: 'throttleThreshold',
      good: [
        ['0', 0],
        ['10000000', 10_000_000],
      ],
      bad: ['-1', '10000001', '1.5'],
    },
    {
      snake: 'ram_chunk_mb',
      camel: 'ramChunkMB',
      good: [
        ['0', 0],
        ['4096', 4_096],
      ],
      bad: ['-1', '4097', '0.5'],
    },
    {
      snake: 'ram_interval',
      camel: 'ramInterval',
      good: [
        ['0s', 1_000],
        ['1ms', 1],
        ['1h', 3_600_000],
      ],
      bad: ['1h1s', '-1s'],
    },
  ];

for (const type of TYPES) {
  test(`${type}: every common field, in both spellings, at both ends of its limits`, () => {
    for (const { snake, camel, good, bad } of FIELDS) {
      for (const [text, value] of good) {
        assert.deepEqual(policyOf(`type: ${type}, ${snake}: ${text}`).params[camel], value, `${snake}: ${text}`);
        assert.deepEqual(policyOf(`type: ${type}, ${camel}: ${text}`).params[camel], value, `${camel}: ${text}`);
      }
      for (const text of bad) {
        assert.match(
          refused(`type: ${type}, ${snake}: ${text}`),
          new RegExp(`^${snake}: expected`),
          `${snake}: ${text}`,
        );
        assert.match(
          refused(`type: ${type}, ${camel}: ${text}`),
          new RegExp(`^${camel}: expected`),
          `${camel}: ${text}`,
        );
      }
    }
  });
}

test('error_code: the limits of each type, and what 0 stands for', () => {
  const limits = {
    http: [100, 599, 500],
    grpc: [0, 16, 14],
    sql: [0, 65_535, 0],
    redis: [0, 65_535, 0],
    mongo: [0, 999_999, 0],
    kafka: [0, 32_767, 0],
    rabbitmq: [0, 65_535, 0],
  } as const;
  for (const [type, [least, most, zero]] of Object.entries(limits)) {
    for (const spelling of ['error_code', 'errorCode']) {
      assert.equal(policyOf(`type: ${type}, ${spelling}: ${most}`).params['errorCode'], most);
      assert.equal(policyOf(`type: ${type}, ${spelling}: 0`).params['errorCode'], zero);
      assert.equal(policyOf(`type: ${type}`).params['errorCode'], zero);
      if (least > 0) assert.equal(policyOf(`type: ${type}, ${spelling}: ${least}`).params['errorCode'], least);
      for (const bad of [most + 1, least - 1, '7.5', '"7"'])
        assert.match(refused(`type: ${type}, ${spelling}: ${bad}`), /^error_?[cC]ode: expected/);
    }
  }
});

test('match_headers: where there are headers; elsewhere only an empty mapping', () => {
  for (const type of TYPES) {
    for (const spelling of ['match_headers', 'matchHeaders']) {
      assert.deepEqual(policyOf(`type: ${type}, ${spelling}: {}`).params['matchHeaders'], {});
      if (!WITH_HEADERS.includes(type)) assert.match(refused(`type: ${type}, ${spelling}: { a: b }`), /carry none/);
      else
        assert.deepEqual(
          policyOf(`type: ${type}, ${spelling}: { X-Tier: gold, x-n: 1.0, x-b: true }`).params['matchHeaders'],
          { 'X-Tier': 'gold', 'x-n': '1.0', 'x-b': 'true' },
        );
    }
  }
});

test('snake_case wins over camelCase, whichever stands first, even over a camelCase value that is wrong', () => {
  assert.equal(policyOf('type: http, errorChance: 0.1, error_chance: 0.2').params['errorChance'], 0.2);
  assert.equal(policyOf('type: http, error_chance: 0.2, errorChance: 0.1').params['errorChance'], 0.2);
  assert.equal(policyOf('type: http, error_chance: 0.2, errorChance: 7').params['errorChance'], 0.2);
  const file = load(
    'version: 1\nwarmupDuration: 1s\nwarmup_duration: 2s\nenableDefaultIgnored: true\nenable_default_ignored: false\n',
  );
  assert.deepEqual([file.warmupDuration, file.enableDefaultIgnored], [2_000, false]);
});

test('the head of the file: both spellings and limits', () => {
  const head = (line: string): FirebreakFile => load(`version: 1\n${line}\npolicies: []\n`);
  for (const name of ['warmup_duration', 'warmupDuration']) {
    assert.equal(head(`${name}: 0s`).warmupDuration, 0);
    assert.equal(head(`${name}: 24h`).warmupDuration, 86_400_000);
    assert.ok(!loadText(`version: 1\n${name}: 24h1ms\n`, 'a').ok);
  }
  for (const name of ['enable_default_ignored', 'enableDefaultIgnored']) {
    assert.equal(head(`${name}: true`).enableDefaultIgnored, true);
    assert.equal(head(`${name}: false`).enableDefaultIgnored, false);
  }
  for (const name of ['ignored_commands', 'ignoredCommands']) {
    const file = head(`${name}: { sql: ["SELECT 1", EXPLAIN], redis: [AUTH], http: [/health], kafka: [], mongo: }`);
    assert.deepEqual(file.ignoredCommands, {
      sql: ['SELECT 1', 'EXPLAIN'],
      redis: ['AUTH'],
      http: ['/health'],
      kafka: [],
      mongo: [],
    });
  }
  assert.deepEqual(head('').ignoredCommands, {});
});

test('names are optional: nameless policies are numbered by type, without taking a name that is there', () => {
  const file = load(`version: 1
policies:
  - { type: http, target: /a }
  - { name: http-2, type: http, target: /b }
  - { type: http, target: /c }
  - { name: "", type: sql, target: all }
  - { type: HTTP, target: 404 }
`);
  assert.deepEqual(
    file.policies.map(({ name }) => name),
    ['http-1', 'http-2', 'http-3', 'sql-1', 'http-4'],
  );
  assert.deepEqual(
    file.policies.map(({ type }) => type),
    ['http', 'http', 'http', 'sql', 'http'],
    'types compare without regard to case',
  );
  assert.equal(file.policies[4]?.target, '404', 'a target is text even where YAML sees a number');
});

test('1024 policies load, one more does not, and one bad policy rejects all with every error listed', () => {
  const many = (count: number): string =>
    'version: 1\npolicies:\n' +
    Array.from({ length: count }, (_, i) => `  - { type: http, target: /p${i}, error_chance: 0.1 }\n`).join('');
  assert.equal(load(many(1_024)).policies.length, 1_024);
  const over = loadText(many(1_025), 'a');
  assert.ok(!over.ok);
  assert.deepEqual([over.issues.length, over.issues[0]?.line, over.issues[0]?.column], [1, 1_027, 5]);
  assert.match(over.issues[0]?.message ?? '', /at most 1024, found 1025/);
  const two = loadText(
    many(50)
      .replace('/p7, error_chance: 0.1', '/p7, error_chance: 2')
      .replace('/p9, error_chance: 0.1', '/p9, eror_chance: 1'),
    'a',
  );
  assert.ok(!two.ok);
  assert.deepEqual(
    two.issues.map(({ line }) => line),
    [10, 12],
  );
});

test('5 MiB load, one byte more does not', () => {
  const filled = (bytes: number): string => `version: 1\n#${'x'.repeat(bytes - 12)}`;
  assert.equal(Buffer.byteLength(filled(5 * 1024 * 1024)), 5 * 1024 * 1024);
  assert.ok(loadText(filled(5 * 1024 * 1024), 'a').ok);
  const over = loadText(filled(5 * 1024 * 1024 + 1), 'a');
  assert.ok(!over.ok);
  assert.match(over.issues[0]?.message ?? '', /at most 5 MiB/);
  assert.ok(!loadText(filled(4 * 1024 * 1024).replaceAll('x', 'é'), 'a').ok, 'bytes count, not characters');
});

test('the hash of a policy follows its fields, and nothing else', () => {
  const hash = (fields: string): number => policyOf(fields).hash;
  const base = hash('type: http, name: a, error_chance: 0.5, match_headers: { a: b, c: d }');
  assert.equal(
    hash('matchHeaders: { c: d, a: b }, errorChance: 0.50, name: a, type: http'),
    base,
    'order and spelling do not count',
  );
  assert.equal(
    load(
      'version: 1\n\n# moved\npolicies:\n' +
        '  - { name: a, target: all, type: http, error_chance: 0.5, match_headers: { a: b, c: d } }\n',
    ).policies[0]?.hash,
    base,
  );
  const changes = [
    'latency_chance: 0.1',
    'latency_duration: 1s',
    'error_code: 503',
    'error_body: x',
    'drop_connection: true',
    'stream_roll_mode: stream',
    'throttle_threshold: 1',
    'ram_chunk_mb: 1',
    'ram_interval: 2s',
    'route: r',
  ];
  const hashes = changes.map((change) =>
    hash(`type: http, name: a, error_chance: 0.5, match_headers: { a: b, c: d }, ${change}`),
  );
  assert.equal(new Set([base, ...hashes]).size, changes.length + 1);
});

test('every type of the format has a manifest, and a whole file of all types loads', () => {
  for (const type of TYPES) assert.equal(manifests[type].type, type);
  const file = load(
    'version: 1\nwarmup_duration: "10s"\npolicies:\n' +
      TYPES.map((type) => `  - { name: ${type}, type: ${type}, target: all, error_chance: 0.1 }\n`).join(''),
  );
  assert.deepEqual(
    file.policies.map(({ type }) => type),
    [...TYPES],
  );
  assert.deepEqual([file.name, file.seed, file.routes, file.experiment], ['pastaay', undefined, [], null]);
});
