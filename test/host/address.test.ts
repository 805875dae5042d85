import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { createClient } from '../../engine/contract/client.ts';
import { connectLoopback } from '../../engine/transport/websocket.ts';
import { FAKE, REAL, Running, cli, folder } from '../cli/process.ts';
import { ask } from './room.ts';

/** The first line of `firebreak serve`. */
const FIRST = /^Firebreak room: (http:\/\/127\.0\.0\.1:(\d+)\/#token=([\w-]{43}))\n/;

interface Served extends AsyncDisposable {
  readonly running: Running;
  readonly url: string;
  readonly port: number;
  readonly token: string;
}
async function serve(main: string, dir: string, ...options: string[]): Promise<Served> {
  const running = new Running(main, ['serve', '--state-dir', dir, ...options]);
  try {
    await running.says(/metrics +http/);
  } catch (error) {
    await running[Symbol.asyncDispose]();
    throw error;
  }
  const [, url = '', port, token = ''] = FIRST.exec(running.out) ?? assert.fail(running.out);
  return { running, url, port: Number(port), token, [Symbol.asyncDispose]: () => end(running) };
}
/** In good order, so that no watchdog is left to wait for an engine. */
async function end(running: Running): Promise<void> {
  running.child.kill('SIGTERM');
  await running.code();
}
/** Ends it by a signal. @returns its exit code. */
async function stop({ running }: Served, signal: NodeJS.Signals): Promise<number | null> {
  running.child.kill(signal);
  return running.code();
}
const contract = ({ port, token }: Served): string => `ws://127.0.0.1:${port}/contract#token=${token}`;
const asRoot = process.getuid?.() === 0;
const noModes = process.platform === 'win32' ? 'Windows has no such file modes' : false;

describe('the address of the room', { timeout: 300_000, concurrency: 1 }, () => {
  test('works again after kill -9, engine and all; with a new token no longer', async () => {
    using dir = folder();
    await using first = await serve(REAL, dir.path);
    const client = createClient(await connectLoopback(contract(first)));
    const { pid } = await client.query('status', {});
    assert.equal(await stop(first, 'SIGKILL'), null);
    await client.closed;

    await using second = await serve(REAL, dir.path);
    assert.equal(second.url, first.url);
    // What was printed at first, not what is printed now.
    using again = createClient(await connectLoopback(contract(first)));
    assert.notEqual((await again.query('status', {})).pid, pid);
    assert.equal(await stop(second, 'SIGTERM'), 0);

    await using third = await serve(REAL, dir.path, '--new-token', '--port', String(first.port));
    assert.equal(third.port, first.port);
    assert.notEqual(third.token, first.token);
    await assert.rejects(connectLoopback(contract(first)), /401/);
  });

  test('an oversized frame ends its connection, and the engine lives on', async () => {
    using dir = folder();
    await using served = await serve(REAL, dir.path);
    const socket = new WebSocket(`ws://127.0.0.1:${served.port}/contract`, ['firebreak.v1', `token.${served.token}`]);
    socket.on('error', () => {});
    await once(socket, 'open');
    // Well above the largest request, three bytes a character.
    socket.send(Buffer.alloc(64 * 1024 * 1024, 'x'), { binary: false });
    assert.equal((await once(socket, 'close'))[0], 1009);
    using client = createClient(await connectLoopback(contract(served)));
    assert.equal((await client.query('status', {})).pid, served.running.child.pid);
  });

  test('is kept where only its owner can read it, and whole', { skip: noModes }, async () => {
    using dir = folder();
    const state = join(dir.path, 'new', 'state');
    await using served = await serve(FAKE, state);
    const file = join(state, 'room.json');
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(statSync(state).mode & 0o777, 0o700);
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), {
      port: served.port,
      token: served.token,
      pid: served.running.child.pid,
    });
    assert.deepEqual(readdirSync(state), ['room.json'], 'no draft is left');
  });

  test('is refused when others could have read or changed it, with the remedy', { skip: noModes }, async () => {
    const good = { port: 1, token: 'x'.repeat(43), pid: 1 };
    const cases: [string, RegExp, (file: string) => void][] = [
      ['readable by the group', /mode 640/, (file) => chmodSync(file, 0o640)],
      ['readable by all', /mode 604/, (file) => chmodSync(file, 0o604)],
      ['writable by all', /mode 602/, (file) => chmodSync(file, 0o602)],
      ['a link', /symbolic link/, (file) => (renameSync(file, `${file}.real`), symlinkSync(`${file}.real`, file))],
      ['a folder', /not a file/, (file) => (rmSync(file), mkdirSync(file))],
      ['cut short', /not JSON/, (file) => truncateSync(file, 30)],
      ['something else', /does not hold a port/, (file) => writeFileSync(file, '{"port":80,"token":"short","pid":1}')],
      ...(asRoot
        ? [
            [
              'of somebody else',
              /belongs to user 12345/,
              (file: string) => chownSync(file, 12_345, 12_345),
            ] satisfies (typeof cases)[number],
          ]
        : []),
    ];
    for (const [name, message, spoil] of cases) {
      using dir = folder();
      const file = dir.file('room.json', JSON.stringify(good));
      chmodSync(file, 0o600);
      spoil(file);
      const { code, out, err } = await cli(FAKE, ['serve', '--state-dir', dir.path]);
      assert.deepEqual([code, out], [2, ''], name);
      assert.match(err, message, name);
      assert.match(err, /→ .*--new-token/, name);
      assert.ok(!err.includes(good.token), `${name}: the token is not told`);
      if (name === 'a folder') continue;
      await using renewed = await serve(FAKE, dir.path, '--new-token');
      assert.equal(
        (JSON.parse(readFileSync(file, 'utf8')) as { port: number }).port,
        renewed.port,
        'as the remedy says',
      );
      assert.equal(statSync(file).mode & 0o777, 0o600);
    }
  });

  test('a port that is taken is told, and another address made: whoever has the port may know the token', async () => {
    using dir = folder();
    const first = await serve(FAKE, dir.path);
    await stop(first, 'SIGTERM');
    const squatter = createServer().listen(first.port, '127.0.0.1');
    await once(squatter, 'listening');
    try {
      await using second = await serve(FAKE, dir.path);
      assert.notEqual(second.port, first.port);
      assert.notEqual(second.token, first.token);
      assert.match(
        second.running.out,
        new RegExp(`\nPort ${first.port} of the last time is taken; using ${second.port}\\.\n`),
      );
      await stop(second, 'SIGTERM');
      await using third = await serve(FAKE, dir.path);
      assert.equal(third.url, second.url, 'remembered from then on');
    } finally {
      squatter.close();
    }
  });

  test('a second engine beside the first leaves the first its address', async () => {
    using dir = folder();
    const first = await serve(FAKE, dir.path);
    try {
      await using second = await serve(FAKE, dir.path);
      assert.match(second.running.out, /this once, as the engine there still runs/);
      assert.equal((await ask(second.port, `/metrics?token=${first.token}`)).status, 401);
    } finally {
      await stop(first, 'SIGTERM');
    }
    await using again = await serve(FAKE, dir.path);
    assert.equal(again.url, first.url);
  });

  test('the output for programs says the same', async () => {
    using dir = folder();
    await using running = new Running(FAKE, ['serve', '--json', '--state-dir', dir.path]);
    await running.says(/\n/);
    const { room, url, metrics } = JSON.parse(running.out) as { room: string; url: string; metrics: string };
    const { port, hash } = new URL(room);
    assert.equal(url, `ws://127.0.0.1:${port}/contract${hash}`);
    assert.equal(metrics, `http://127.0.0.1:${port}/metrics?${hash.slice(1)}`);
  });
});

