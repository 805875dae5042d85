import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { EXIT, FirebreakError } from '../kernel/errors.ts';
import { seededStream } from '../kernel/random.ts';
import { type FirebreakFile } from './file.ts';
import { loadFile, loadText, type LoadOptions } from './load.ts';

const FULL = `version: 1
name: checkout-survives-slow-payments
seed: 42
warmup_duration: 10s
routes:
  - { name: payments, protocol: http, listen: "127.0.0.1:7101", upstream: "127.0.0.1:7201" }
  - { name: six, protocol: redis, listen: "[::1]:0", upstream: "cache.local:6379" }
policies:
  - { name: slow-payments, type: http, target: /charge*, latency_chance: 1, latency_duration: 500ms, route: payments }
  - { name: burn, type: resource, cpu_cores: 1, cpu_load: 0.8, latency_duration: 30s }
experiment:
  hypothesis: Checkout keeps 95 % success while payments answer 500 ms late.
  blast_radius: 2
  duration: 10m
  steady_state:
    - name: checkout
      probe:
        { type: http, url: "route://payments/checkout", every: 500ms, timeout: 2s, apdexT: 300ms, status: [2xx, 304] }
      expect: success_rate >= 0.99 && p99 < 800
    - name: traffic
      probe: { type: prometheus, url: "http://127.0.0.1:9090", query: "sum(rate(x[1m]))" }
      expect: value > 10
  abort: { when: success_rate < 0.95, for: 3s }
`;

const CHECK = '{ name: a, expect: p50 < 1, probe: { type: http, url: "https://h" } }';

function load(source: string, options: LoadOptions = {}): FirebreakFile {
  const result = loadText(source, 'dir/full.yaml', options);
  assert.ok(result.ok, JSON.stringify(result, undefined, 1));
  return result.file;
}

test('a full file: every section, with its defaults filled in', () => {
  const { source, policies, experiment, ...head } = load(FULL);
  assert.equal(source, FULL);
  assert.deepEqual(head, {
    version: 1,
    file: 'dir/full.yaml',
    name: 'checkout-survives-slow-payments',
    seed: 42,
    warmupDuration: 10_000,
    enableDefaultIgnored: true,
    ignoredCommands: {},
    routes: [
      { name: 'payments', protocol: 'http', listen: '127.0.0.1:7101', upstream: '127.0.0.1:7201' },
      { name: 'six', protocol: 'redis', listen: '[::1]:0', upstream: 'cache.local:6379' },
    ],
  });
  assert.deepEqual(
    policies.map(({ name, type, target, route, place }) => [name, type, target, route, place.line, place.column]),
    [
      ['slow-payments', 'http', '/charge*', 'payments', 9, 5],
      ['burn', 'resource', '', '', 10, 5],
    ],
  );
  assert.deepEqual(
    [policies[0]?.params['latencyDuration'], policies[0]?.params['errorCode'], policies[1]?.params['cpuLoad']],
    [500, 500, 0.8],
  );
  const timing = { every: 1_000, timeout: 2_000, window: 10_000 };
  assert.deepEqual(experiment, {
    hypothesis: 'Checkout keeps 95 % success while payments answer 500 ms late.',
    blastRadius: 2,
    duration: 600_000,
    baseline: 10_000,
    recovery: 30_000,
    steadyState: [
      {
        name: 'checkout',
        expect: 'success_rate >= 0.99 && p99 < 800',
        probe: {
          type: 'http',
          url: 'route://payments/checkout',
          method: 'GET',
          headers: {},
          body: '',
          status: ['2xx', 304],
          contains: '',
          apdex_t: 300,
          ema: 0.2,
          ...timing,
          every: 500,
        },
      },
      {
        name: 'traffic',
        expect: 'value > 10',
        probe: { type: 'prometheus', url: 'http://127.0.0.1:9090', query: 'sum(rate(x[1m]))', ...timing },
      },
    ],
    abort: { when: 'success_rate < 0.95', for: 3_000 },
  });
});

