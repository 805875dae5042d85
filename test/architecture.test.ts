import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '..');
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((path) => path !== '' && existsSync(join(root, path)));
const sources = files.filter((path) => /\.(ts|tsx|mjs)$/.test(path));
/** What is part of the product: neither tests nor what only tests use. */
const shipped = sources.filter((path) => /^(engine|electron|renderer)\/.*\.tsx?$/.test(path) && !/\.test\.tsx?$|\.d\.ts$|\/test-[^/]*$|fixtures?\.ts$/.test(path));

/** The table of DESIGN.md and ARCHITECTURE.md, "Who may import whom". A folder of its own is always allowed. */
const ENGINE_ROOMS = [
  'kernel', 'contract', 'policy', 'faults', 'wire', 'host', 'lifecycle', 'experiment', 'probes', 'telemetry', 'store', 'report', 'transport', 'helper',
];
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  kernel: [],
  manifest: ['kernel'],
  manifests: ['kernel', 'manifest'],
  contract: ['kernel', 'manifests'],
  policy: ['kernel', 'models', 'manifests'],
  telemetry: ['kernel', 'models', 'manifests'],
  store: ['kernel', 'models', 'manifests'],
  host: ['kernel', 'models', 'manifests'],
  wire: ['kernel', 'models', 'manifests', 'snapshot'],
  probes: ['kernel', 'telemetry'],
  lifecycle: ['kernel', 'policy', 'store', 'telemetry'],
  injector: ['kernel', 'wire', 'host'],
  injectors: ['kernel', 'wire', 'host', 'injector', 'manifests'],
  experiment: ['kernel', 'contract', 'models', 'lifecycle', 'policy', 'snapshot', 'probes', 'telemetry', 'store'],
  report: ['contract', 'models', 'kernel'],
  transport: ['contract', 'models', 'kernel'],
  helper: ['contract', 'models', 'kernel', 'lifecycle', 'store', 'transport'],
  index: [...ENGINE_ROOMS, 'models', 'snapshot', 'manifests', 'injectors'],
  cli: ['index', 'transport', 'contract', 'models', 'kernel', 'demo'],
  demo: ['index', 'transport', 'contract', 'models', 'kernel'],
  electron: ['index', 'transport', 'contract', 'models', 'kernel', 'demo'],
  renderer: ['contract', 'models', 'manifests'],
};

/** The room of a file; some files are rooms of their own in the table. */
function roomOf(path: string): string {
  const [top = '', room = '', file = '', deep = ''] = path.split('/');
  if (top !== 'engine') return top;
  // Whatever lies beside engine/index.ts helps it to wire the rooms together.
  if (room.endsWith('.ts')) return 'index';
  if (room === 'contract' && ['models.ts', 'room.ts', 'sections.ts'].includes(file)) return 'models';
  if (room === 'policy' && ['snapshot.ts', 'match.ts', 'decide.ts'].includes(file)) return 'snapshot';
  if (room !== 'faults') return room;
  if (file === 'manifests.ts') return 'manifests';
  if (file === 'injectors.ts' || file === 'unavailable.ts') return 'injectors';
  return deep === 'manifest.ts' ? 'manifest' : 'injector';
}
const ALIAS: Readonly<Record<string, string>> = { models: 'contract', snapshot: 'policy' };

