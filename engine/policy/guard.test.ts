import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assess } from './guard.ts';
import { loadText } from './load.ts';

/**
 * Golden vectors, worked out by hand from CAPABILITIES, "Guard"; the sum stands beside each. `on` and `off` are the
 * built-in ignore lists. N = narrow scope 0.4, G = global 1.0, +0.2 for a collision; risk = severity x scope <= 0.95;
 * survival = product of (1 - risk), times 0.85 when off; score = floor(100 (1 - survival)).
 */
type Vector = readonly [ignores: 'on' | 'off', policies: readonly string[], score: number, level: string, remarks: string];

const VECTORS: readonly Vector[] = [
  // Nothing, or nothing that does anything.
  ['on', [], 0, 'SAFE', ''],
  ['off', [], 15, 'SAFE', 'guard-off'], // 1 - 0.85
  ['on', ['type: http, target: /a'], 0, 'SAFE', ''],
  ['on', ['type: http, target: all'], 0, 'SAFE', ''], // a no-op is skipped, its global target as well
  ['off', ['type: http, target: all, latency_duration: 10s'], 15, 'SAFE', 'guard-off'],
  ['on', ['type: http, target: /a, error_code: 503, error_body: no'], 0, 'SAFE', ''],
  // Scope.
  ['on', ['type: http, target: /a, error_chance: 1'], 40, 'ELEVATED', ''], // 1 N
  ['on', ['type: http, target: all, error_chance: 1'], 95, 'CRITICAL', 'global-target'], // 1 G, capped
  ['on', ['type: sql, target: database, error_chance: 1'], 95, 'CRITICAL', 'global-target'],
  ['on', ['type: kafka, target: "*", error_chance: 1'], 95, 'CRITICAL', 'global-target'],
  ['on', ['type: resource, throttle_threshold: 1'], 40, 'ELEVATED', 'global-target'], // 0.4 G, empty target
  ['on', ['type: resource, target: host, throttle_threshold: 1'], 16, 'SAFE', ''], // 0.4 N
  // Errors: the chance itself.
  ['on', ['type: http, target: /a, error_chance: 0.25'], 10, 'SAFE', ''], // 0.25 N = 0.1, exactly 10
  ['on', ['type: http, target: /a, error_chance: 0.5'], 20, 'SAFE', ''],
  ['on', ['type: http, target: /a, error_chance: 0.62'], 24, 'SAFE', ''], // 0.248
  ['on', ['type: http, target: /a, error_chance: 0.625'], 25, 'ELEVATED', ''], // 0.25
  ['on', ['type: http, target: all, error_chance: 0.5'], 50, 'HIGH', 'global-target'],
  ['on', ['type: http, target: all, error_chance: 0.49'], 49, 'ELEVATED', 'global-target'],
  ['on', ['type: http, target: all, error_chance: 0.74'], 74, 'HIGH', 'global-target'],
  ['on', ['type: http, target: all, error_chance: 0.75'], 75, 'CRITICAL', 'global-target'],
  ['on', ['type: http, target: all, error_chance: 0.95'], 95, 'CRITICAL', 'global-target'],
  ['on', ['type: http, target: all, error_chance: 0.96'], 95, 'CRITICAL', 'global-target'], // the cap
  // Latency: chance times 0.3, 0.6 from 1 s, 1.0 from 5 s.
  ['on', ['type: http, target: /a, latency_chance: 1'], 12, 'SAFE', ''], // 0.3 N
  ['on', ['type: http, target: /a, latency_chance: 1, latency_duration: 999ms'], 12, 'SAFE', ''],
  ['on', ['type: http, target: /a, latency_chance: 1, latency_duration: 1s'], 24, 'SAFE', ''], // 0.6 N
  ['on', ['type: http, target: /a, latency_chance: 1, latency_duration: 4999ms'], 24, 'SAFE', ''],
  ['on', ['type: http, target: /a, latency_chance: 1, latency_duration: 5s'], 40, 'ELEVATED', 'long-latency'], // 1 N
  ['on', ['type: grpc, target: all, latency_chance: 0.5, latency_duration: 2s'], 30, 'ELEVATED', 'global-target'], // 0.3 G
  ['on', ['type: http, target: /a, latency_chance: 0.5, latency_duration: 1h'], 20, 'SAFE', 'long-latency'], // 0.5 N
  // Drop.
  ['on', ['type: redis, target: get, drop_connection: true'], 40, 'ELEVATED', 'tcp-drop'],
  ['on', ['type: redis, target: all, drop_connection: true'], 95, 'CRITICAL', 'global-target tcp-drop'],
  // Memory: 0.2, 0.5 from 256 MB, 0.9 from 1024 MB.
  ['on', ['type: resource, target: host, ram_chunk_mb: 1'], 8, 'SAFE', ''], // 0.2 N
  ['on', ['type: resource, target: host, ram_chunk_mb: 255'], 8, 'SAFE', ''],
  ['on', ['type: resource, target: host, ram_chunk_mb: 256'], 20, 'SAFE', ''], // 0.5 N
  ['on', ['type: resource, target: host, ram_chunk_mb: 1023'], 20, 'SAFE', ''],
  ['on', ['type: resource, target: host, ram_chunk_mb: 1024'], 36, 'ELEVATED', 'oom'], // 0.9 N
  ['on', ['type: resource, target: all, ram_chunk_mb: 4096'], 90, 'CRITICAL', 'global-target oom'], // 0.9 G
  // CPU: 0.4, 0.8 from 100,000.
  ['on', ['type: resource, target: host, throttle_threshold: 99999'], 16, 'SAFE', ''], // 0.4 N
  ['on', ['type: resource, target: host, throttle_threshold: 100000'], 32, 'ELEVATED', 'cpu-lock'], // 0.8 N
  ['on', ['type: resource, target: all, throttle_threshold: 10000000'], 80, 'CRITICAL', 'global-target cpu-lock'],
  // The largest of several, not their sum.
  ['on', ['type: http, target: /a, error_chance: 0.5, latency_chance: 1, latency_duration: 1s'], 24, 'SAFE', ''], // max(0.5, 0.6) N
  ['on', ['type: http, target: /a, error_chance: 0.9, latency_chance: 1, latency_duration: 1s'], 36, 'ELEVATED', ''],
  ['on', ['type: resource, target: host, ram_chunk_mb: 1024, throttle_threshold: 100000'], 36, 'ELEVATED', 'oom cpu-lock'],
  ['on', ['type: http, target: all, drop_connection: true, error_chance: 0.1, latency_chance: 0.1, latency_duration: 5s'], 95, 'CRITICAL', 'global-target tcp-drop long-latency'],
  // Several policies: survivals multiply.
  ['on', ['type: http, target: /a, error_chance: 0.5', 'type: http, target: /b, error_chance: 0.5'], 36, 'ELEVATED', ''], // 1 - 0.8^2
  ['on', ['type: http, target: /a, error_chance: 1', 'type: http, target: /b, error_chance: 1'], 64, 'HIGH', ''], // 1 - 0.6^2
  ['on', ['type: http, target: /a, error_chance: 1', 'type: http, target: /b, error_chance: 1', 'type: http, target: /c, error_chance: 1'], 78, 'CRITICAL', ''], // 1 - 0.216
  // Collisions: +0.2 on the scope of the later one, at most 1.
  ['on', ['type: http, target: /a, error_chance: 0.5', 'type: http, target: /a, error_chance: 0.5'], 44, 'ELEVATED', 'collision'], // 1 - 0.8 x 0.7
  ['on', ['type: http, target: /a, error_chance: 0.5', 'type: grpc, target: /a, error_chance: 0.5'], 36, 'ELEVATED', ''], // another type
  ['on', ['type: http, target: /a', 'type: http, target: /a, error_chance: 0.5'], 20, 'SAFE', ''], // the first is a no-op
  ['on', ['type: http, target: all, error_chance: 0.2', 'type: http, target: all, error_chance: 0.2'], 36, 'ELEVATED', 'global-target global-target collision'], // scope stays 1
  ['on', ['type: http, target: /a, error_chance: 1', 'type: http, target: /a, error_chance: 1', 'type: http, target: /a, error_chance: 1'], 90, 'CRITICAL', 'collision collision'], // 1 - 0.6 x 0.4 x 0.4 = 0.904
  // A route is a scope: everything on one route is not everything.
  ['on', ['type: tcp, toxic: down'], 95, 'CRITICAL', 'global-target tcp-drop'], // 1 G, capped
  ['on', ['type: tcp, toxic: down, route: a'], 40, 'ELEVATED', 'tcp-drop'], // 1 N
  ['on', ['type: tcp, target: all, toxic: down, route: a'], 40, 'ELEVATED', 'tcp-drop'],
  ...['http', 'grpc', 'redis', 'mongo', 'kafka', 'rabbitmq', 'sql'].flatMap((type): Vector[] => [
    ['on', [`type: ${type}, target: all, error_chance: 1`], 95, 'CRITICAL', 'global-target'],
    ['on', [`type: ${type}, target: all, route: a, error_chance: 1`], 40, 'ELEVATED', ''],
    ['on', [`type: ${type}, target: x, route: a, error_chance: 1`], 40, 'ELEVATED', ''], // no narrower than narrow
  ]),
  // Two policies collide where their routes can be the same.
  ['on', ['type: http, target: /a, route: a, error_chance: 0.5', 'type: http, target: /a, route: a, error_chance: 0.5'], 44, 'ELEVATED', 'collision'],
  ['on', ['type: http, target: /a, route: a, error_chance: 0.5', 'type: http, target: /a, route: b, error_chance: 0.5'], 36, 'ELEVATED', ''],
  ['on', ['type: http, target: /a, error_chance: 0.5', 'type: http, target: /a, route: b, error_chance: 0.5'], 44, 'ELEVATED', 'collision'],
  ['on', ['type: http, target: /a, route: a, error_chance: 0.5', 'type: http, target: /a, error_chance: 0.5'], 44, 'ELEVATED', 'collision'],
  // The ignore lists off: times 0.85 once.
  ['off', ['type: http, target: /a, error_chance: 1'], 49, 'ELEVATED', 'guard-off'], // 1 - 0.85 x 0.6 = 0.49
  ['off', ['type: http, target: all, error_chance: 1'], 95, 'CRITICAL', 'guard-off global-target'], // 1 - 0.85 x 0.05 = 0.9575
  ['off', ['type: sql, target: all, error_chance: 0.2', 'type: sql, target: all, latency_chance: 0.5, latency_duration: 5s'], 66, 'HIGH', 'guard-off global-target global-target collision long-latency'], // 1 - 0.85 x 0.8 x 0.5 = 0.66
  ['off', Array.from({ length: 50 }, (_, i) => `type: http, target: /${i}, drop_connection: true`), 99, 'CRITICAL', `guard-off${' tcp-drop'.repeat(50)}`],
];

