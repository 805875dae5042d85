import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { api } from '../engine/contract/api.ts';
import { createClient } from '../engine/contract/client.ts';
import { type Frame } from '../engine/contract/models.ts';
import { type TrafficBatch } from '../engine/contract/room.ts';
import { createEngine } from '../engine/index.ts';
import { serve } from '../engine/transport/dispatch.ts';
import { connectLoopback, listenLoopback } from '../engine/transport/websocket.ts';
import { folder } from './cli/process.ts';
import { get } from './wire/corpus.ts';
import { echoing, Peer } from './wire/parts.ts';

/** What the room sees of the wire, over the real engine, a real service and the real WebSocket. */
const LIMIT = { timeout: 300_000 };
const SECRET = 'S3cr3tS3cr3tS3cr3tS3cr3t';
const CONNECTIONS = 4;
const BURST = 500;

async function stage() {
  await using parts = new AsyncDisposableStack();
  const dir = parts.use(folder());
  const service = parts.use(await echoing());
  const engine = parts.use(await createEngine({ stateDir: join(dir.path, 'state') }));
  const server = parts.use(await listenLoopback((port) => void serve(api, engine.api, port)));
  const client = parts.use(createClient(await connectLoopback(server.url)));
  const text = `version: 1
seed: 3
routes:
  - { name: shop, protocol: http, listen: "127.0.0.1:0", upstream: "${service.address}" }
policies:
  - { name: broken, type: http, route: shop, target: /broken, error_chance: 1, error_code: 503 }
  - { name: gone, type: http, route: shop, target: /gone, error_chance: 1, error_code: 410 }
`;
  const { run } = await client.command('apply', { text, ttlMs: 600_000 });
  const { routes, faults } = await client.query('status', {});
  const address = routes[0]?.listen ?? '';
  const fault = (policy: string): string => faults.find((one) => one.policy === policy)?.id ?? assert.fail(policy);
  const ask = async (path: string, times = 1): Promise<string> => {
    using peer = await Peer.to(address);
    peer.write(get(path, `Authorization: Bearer ${SECRET}`).repeat(times));
    await peer.says('HTTP/1.1 ', times);
    return peer.received.toString().slice(9, 12);
  };
  const frames = client.stream('frames', {});
  const frameWith = async (condition: (frame: Frame) => boolean): Promise<Frame> => {
    for (let next = await frames.next(); next.done !== true; next = await frames.next()) if (condition(next.value)) return next.value;
    return assert.fail('the frames ended');
  };
  const all = parts.move();
  return { client, run, fault, ask, frameWith, [Symbol.asyncDispose]: () => all.disposeAsync() };
}
type Stage = Awaited<ReturnType<typeof stage>>;
const impactOf = ({ impact }: Frame, policy: string) => impact.find((row) => row.policy === policy);

test('one fault is stopped by hand: proven clean and quiet, the other one bites on, and what both did stays counted', LIMIT, async () => {
  await using s = await stage();
  assert.deepEqual([await s.ask('/broken', 3), await s.ask('/gone', 2)], ['503', '410']);
  const id = s.fault('broken');
  assert.deepEqual(await s.client.command('stopFault', { fault: id, why: 'too loud' }), { stopped: true });
  assert.deepEqual([await s.ask('/broken'), await s.ask('/gone')], ['200', '410']);
  const { open } = await s.client.query('open', {});
  assert.deepEqual(open.map(({ policy }) => policy), ['gone']);
  const frame = await s.frameWith((one) => impactOf(one, 'gone')?.errors === 3);
  assert.deepEqual(impactOf(frame, 'broken'), {
    target: 'route shop /broken', policy: 'broken', type: 'http', active: false,
    matched: 3, errors: 3, latencies: 0, drops: 0, throttled: 0, others: 0,
  });
  assert.equal(impactOf(frame, 'gone')?.active, true);
  assert.deepEqual(await s.client.command('stopFault', { fault: id, why: 'again' }), { stopped: false });
  await s.client.command('abort', { run: s.run, why: 'the test is over' });
  const { faults, reverted } = await s.client.query('released', { run: s.run });
  assert.equal(reverted, true);
  assert.deepEqual(faults.map(({ policy, state, note }) => [policy, state, note]), [
    ['broken', 'clean', 'stopped by hand: too loud'],
    ['gone', 'clean', ''],
  ]);
});

test('thousands of faulty messages and a reader that stands still: bounded, counted, and without secrets', LIMIT, async () => {
  await using s = await stage();
  const slow = s.client.stream('traffic', {});
  const witness = new Witness(s);
  let sent = 0;
  while (witness.batches < 12) {
    await Promise.all(Array.from({ length: CONNECTIONS }, () => s.ask('/broken', BURST)));
    sent += CONNECTIONS * BURST;
  }
  await witness.until(() => witness.heard === sent);
  assert.ok(sent > 2_000);

  const late: TrafficBatch[] = [];
  let heard = 0;
  while (heard < sent) {
    const { value } = (await slow.next()) as { value: TrafficBatch };
    late.push(value);
    heard += value.lines.length + value.leftOut;
  }
  assert.equal(heard, sent, 'each message is told or counted, once');
  // Four may be on their way, one waits for leave to go, one is being gathered, and one begins as reading goes on.
  assert.ok(late.length <= 7, `${late.length} batches had been kept for a reader that stood still`);
  assert.ok(late.some(({ leftOut }) => leftOut > 0), 'the reader was slow enough to lose some');
  const lines = late.flatMap((batch) => batch.lines);
  assert.deepEqual(lines.map(({ seq }) => seq), lines.map(({ seq }) => seq).toSorted((a, b) => a - b));
  assert.ok(lines.every(({ head }) => head.includes('Authorization: ***') && !head.includes(SECRET)));
  await slow.return?.();
  await witness.leave();
  await s.client.command('abort', { run: s.run, why: 'the test is over' });
  assert.equal((await s.client.query('released', { run: s.run })).reverted, true);
});

/** A reader that keeps up. */
class Witness {
  batches = 0;
  heard = 0;
  readonly #stream: AsyncIterableIterator<TrafficBatch>;
  readonly #reading: Promise<void>;

  constructor({ client }: Stage) {
    this.#stream = client.stream('traffic', { passing: true });
    this.#reading = this.#read();
  }
  async #read(): Promise<void> {
    for await (const { lines, leftOut } of this.#stream) {
      this.batches++;
      this.heard += lines.length + leftOut;
    }
  }
  async until(condition: () => boolean): Promise<void> {
    const deadline = performance.now() + 30_000;
    while (!condition()) {
      assert.ok(performance.now() < deadline, `waited in vain; ${this.heard} heard in ${this.batches} batches`);
      await turn();
    }
  }
  async leave(): Promise<void> {
    await this.#stream.return?.();
    await this.#reading;
  }
}
