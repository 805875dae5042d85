import assert from 'node:assert/strict';
import { createServer, connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { folders, temporary } from '../../engine/lifecycle/test-parts.ts';
import { eventually, hasEnded, logOf, NOTHING_LEFT, startChild } from './harness.ts';

/** What whoever listens on `port` says first; the empty text when nobody answers. */
function greeting(port: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1');
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.on('error', () => resolve(text));
    socket.on('close', () => resolve(text));
  });
}

test('traffic passes when the engine dies, and comes back to the next engine', { timeout: 240_000 }, async () => {
  using dir = temporary();
  const world = folders(dir.path, ['one']);
  const stateDir = join(dir.path, 'state');
  const application = createServer((socket) => socket.end('upstream')).listen(0, '127.0.0.1');
  await new Promise((resolve) => application.once('listening', resolve));
  const address = application.address();
  assert.ok(typeof address === 'object' && address !== null);
  const upstream = `127.0.0.1:${address.port}`;

  await using first = startChild('./folder-engine.ts', [stateDir, 'none', ...world.paths], { UPSTREAM: upstream });
  const port = Number((await first.hears('route'))['port']);
  await first.hears('bitten');
  assert.equal(await greeting(port), 'engine');
  const watchdog = Number(first.said.find(({ what }) => what === 'watchdog')?.['pid']);
  await first.kill();
  await eventually(
    'traffic passes',
    async () => (await greeting(port)) === 'upstream',
    NOTHING_LEFT,
    () => logOf(stateDir),
  );
  await eventually('the folder is restored', world.calm, NOTHING_LEFT, () => logOf(stateDir));
  assert.equal(hasEnded(watchdog), false, 'it stays as long as it stands in');

  // The next engine asks for the same address, and gets it from the watchdog.
  await using second = startChild('./folder-engine.ts', [stateDir, 'none', ...world.paths], {
    UPSTREAM: upstream,
    LISTEN: `127.0.0.1:${port}`,
  });
  await second.hears('bitten');
  assert.equal(await greeting(port), 'engine');
  assert.ok(!second.said.some(({ what }) => what === 'watchdog'), 'one watchdog serves both');
  second.write('close');
  await eventually(
    'the watchdog ended by itself',
    () => hasEnded(watchdog),
    10_000,
    () => logOf(stateDir),
  );
  assert.equal(world.calm(), true);
  application.close();
});
