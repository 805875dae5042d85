import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { freePort } from '../test/lab/server.ts';
import { VirtualClock } from './kernel/clock.ts';
import { temporary } from './lifecycle/test-parts.ts';
import { marksOf, openWireBypass } from './stand-in.ts';

test('a stand-in that is in use knows that its upstream is back', { timeout: 60_000 }, async () => {
  using dir = temporary();
  const clock = new VirtualClock();
  const [listen, upstream] = [await freePort(), await freePort()];
  const [mark] = marksOf([{ name: 'edge', protocol: 'tcp', listen: `127.0.0.1:${listen}`, upstream: `127.0.0.1:${upstream}`, upstreamsByName: { 'api.example': '127.0.0.1:1' } }]);
  assert.ok(mark);
  await using standIn = await openWireBypass(mark, dir.path, clock, assert.fail);
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await setImmediate();
  };
  await clock.advance(5_000);
  await until(() => standIn.refusedSince !== null);
  await using server = createServer((socket) => void socket.on('error', () => {})).listen(upstream, '127.0.0.1');
  await once(server, 'listening');
  const client = connect(listen, '127.0.0.1').on('error', () => {});
  await until(() => standIn.connections === 1);
  await clock.advance(5_000);
  // Else it would be taken for unused and useless the moment that the client leaves.
  await until(() => standIn.refusedSince === null);
  client.destroy();
  await until(() => standIn.connections === 0);
});