const fileOf = (ignores: string, policies: readonly string[]): string =>
  `version: 1\nenable_default_ignored: ${ignores === 'on'}\npolicies:\n${policies.map((policy) => `  - { ${policy} }\n`).join('') || '  []\n'}`;

test(`the guard: ${VECTORS.length} golden vectors`, () => {
  for (const [ignores, policies, score, level, remarks] of VECTORS) {
    const loaded = loadText(fileOf(ignores, policies), 'vector.yaml');
    assert.ok(loaded.ok, JSON.stringify(loaded));
    const result = assess(loaded.file);
    const found = result.issues.map(({ remark }) => remark).join(' ');
    assert.deepEqual([result.score, result.level, found], [score, level, remarks], `${ignores}: ${policies.join(' | ')}`);
  }
});

test('survival and messages are in plain words', () => {
  const loaded = loadText(fileOf('off', ['name: cut, type: redis, target: all, drop_connection: true']), 'a.yaml');
  assert.ok(loaded.ok);
  const { survival, issues } = assess(loaded.file);
  assert.ok(Math.abs(survival - 0.85 * 0.05) < 1e-12);
  assert.deepEqual(issues.map(({ policy }) => policy), ['', 'cut', 'cut']);
  for (const { message } of issues) assert.match(message, /^[A-Z][^_]{20,}\.$/);
});

