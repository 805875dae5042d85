import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { freePort } from '../test/lab/server.ts';
import { VirtualClock } from './kernel/clock.ts';
import { type Bypass } from './lifecycle/bypass.ts';
import { temporary } from './lifecycle/test-parts.ts';
import { marksOf, wireStandIns } from './stand-in.ts';

test('a stand-in that is in use knows that its upstream is back', { timeout: 60_000 }, async () => {
  using dir = temporary();
  const clock = new VirtualClock();
  const [listen, upstream] = [await freePort(), await freePort()];
  const [mark] = marksOf([{ name: 'edge', protocol: 'tcp', listen: `127.0.0.1:${listen}`, upstream: `127.0.0.1:${upstream}`, upstreamsByName: { 'api.example': '127.0.0.1:1' } }]);
  assert.ok(mark);
  await using standIn = await wireStandIns(dir.path, clock, assert.fail)(mark);
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

test('brokers of one cluster are stood in for together, and one that goes leaves the others', { timeout: 60_000 }, async () => {
  using dir = temporary();
  await using server = createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const upstream = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const open = wireStandIns(dir.path, new VirtualClock(), assert.fail);
  const standIns: Bypass[] = [];
  // Of two engines, whose routes have the same name.
  for (const port of [await freePort(), await freePort()]) {
    const [mark] = marksOf([{ name: 'kafka', protocol: 'kafka', listen: `127.0.0.1:${port}`, upstream }]);
    assert.ok(mark);
    standIns.push(await open(mark));
  }
  const [first, second] = standIns as [Bypass, Bypass];
  const echoed = async ({ route }: Bypass): Promise<string> => {
    const client = connect(Number(route.listen.split(':')[1]), '127.0.0.1');
    try {
      client.end('anything');
      return await text(client);
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? '';
    }
  };
  assert.deepEqual([await echoed(first), await echoed(second)], ['anything', 'anything']);
  await first[Symbol.asyncDispose]();
  assert.deepEqual([await echoed(first), await echoed(second)], ['ECONNREFUSED', 'anything']);
  await second[Symbol.asyncDispose]();
  assert.equal(await echoed(second), 'ECONNREFUSED');
  await using again = await open(first.route);
  assert.equal(await echoed(again), 'anything');
});