function importsOf(path: string): { target: string; typeOnly: boolean }[] {
  const text = readFileSync(join(root, path), 'utf8');
  const found = [...text.matchAll(/^\s*(?:import|export)\s+(type\s)?[^'"();]*?from\s+'([^']+)'|import\(\s*'([^']+)'\s*\)|^import\s+'([^']+)'/gm)];
  return found.map((match) => ({ target: match[2] ?? match[3] ?? match[4] ?? '', typeOnly: match[1] !== undefined }));
}
const local = (path: string, target: string): string => relative(root, resolve(root, dirname(path), target));
const isLocal = ({ target }: { target: string }): boolean => target.startsWith('.');

test('every import between rooms is one that the table allows', () => {
  const wrong: string[] = [];
  for (const path of shipped) {
    const room = roomOf(path);
    const allowed = MAY_IMPORT[ALIAS[room] ?? room] ?? [];
    for (const { target } of importsOf(path).filter(isLocal)) {
      const to = local(path, target);
      if (!existsSync(join(root, to))) wrong.push(`${path} imports ${to}, which is not there`);
      if (dirname(to) === dirname(path) || to.startsWith(`${dirname(path)}/`)) continue;
      const toRoom = roomOf(to);
      const [top, own] = path.split('/');
      const sameRoom = top !== 'engine' ? to.startsWith(`${top}/`) : to.startsWith(`engine/${own}/`) && room !== 'manifest' && room !== 'injector' && own !== 'faults';
      if (!sameRoom && !allowed.includes(toRoom)) wrong.push(`${path} (${room}) imports ${to} (${toRoom})`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('there is no import cycle', () => {
  const graph = new Map(shipped.map((path) => [path, importsOf(path).filter(isLocal).map(({ target }) => local(path, target))]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const walk = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) return void cycles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '));
    if (done.has(path)) return;
    for (const next of graph.get(path) ?? []) walk(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) walk(path, []);
  assert.deepEqual(cycles, []);
});

test('time, chance and child processes are reached only through kernel and host', () => {
  const banned = /\b(Date\.now|Math\.random|setTimeout|setInterval)\s*\(|['"](node:)?child_process['"]|['"]node:timers/;
  const wrong = shipped
    .filter((path) => path.startsWith('engine/') && !/^engine\/(kernel|host)\//.test(path))
    .filter((path) => banned.test(readFileSync(join(root, path), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')));
  assert.deepEqual(wrong, []);
});

test('nothing outside a fault folder switches on the name of a fault', () => {
  // `type: 'http'` also names a kind of probe and a protocol, so what is looked for is a comparison with a fault type.
  const names = 'resource|process|grpc|sql|redis|mongo|kafka|rabbitmq';
  const switching = new RegExp(`\\btype\\s*===?\\s*'(${names})'|case '(${names})'`);
  const wrong = shipped
    .filter((path) => !/^engine\/(faults|wire|host)\//.test(path))
    .filter((path) => switching.test(readFileSync(join(root, path), 'utf8')));
  assert.deepEqual(wrong, []);
});

test('the page holds nothing of Node, directly or through what it imports', () => {
  const reached = new Set<string>();
  const walk = (path: string): void => {
    if (reached.has(path)) return;
    reached.add(path);
    for (const { target } of importsOf(path).filter(isLocal)) if (/\.tsx?$/.test(target)) walk(local(path, target));
  };
  shipped.filter((path) => path.startsWith('renderer/')).forEach(walk);
  const wrong = [...reached].filter((path) => importsOf(path).some(({ target, typeOnly }) => !typeOnly && target.startsWith('node:')));
  assert.deepEqual(wrong, []);
});

test('no source file is longer than 400 lines, and a room introduces itself in at most 100 words', () => {
  const long = sources.filter((path) => readFileSync(join(root, path), 'utf8').split('\n').length > 401);
  assert.deepEqual(long, []);
  const rooms = new Set(shipped.map((path) => (path.startsWith('engine/') ? dirname(path).split('/').slice(0, 2).join('/') : (path.split('/')[0] ?? ''))));
  for (const room of rooms) {
    if (room === 'engine' || room === 'engine/faults') continue;
    assert.ok(existsSync(join(root, room, 'README.md')), `${room} has no README.md`);
  }
  const wordy = files
    .filter((path) => /^(engine|electron|renderer)\/.*README\.md$/.test(path))
    .map((path) => ({ path, words: readFileSync(join(root, path), 'utf8').split(/\s+/).filter((word) => /\w/.test(word)).length }))
    .filter(({ words }) => words > 100);
  assert.deepEqual(wordy, []);
});

// The page and the tests that run code within it know the DOM; nothing else does.
for (const project of ['.', 'renderer', 'test/room']) {
  test(`the sources of ${project} satisfy the type checker`, { timeout: 300_000 }, () => {
    const { status, stdout } = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, project)], { encoding: 'utf8' });
    assert.equal(status, 0, stdout);
  });
}
