import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { createClient } from '../../engine/contract/client.ts';
import { connectLoopback } from '../../engine/transport/websocket.ts';
import { Running, folder } from '../cli/process.ts';
import { ask } from './room.ts';

/** What engine/cli/window.mjs offers; plain JavaScript, so typed here. */
interface WindowModule {
  whyNoWindow(facts: { platform: string; env: Record<string, string>; uid: number | undefined; root: string }): string;
  electronRuntime(options: {
    root: string;
    node: string;
    again: boolean;
    show: (line: string) => void;
    now?: number;
    patience?: { downloading: number; unpacking: number };
  }): Promise<{ path?: string; why?: string }>;
}
const root = resolve(import.meta.dirname, '../..');
const MODULE = join(root, 'engine/cli/window.mjs');
const { whyNoWindow, electronRuntime } = (await import(MODULE)) as WindowModule;

/** A package `electron` whose download does what `get` says; `count` holds how often it was tried. */
function fakeElectron(at: string, get: string): { readonly tried: () => number; readonly folder: string } {
  const electron = join(at, 'node_modules/electron');
  const downloader = join(electron, 'node_modules/@electron/get');
  mkdirSync(downloader, { recursive: true });
  writeFileSync(join(electron, 'package.json'), '{"version":"45.0.0"}');
  writeFileSync(join(electron, 'checksums.json'), '{}');
  writeFileSync(
    join(electron, 'install.js'),
    `const fs = require('fs'); fs.mkdirSync(__dirname + '/dist'); fs.writeFileSync(__dirname + '/dist/version', 'v45.0.0');
     fs.writeFileSync(__dirname + '/dist/electron', '#!/bin/sh'); fs.writeFileSync(__dirname + '/path.txt', 'electron');`,
  );
  writeFileSync(join(downloader, 'package.json'), '{"type":"module","exports":"./index.js"}');
  const count = join(at, 'count');
  writeFileSync(
    join(downloader, 'index.js'),
    `import { appendFileSync } from 'node:fs';
     export async function downloadArtifact({ downloadOptions: { getProgressCallback } }) { appendFileSync(${JSON.stringify(count)}, 'x'); ${get} }`,
  );
  return { folder: electron, tried: () => (existsSync(count) ? readFileSync(count, 'utf8').length : 0) };
}

describe('whether there can be a window', () => {
  test('is told from the display, the user and the package', () => {
    using dir = folder();
    const facts = { platform: 'linux', env: { DISPLAY: ':0' }, uid: 1000, root: dir.path };
    assert.match(whyNoWindow(facts), /none/);
    mkdirSync(join(dir.path, 'electron'));
    dir.file('electron/main.ts', '');
    assert.equal(whyNoWindow(facts), '');
    assert.equal(whyNoWindow({ ...facts, env: { WAYLAND_DISPLAY: 'wayland-0' } }), '');
    assert.match(whyNoWindow({ ...facts, env: {} }), /no display/);
    assert.match(whyNoWindow({ ...facts, env: { DISPLAY: '' } }), /no display/);
    assert.match(whyNoWindow({ ...facts, uid: 0 }), /root/);
    for (const platform of ['darwin', 'win32'])
      assert.equal(whyNoWindow({ ...facts, platform, env: {}, uid: undefined }), '');
  });
});