test('the message of a collision names the route', () => {
  const one = 'type: tcp, toxic: bandwidth, rate: 9, route: shop';
  const loaded = loadText(fileOf('on', [one, `name: again, ${one}`]), 'a.yaml');
  assert.ok(loaded.ok);
  assert.deepEqual(
    assess(loaded.file).issues.map(({ message }) => message),
    ['An earlier policy hits the same target (tcp on route shop): their effects add up.'],
  );
});

test('what reaches further than the experiment says is told, and weighs nothing', () => {
  const found = (line: string, radius: number): string => {
    const text = `version: 1\npolicies:\n  - { ${line} }\nexperiment:\n  hypothesis: It holds.\n  blast_radius: ${radius}\n  duration: 1m\n  steady_state:\n    - { name: a, probe: { type: http, url: "http://127.0.0.1:1" }, expect: success_rate > 0.5 }\n`;
    const loaded = loadText(text, 'a.yaml');
    assert.ok(loaded.ok, JSON.stringify(loaded));
    const { score, issues } = assess(loaded.file);
    assert.equal(score, assess({ ...loaded.file, experiment: null }).score);
    return issues.map(({ message }) => message).join(' ');
  };
  assert.equal(found('type: dns, target: host, names: api.example.org', 2), 'This reaches further (blast radius 3 of 5) than the experiment allows (blast_radius: 2).');
  assert.equal(found('type: dns, target: host, names: api.example.org', 3), '');
  assert.equal(found('type: dns, target: "cmd:worker.js", names: api.example.org', 2), '');
});

test('absent means protected', () => {
  const loaded = loadText('version: 1\npolicies: []\n', 'a.yaml');
  assert.ok(loaded.ok);
  assert.deepEqual([loaded.file.enableDefaultIgnored, assess(loaded.file).score], [true, 0]);
});

test('a policy of a type that nobody knows is left out of the score', () => {
  const place = { file: 'a', line: 1, column: 1 };
  const policies = [{ name: 'x', type: 'volcano', target: 'all', route: '', params: {}, place, hash: 0 }];
  assert.equal(assess({ policies, enableDefaultIgnored: true }).score, 0);
});