test('what may be left out is left out', () => {
  const file = load('version: 1\n');
  assert.deepEqual(
    [file.name, file.seed, file.warmupDuration, file.policies, file.routes, file.experiment],
    ['full', undefined, 0, [], [], null],
  );
  const nothing = load('version: 1\npolicies:\nroutes:\nignored_commands:\nseed:\n');
  assert.deepEqual([nothing.policies, nothing.routes, nothing.seed], [[], [], undefined]);
  const least = load(
    `version: 1\nexperiment: { hypothesis: h, duration: 1ms, steadyState: [ ${CHECK} ], abort: }\n`,
  );
  assert.deepEqual(
    [least.experiment?.blastRadius, least.experiment?.abort, least.experiment?.baseline, least.experiment?.recovery],
    [1, null, 10_000, 30_000],
  );
  assert.equal(
    load(
      `version: 1\nexperiment: { hypothesis: h, duration: 1s, steady_state: [ ${CHECK} ], abort: { when: p50 > 1 } }`,
    ).experiment?.abort?.for,
    0,
  );
});

test('windows line ends, a byte order mark and JSON are read like any other file', () => {
  const plain = load(FULL);
  for (const source of [FULL.replaceAll('\n', '\r\n'), `\uFEFF${FULL}`]) {
    const { policies, routes, experiment } = load(source);
    assert.deepEqual([policies, routes, experiment], [plain.policies, plain.routes, plain.experiment]);
  }
  assert.equal(
    load('{"version": 1, "seed": 7, "policies": [{"type": "http", "target": "/", "errorChance": 0.5}]}').policies[0]
      ?.params['errorChance'],
    0.5,
  );
});

test('routes: what a policy or a probe names must be there, in the file or outside', () => {
  const wants = (route: string): string =>
    `version: 1\nroutes: [ { name: pay, protocol: http, listen: "h:1", upstream: "h:2" } ]\n` +
    `policies: [ { type: http, target: /, route: ${route} } ]\n`;
  const outside = 'version: 1\npolicies: [ { type: http, target: /, route: orders } ]\n';
  assert.equal(load(wants('pay')).policies[0]?.route, 'pay');
  const missing = loadText(wants('payy'), 'a');
  assert.ok(!missing.ok);
  assert.match(missing.issues[0]?.hint ?? '', /did you mean pay\?/);
  assert.ok(loadText(wants('orders'), 'a', { knownRoutes: ['orders'] }).ok);
  assert.ok(loadText(outside, 'a').ok, 'a file without routes may be meant for a room that has some');
  assert.ok(loadText(outside, 'a', { knownRoutes: ['orders'] }).ok);
  assert.ok(!loadText(outside, 'a', { knownRoutes: ['payments'] }).ok);
  const other = loadText(wants('pay').replace('type: http, target: /', 'type: sql, target: all'), 'a');
  assert.ok(!other.ok);
  assert.match(other.issues[0]?.message ?? '', /protocol sql, and this one carries http/);
  const probed = FULL.replace('route://payments', 'route://orders');
  assert.ok(!loadText(probed, 'a').ok);
  assert.ok(loadText(probed, 'a', { knownRoutes: ['orders'] }).ok);
});

test('all findings come at once, in the order of the lines, and no name is reported for a fault elsewhere', () => {
  const broken = FULL.replace('seed: 42', 'seed: x')
    .replace('protocol: http', 'protocol: htp')
    .replace('0.8', '8')
    .replace('10m', 'soon')
    .replace('p99 < 800', 'p98 < 800')
    .replace('< 0.95, for', '<, for');
  const result = loadText(broken, 'a');
  assert.ok(!result.ok);
  assert.deepEqual(
    result.issues.map(({ line, path }) => [line, path]),
    [
      [3, 'seed'],
      [6, 'routes[0].protocol'],
      [10, 'policies[1].cpu_load'],
      [14, 'experiment.duration'],
      [19, 'experiment.steady_state[0].expect'],
      [23, 'experiment.abort.when'],
    ],
  );
});

test('thousands of faults are not all listed, and a broken route still lends its name', () => {
  const headers = Array.from({ length: 5_000 }, (_, i) => `      h${i}: [1]\n`).join('');
  const many = loadText(`version: 1\npolicies:\n  - type: http\n    target: /\n    match_headers:\n${headers}`, 'a');
  assert.ok(!many.ok);
  assert.equal(many.issues.length, 100);
  const lent = loadText(FULL.replace('protocol: http', 'protocol: htp'), 'a');
  assert.ok(!lent.ok);
  assert.deepEqual(
    lent.issues.map(({ path }) => path),
    ['routes[0].protocol'],
  );
});