describe('the Electron runtime', { timeout: 300_000 }, () => {
  const options = (at: string, shown: string[] = []): Parameters<WindowModule['electronRuntime']>[0] => ({
    root: at,
    node: process.execPath,
    again: false,
    show: (line) => void shown.push(line),
  });

  test('is fetched once, with its progress, and found from then on', async () => {
    using dir = folder();
    const { folder: at, tried } = fakeElectron(dir.path, 'await getProgressCallback({ percent: 0.42 });');
    const shown: string[] = [];
    assert.deepEqual(await electronRuntime(options(dir.path, shown)), { path: join(at, 'dist/electron') });
    assert.match(shown.join('\n'), /Fetching the Electron runtime 45\.0\.0 \(once\) …\n {2}40 %/);
    assert.deepEqual(await electronRuntime(options(dir.path)), { path: join(at, 'dist/electron') });
    assert.equal(tried(), 1);
  });

  test('that cannot be fetched is not asked for again for a day, unless told to', async () => {
    using dir = folder();
    const { tried } = fakeElectron(dir.path, "throw new Error('fetch failed', { cause: { code: 'ENOTFOUND' } });");
    const now = 1_700_000_000_000;
    const ask = (more: object): Promise<{ path?: string; why?: string }> =>
      electronRuntime({ ...options(dir.path), now, ...more });
    assert.deepEqual(await ask({}), { why: 'the Electron runtime could not be fetched (ENOTFOUND)' });
    assert.match((await ask({})).why ?? '', /ENOTFOUND; tried again after a day, or with --window/);
    await ask({ now: now + 23 * 3_600_000 });
    assert.equal(tried(), 1);
    await ask({ again: true });
    assert.equal(tried(), 2);
    await ask({ now: now + 25 * 3_600_000 });
    assert.equal(tried(), 3);
    writeFileSync(join(dir.path, 'node_modules/electron/package.json'), '{"version":"46.0.0"}');
    await ask({});
    assert.equal(tried(), 4, 'another version may well be there');
  });

  test('that does not come is given up, and its child ended', async () => {
    using dir = folder();
    const pid = join(dir.path, 'pid');
    fakeElectron(
      dir.path,
      `appendFileSync(${JSON.stringify(pid)}, String(process.pid)); await new Promise((done) => setTimeout(done, 600_000));`,
    );
    const { why } = await electronRuntime({ ...options(dir.path), patience: { downloading: 2_000, unpacking: 2_000 } });
    assert.match(why ?? '', /nothing came for 2 s/);
    if (existsSync(pid)) assert.throws(() => process.kill(Number(readFileSync(pid, 'utf8')), 0), { code: 'ESRCH' });
  });

  test('that is not installed is not missed', async () => {
    using dir = folder();
    assert.deepEqual(await electronRuntime(options(dir.path)), { why: 'Electron is not installed' });
  });

  const windows = process.platform === 'win32' ? 'the stand-in is a shell script' : false;
  test(
    'that ends at once says why there is no window; one that was closed ends the start',
    { skip: windows },
    async () => {
      using dir = folder();
      const run = async (script: string): Promise<{ code: number | null; out: string }> => {
        const runtime = dir.file('runtime', `#!/bin/sh\n${script}\n`);
        chmodSync(runtime, 0o755);
        const main = dir.file(
          'run.mjs',
          `import { runWindow } from ${JSON.stringify(MODULE)}; console.log('why: ' + await runWindow(${JSON.stringify(runtime)}, 'main.ts', ['a b']));`,
        );
        await using running = new Running(main, []);
        return { code: await running.code(), out: running.out };
      };
      assert.deepEqual(await run('exit 127'), { code: 0, out: 'why: Electron ended at once (exit code 127)\n' });
      assert.deepEqual(await run('kill -SEGV $$'), { code: 0, out: 'why: Electron ended at once (SIGSEGV)\n' });
      assert.deepEqual(await run('echo "$1|$2|$#|$ELECTRON_RUN_AS_NODE"'), { code: 0, out: 'main.ts|a b|2|\n' });
    },
  );
});

/** Ended in good order: whoever kills the starter with -9 leaves what it started. */
class Started extends Running {
  override async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGTERM');
    await this.code();
  }
}

/** The project as after a clone and `npm ci`, with a window but without electron. */
function clone(at: string): string {
  for (const part of ['engine', 'renderer', 'assets', 'package.json', 'package-lock.json', 'tsconfig.json'])
    cpSync(join(root, part), join(at, part), { recursive: true });
  mkdirSync(join(at, 'electron'));
  writeFileSync(join(at, 'electron/main.ts'), '');
  mkdirSync(join(at, 'node_modules'));
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (name !== 'electron' && !name.startsWith('.'))
      symlinkSync(join(root, 'node_modules', name), join(at, 'node_modules', name));
  }
  // As engine/cli/bootstrap.mjs leaves it behind: this very lock file is installed.
  const lock = createHash('sha256')
    .update(readFileSync(join(at, 'package-lock.json')))
    .digest('hex');
  writeFileSync(join(at, 'node_modules/.firebreak-lock'), lock);
  return join(at, 'engine/cli/start.mjs');
}

