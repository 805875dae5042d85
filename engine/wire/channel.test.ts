import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Channel, type Hears } from './channel.ts';
import type { Order } from './messages.ts';
import { createShared } from './shared.ts';

/** A worker that dies of the order to close `crash`, and answers every other order with how many it has obeyed. */
const FRAGILE = `
  import { parentPort } from 'node:worker_threads';
  let obeyed = 0;
  parentPort.on('message', ({ number, order }) => {
    if (order.kind === 'close' && order.names[0] === 'crash' && obeyed > 0) throw new Error('on purpose');
    parentPort.postMessage({ number, ok: true, ports: [++obeyed] });
  });
`;
const fragile = (source = FRAGILE): URL => new URL(`data:text/javascript,${encodeURIComponent(source)}`);
const close = (name: string): Order => ({ kind: 'close', names: [name] });
const reports = (errors: Error[]): Hears => ({ report: (error) => void errors.push(error), traffic: () => {} });
const start = { shared: createShared(1), worker: 0 };

it('a worker that dies is reported and started again with what it must know; no order is lost', { timeout: 300_000 }, async () => {
  const errors: Error[] = [];
  const restored: Order[] = [{ kind: 'policies', policies: [] }, { kind: 'open', routes: [] }];
  // The new worker obeys what is restored and then meets the order again: it must be one that it survives.
  const survives = FRAGILE.replace('obeyed > 0', 'obeyed === 1');
  const channel = new Channel(fragile(survives), start, () => restored, reports(errors));
  assert.deepEqual(await channel.call(close('a')), [1]);
  const [crash, next] = await Promise.all([channel.call(close('crash')), channel.call(close('b'))]);
  assert.deepEqual([crash, next], [[3], [4]]);
  assert.match(errors[0]?.message ?? '', /on purpose/);
  assert.equal(errors.length, 1);
  await channel.stop();
  await assert.rejects(channel.call(close('late')), { code: 'wire-closed' });
});

it('a worker that dies again and again is given up, and whoever waits hears of it', { timeout: 300_000 }, async () => {
  const errors: Error[] = [];
  const channel = new Channel(fragile('throw new Error("cannot start")'), start, () => [], reports(errors));
  await assert.rejects(channel.call(close('a')), /cannot start/);
  assert.equal(errors.length, 5);
  await assert.rejects(channel.call(close('b')), { code: 'wire-closed' });
  await channel.stop();
});
