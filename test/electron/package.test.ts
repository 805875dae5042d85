import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { after, before, test } from 'node:test';
import { buildPreload } from '../../electron/build.mjs';
import { electronVersion } from '../../electron/find.mjs';
import { pack } from '../../electron/package.mjs';
import { ROOM } from '../../renderer/build.mjs';
import { Desk, Home, NO_DESKTOP, binary, until } from './desk.ts';
import { Stage, statusOf } from './stage.ts';

/**
 * What an installed program is made of. Electron itself is played by a folder of empty files, with the bytes in which it
 * keeps its fuses: what is packed beside it, and whether that runs, does not depend on it.
 */

/** Marks the fuses in Electron's program: @electron/fuses, `SENTINEL`. */
const SENTINEL = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX';
/** In the order of @electron/fuses, `FuseV1Options`. */
const FUSES = [
  'runAsNode',
  'cookieEncryption',
  'nodeOptions',
  'inspect',
  'asarIntegrity',
  'onlyAsar',
  'snapshot',
  'fileProtocol',
] as const;

const built = existsSync(join(ROOM, 'index.html'));
const skip =
  NO_DESKTOP ||
  (!built && 'the room is not built (node renderer/build.mjs)') ||
  (process.platform !== 'linux' && 'the empty Electron is laid out as on Linux');
let home: Home;
let app = '';
let program = '';
before(async () => {
  home = new Home();
  if (skip !== false) return;
  await buildPreload();
  const dist = join(home.path, 'electron-dist');
  mkdirSync(join(dist, 'resources'), { recursive: true });
  mkdirSync(join(dist, 'locales'));
  writeFileSync(join(dist, 'version'), `v${electronVersion()}`);
  writeFileSync(
    join(dist, 'electron'),
    Buffer.concat([Buffer.from(SENTINEL), Buffer.from([1, 9]), Buffer.from('101101001')]),
    { mode: 0o755 },
  );
  for (const name of ['LICENSE', 'LICENSES.chromium.html', 'locales/en-US.pak']) writeFileSync(join(dist, name), '');
  const { unpacked, missing } = await pack({ dist, dirOnly: true, output: join(home.path, 'out') });
  assert.deepEqual(missing, []);
  program = join(unpacked ?? '', 'firebreak');
  app = join(unpacked ?? '', 'resources', 'app');
});
after(() => home[Symbol.asyncDispose]());

test('the package holds what the program needs and nothing else', { skip }, () => {
  const files = readdirSync(app, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(app, join(entry.parentPath, entry.name)));
  const needed = [
    'package.json',
    'LICENSE',
    'electron/main.ts',
    'engine/index.ts',
    'engine/cli/watchdog.ts',
    'engine/wire/worker.ts',
    'engine/lifecycle/sentinel-thread.ts',
    'engine/host/children/cpu-burner.ts',
    'engine/demo/services/payments.ts',
    'dist/electron/preload.cjs',
    'dist/room/index.html',
    'assets/icons/32x32.png',
    'assets/icons/512x512.png',
    'assets/experiments/slow-payments.yaml',
    'node_modules/zod/package.json',
    'node_modules/ws/package.json',
  ];
  assert.deepEqual(
    needed.filter((name) => !files.includes(name)),
    [],
  );
  const ours = files.filter((name) => !name.startsWith('node_modules/'));
  assert.deepEqual(
    ours.filter((name) => /\.test\.ts$|(^|\/)test-|fixtures|\.tsx$|^(renderer|test|reports|\.ci|\.git)\//.test(name)),
    [],
  );
  assert.deepEqual(
    files.filter((name) => /^node_modules\/(node-|electron|esbuild|typescript|playwright|react)/.test(name)),
    [],
  );
  const { main } = JSON.parse(readFileSync(join(app, 'package.json'), 'utf8')) as { main: string };
  assert.ok(existsSync(join(app, main)));
});

test('the fuses let children be Node, and nobody else make it so', { skip }, () => {
  const bytes = readFileSync(program);
  const at = bytes.indexOf(SENTINEL) + SENTINEL.length + 2;
  const fuses = Object.fromEntries(FUSES.map((name, index) => [name, String.fromCharCode(bytes[at + index] ?? 0)]));
  assert.deepEqual(fuses, {
    ...fuses,
    runAsNode: '1',
    cookieEncryption: '1',
    nodeOptions: '0',
    inspect: '0',
    onlyAsar: '0',
    fileProtocol: '0',
  });
});

test(
  'what is packed runs by itself: window, engine, fault, revert',
  { skip: skip || (binary !== undefined && 'the true Electron would need its own package') },
  async () => {
    await using stage = await Stage.open();
    await using desk = await Desk.start(home, { app });
    const address = await stage.break(desk);
    await desk.menu('halt');
    await until('the revert', async () => (await statusOf(address)) === 200);
    const { watchdog } = await desk.call<{ watchdog: { pid: number; alive: boolean } | null }>('query', 'status');
    assert.equal(watchdog?.alive, true);
    assert.ok(
      readFileSync(`/proc/${watchdog.pid}/cmdline`, 'utf8').includes(join(app, 'engine', 'cli', 'watchdog.ts')),
    );
    assert.ok(readFileSync(`/proc/${watchdog.pid}/environ`, 'utf8').includes('ELECTRON_RUN_AS_NODE=1'));
  },
);