describe('npm start', { timeout: 300_000 }, () => {
  test('without a display: says why, builds the room once, and opens it with the demo’s live traffic', async () => {
    using dir = folder();
    using state = folder();
    const start = clone(dir.path);
    const env = { DISPLAY: '', WAYLAND_DISPLAY: '', FIREBREAK_HOME: state.path };
    const page = join(dir.path, 'dist/room/index.html');
    const urls: string[] = [];
    const built: number[] = [];
    for (const turn of ['first', 'second']) {
      await using running = new Started(start, [], env);
      await running.says(/metrics +http/);
      assert.equal(
        running.err,
        'No desktop window: there is no display. Opening the room for a browser instead.\n',
        turn,
      );
      const url = /^Firebreak room: (\S+)\n/.exec(running.out)?.[1] ?? '';
      urls.push(url);
      built.push(statSync(page).mtimeMs);
      const { port, hash } = new URL(url);
      const room = await ask(Number(port), '/');
      assert.equal(room.status, 200);
      const script = /src="\.?(\/[^"]+\.js)"/.exec(room.body.toString())?.[1] ?? '';
      assert.equal((await ask(Number(port), script)).headers['content-type'], 'text/javascript; charset=utf-8');
      using client = createClient(await connectLoopback(`ws://127.0.0.1:${port}/contract${hash}`));
      let first: number | undefined;
      for await (const { routes } of client.stream('frames', {})) {
        const requests = routes.reduce((sum, route) => sum + route.requests, 0);
        first ??= requests;
        if (requests > first) break;
      }
      running.child.kill('SIGTERM');
      assert.equal(await running.code(), 0, running.err);
    }
    assert.equal(urls[0], urls[1]);
    assert.equal(built[0], built[1], 'not built again');
  });

  test('with --browser nothing is asked and nothing is excused; what is no option is refused', async () => {
    using dir = folder();
    using state = folder();
    const start = clone(dir.path);
    const env = { FIREBREAK_HOME: state.path };
    await using wrong = new Running(start, ['--browser', '--prot', '1'], env);
    assert.equal(await wrong.code(), 2);
    assert.match(wrong.err, /^error: unknown option '--prot'/m);
    assert.doesNotMatch(wrong.err, /desktop/);
  });

  const opener = process.platform === 'linux' ? false : 'the stand-in for xdg-open is for Linux';
  test('with --open the browser is given the address, and the list of processes is not', { skip: opener }, async () => {
    using dir = folder();
    using state = folder();
    const start = clone(dir.path);
    mkdirSync(join(dir.path, 'bin'));
    const given = join(dir.path, 'given');
    // Written whole before it bears the name that is waited for.
    dir.file(
      'bin/xdg-open',
      `#!/bin/sh\n{ echo "$#"; echo "$1"; stat -c %a "\${1#file://}"; cat "\${1#file://}"; } > '${given}.new'\nmv '${given}.new' '${given}'\n`,
    );
    chmodSync(join(dir.path, 'bin/xdg-open'), 0o755);
    await using running = new Started(start, ['--browser', '--open'], {
      FIREBREAK_HOME: state.path,
      PATH: `${join(dir.path, 'bin')}:${process.env['PATH']}`,
    });
    await running.says(/metrics +http/);
    while (!existsSync(given)) await new Promise((done) => setTimeout(done, 20));
    const [count, address = '', mode, page = ''] = readFileSync(given, 'utf8').split('\n');
    const url = /^Firebreak room: (\S+)\n/.exec(running.out)?.[1] ?? assert.fail(running.out);
    assert.deepEqual([count, mode], ['1', '600']);
    assert.ok(page.includes(`content="0;url=${url}"`));
    assert.doesNotMatch(address, /token/);
    running.child.kill('SIGTERM');
    assert.equal(await running.code(), 0);
    assert.equal(existsSync(address.replace('file://', '')), false, 'the file goes with it');
  });
});