describe('serve --demo', { timeout: 300_000 }, () => {
  test('shows live traffic with nobody asking, is watched by its probes, and leaves nothing', async () => {
    using dir = folder();
    await using served = await serve(REAL, dir.path, '--demo');
    using client = createClient(await connectLoopback(contract(served)));
    const { routes } = await client.query('status', {});
    assert.deepEqual(routes.map(({ name }) => name).sort(), ['ledger', 'orders', 'payments', 'storefront']);
    assert.deepEqual(
      (await client.query('probes', {})).map(({ name }) => name),
      ['checkout', 'orders', 'payments', 'ledger'],
    );
    const passed = (frame: { routes: readonly { requests: number }[] }): number =>
      frame.routes.reduce((sum, { requests }) => sum + requests, 0);
    let first: number | undefined;
    for await (const frame of client.stream('frames', {})) {
      first ??= passed(frame);
      if (passed(frame) > first + 20) break;
    }
    const { faults } = await client.command('apply', {
      text: 'version: 1\npolicies:\n  - { name: late, type: http, route: payments, target: /charge*, latency_chance: 1, latency_duration: 50ms }\n',
      routes,
      ttlMs: 60_000,
    });
    assert.equal(faults.length, 1);
    // Ctrl-C while a fault is active: it is reverted first, and the exit says that all is well.
    assert.equal(await stop(served, 'SIGINT'), 0, served.running.err);
    assert.equal(served.running.err, '');
    const { last } = await cli(REAL, ['status', '--json', '--state-dir', dir.path]);
    assert.deepEqual([last()['open'], last()['damage']], [[], []]);
    for (const { listen } of routes) await assert.rejects(fetch(`http://${listen}/health`), listen);
    await using later = await serve(REAL, dir.path);
    using plain = createClient(await connectLoopback(contract(later)));
    assert.deepEqual(await plain.query('probes', {}), []);
  });
});