test('reading from disk: a good file, and what is no text', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-load-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const reading = async (bytes: string | Buffer): Promise<Awaited<ReturnType<typeof loadFile>>> => {
    const path = join(folder, 'drill.yml');
    writeFileSync(path, bytes);
    return loadFile(path);
  };
  const finding = async (bytes: Buffer): Promise<unknown[]> => {
    const result = await reading(bytes);
    assert.ok(!result.ok && result.issues.length === 1, JSON.stringify(result));
    const [issue] = result.issues;
    assert.notEqual(issue?.hint, '');
    return [issue?.line, issue?.column, issue?.message];
  };
  const good = await reading('version: 1\n# é ü 漢\n');
  assert.ok(good.ok && good.file.name === 'drill');
  assert.deepEqual(await finding(Buffer.from('version: 1\nname: caf\xe9\n', 'latin1')), [
    2,
    10,
    'expected UTF-8 text, found bytes that are none',
  ]);
  assert.deepEqual(await finding(Buffer.from('\uFEFFversion: 1\n', 'utf16le')), [
    1,
    1,
    'expected UTF-8 text, found UTF-16',
  ]);
  assert.deepEqual(await finding(Buffer.alloc(5 * 1024 * 1024 + 1, 0x23)), [
    1,
    1,
    'expected at most 5 MiB, found more',
  ]);
  assert.match(String((await finding(Buffer.from('version: 1\n\0')))[2]), /control character 0x00/);
  const program = await loadFile(process.execPath);
  assert.ok(!program.ok && program.issues.length === 1, 'a program of 100 MB is refused without reading it all');

  const gone = join(folder, 'gone.yaml');
  await assert.rejects(
    loadFile(gone),
    (error) =>
      error instanceof FirebreakError &&
      error.code === 'file-unreadable' &&
      error.exitCode === EXIT.usage &&
      /no such file/.test(error.hint),
  );
  await assert.rejects(loadFile(folder), (error) => error instanceof FirebreakError && /directory/.test(error.hint));
});

test('a file may come through a pipe', () => {
  const loader = JSON.stringify(join(import.meta.dirname, 'load.ts'));
  const script = `import { loadFile } from ${loader}; console.log((await loadFile('/dev/stdin')).ok);`;
  const piped = 'cat | "$0" --input-type=module-typescript -e "$1"';
  assert.equal(
    execFileSync('sh', ['-c', piped, process.execPath, script], { input: FULL, encoding: 'utf8' }).trim(),
    'true',
  );
});

test('rubbish never throws: it loads or gives findings, each with place, message and remedy', () => {
  const random = seededStream(20_261_121);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const scraps = [
    ...FULL.split(/(?<=[\s,:{}[\]"])/),
    '\t',
    '- ',
    '? ',
    ': ',
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    '|',
    '>',
    '&a ',
    '*a ',
    '!!t ',
    '%',
    '@',
    '`',
    '\0',
    '\uD800',
    '漢',
    '-',
    '---\n',
    '...\n',
    '<<: ',
    '__proto__: ',
    'constructor: ',
    '~',
    'null',
    '.inf',
    '1e999',
    '0x1F',
    '\r',
    '\u2028',
    '#',
    '\\',
  ];
  const rubbish = (): string => {
    const shape = random();
    if (shape < 0.3) return Array.from({ length: Math.ceil(random() * 60) }, () => pick(scraps)).join('');
    if (shape < 0.4) return Array.from({ length: 40 }, () => String.fromCharCode(random() * 0x250)).join('');
    // Mostly right: a few places of a good file cut, doubled or replaced.
    let text = FULL;
    for (let wound = 0; wound < 1 + random() * 4; wound++) {
      const at = Math.floor(random() * text.length);
      text = text.slice(0, at) + pick(scraps) + text.slice(at + Math.floor(random() * 12));
    }
    return text;
  };
  let broken = 0;
  for (let round = 0; round < 1_200; round++) {
    const source = rubbish();
    const result = loadText(source, 'rubbish');
    if (result.ok) continue;
    broken++;
    assert.ok(result.issues.length > 0);
    const lines = source.split('\n').length;
    for (const { file, line, column, message, hint } of result.issues) {
      assert.ok(
        file === 'rubbish' && line >= 1 && line <= lines && column >= 1 && message.length > 10 && hint.length > 5,
        JSON.stringify({ source, line, column, message, hint }),
      );
    }
  }
  assert.ok(broken > 600, `only ${broken} were broken`);
});
