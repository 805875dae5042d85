import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { MAX_TRAFFIC_LINES, trafficBatch, type TrafficBatch, type TrafficLine } from '../../engine/contract/room.ts';
import { trafficOf } from '../../engine/streams.ts';
import { LISTEN_WORD } from '../../engine/wire/shared.ts';
import type { WirePolicy } from '../../engine/policy/snapshot.ts';
import { get, post } from './corpus.ts';
import { echoing, Peer, policy, type Upstream, wireTo } from './parts.ts';

const LIMIT = { timeout: 600_000 };
/** Nothing may wait longer than this for another part, in milliseconds. */
const PATIENCE = 20_000;

/** Keeps what it hears, and lets a test wait for it. */
class Ear {
  readonly batches: TrafficBatch[] = [];
  readonly take = (batch: TrafficBatch): void => void this.batches.push(trafficBatch.parse(batch));
  get lines(): TrafficLine[] {
    return this.batches.flatMap(({ lines }) => lines);
  }
  get leftOut(): number {
    return this.batches.reduce((sum, { leftOut }) => sum + leftOut, 0);
  }
  async until(condition: () => boolean): Promise<void> {
    const deadline = performance.now() + PATIENCE;
    while (!condition()) {
      assert.ok(performance.now() < deadline, `waited in vain; ${this.lines.length} lines, ${this.leftOut} left out`);
      await pause(2);
    }
  }
}

describe('traffic', LIMIT, () => {
  let upstream: Upstream;
  let wired: Awaited<ReturnType<typeof wireTo>>;
  beforeEach(async () => {
    upstream = await echoing();
    wired = await wireTo(upstream.address);
  });
  afterEach(async () => {
    await wired.wire[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
    assert.deepEqual(wired.errors, []);
  });
  const add = async (over: Partial<WirePolicy>): Promise<WirePolicy> => {
    const one = policy(over);
    await wired.wire.add(one);
    return one;
  };
  const ask = async (request: string, answer = 'HTTP/1.1', times = 1): Promise<void> => {
    using client = await Peer.to(wired.address);
    client.write(request);
    await client.says(answer, times);
  };

  it('every fault is told with its policy, what was done and what was measured; what passes is not', async () => {
    await add({ name: 'slow', target: '/slow', latencyChance: 1, latencyMs: 30 });
    await add({ name: 'broken', target: '/broken*', errorChance: 1, errorCode: 503 });
    await add({ name: 'cut', target: '/cut', dropConnection: true });
    await add({ name: 'limit', target: '/limited', throttleRate: 0.001 });
    const ear = new Ear();
    using _listening = wired.wire.listen(false, ear.take);
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    await ask(get('/slow?a=1', `traceparent: 00-${trace}-00f067aa0ba902b7-01`, 'X-Request-Id:  r-17 '));
    await ask(post(['Content-Length: 2'], 'ok'));
    await ask(get('/broken/x'));
    await ask(get('/cut'));
    await ask(get('/limited') + get('/limited'), '429');
    await ear.until(() => ear.lines.length >= 4);
    const told = ear.lines.map(({ method, target, action, policy: by, status }) => [method, target, action, by, status]);
    assert.deepEqual(told, [
      ['GET', '/slow', 'latency', 'slow', null],
      ['GET', '/broken/x', 'error', 'broken', 503],
      ['GET', '/cut', 'drop', 'cut', null],
      ['GET', '/limited', 'throttle', 'limit', 429],
    ]);
    const [slow, broken] = ear.lines as [TrafficLine, TrafficLine];
    assert.ok(slow.delayMs >= 30, `${slow.delayMs} ms measured`);
    assert.deepEqual([slow.traceId, slow.requestId, slow.route, slow.protocol], [trace, 'r-17', 'r', 'http']);
    assert.deepEqual([broken.traceId, broken.requestId, broken.delayMs], ['', '', 0]);
    assert.equal(broken.head, 'GET /broken/x HTTP/1.1\r\nHost: a');
    assert.deepEqual(ear.lines.map(({ seq }) => seq), [1, 2, 3, 4]);
    assert.equal(ear.leftOut, 0);
  });

  it('a refusal that waits its turn, several delays in one, and a client that leaves are told as well', async () => {
    await add({ name: 'first', target: '/late*', latencyChance: 1, latencyMs: 20 });
    await add({ name: 'second', target: '/late*', latencyChance: 1, latencyMs: 20 });
    await add({ name: 'broken', target: '/broken', errorChance: 1, errorCode: 500 });
    const forever = await add({ name: 'stuck', target: '/stuck', latencyChance: 1, latencyMs: 600_000 });
    const ear = new Ear();
    using _listening = wired.wire.listen(false, ear.take);
    await ask(get('/through') + get('/broken?x') + get('/late/1'), '/late/1');
    using leaves = await Peer.to(wired.address);
    leaves.write(get('/stuck'));
    await ear.until(() => wired.wire.counters(forever.id)?.matched === 1);
    leaves.socket.resetAndDestroy();
    await ear.until(() => ear.lines.length >= 3);
    assert.deepEqual(
      ear.lines.map(({ target, action, policy: by, head }) => [target, action, by, head.split('\r\n')[0]]),
      [
        ['/broken', 'error', 'broken', 'GET /broken?x HTTP/1.1'],
        ['/late/1', 'latency', 'first, second', 'GET /late/1 HTTP/1.1'],
        ['/stuck', 'latency', 'stuck', 'GET /stuck HTTP/1.1'],
      ],
    );
    assert.ok((ear.lines[1]?.delayMs ?? 0) >= 40);
    assert.ok((ear.lines[2]?.delayMs ?? 600_000) < 600_000, 'what was delivered, not what was asked for');
  });

  it('what passes untouched is sampled for those who ask, and only for those', async () => {
    await add({ name: 'broken', target: '/broken', errorChance: 1, errorCode: 500 });
    const [all, touched] = [new Ear(), new Ear()];
    using _all = wired.wire.listen(true, all.take);
    using _touched = wired.wire.listen(false, touched.take);
    await ask(get('/x').repeat(500) + get('/broken'), '500 Internal');
    await all.until(() => all.lines.some(({ action }) => action === 'error'));
    const passed = all.lines.filter(({ action }) => action === 'pass');
    assert.ok(passed.length >= 1 && passed.length <= 5 * all.batches.length, `${passed.length} in ${all.batches.length} batches`);
    assert.deepEqual([passed[0]?.policy, passed[0]?.status, passed[0]?.target], ['', null, '/x']);
    assert.deepEqual(touched.lines.map(({ action }) => action), ['error']);
    assert.equal(touched.lines[0]?.seq, all.lines.at(-1)?.seq, 'a line has one number, whoever reads it');
    assert.equal(all.leftOut, 0, 'a sample leaves nothing out');
  });

  it('nobody listens, nothing is recorded: the word is 0, and a reader hears only of what comes after', async () => {
    const word = new Int32Array(wired.wire.control);
    await add({ name: 'broken', target: '/broken*', errorChance: 1, errorCode: 500 });
    assert.equal(word[LISTEN_WORD], 0);
    await ask(get('/broken/before').repeat(50), 'HTTP/1.1 500', 50);
    const ear = new Ear();
    {
      using _listening = wired.wire.listen(true, ear.take);
      assert.equal(word[LISTEN_WORD], 2);
      using _other = wired.wire.listen(false, ear.take);
      assert.equal(word[LISTEN_WORD], 2);
    }
    assert.equal(word[LISTEN_WORD], 0);
    using _later = wired.wire.listen(false, ear.take);
    assert.equal(word[LISTEN_WORD], 1);
    await ask(get('/broken/after'), '500');
    await ear.until(() => ear.lines.length > 0);
    assert.deepEqual(ear.lines.map(({ target }) => target), ['/broken/after']);
  });

  it('a slow reader gets the newest lines and the number of the others, never more than a batch', async () => {
    const FAULTS = 12_000;
    const broken = await add({ name: 'broken', errorChance: 1, errorCode: 500 });
    const stop = new AbortController();
    const batches = trafficOf(wired.wire, false, stop.signal);
    const first = batches.next();
    const witness = new Ear();
    using _listening = wired.wire.listen(false, witness.take);
    // Each part is heard before the next begins: so they come in batches of their own, however fast the worker is.
    const parts = [500, FAULTS / 2, FAULTS / 2 - 500];
    let sent = 0;
    for (const part of parts) {
      using peer = await Peer.to(wired.address);
      peer.write(get('/x').repeat(part));
      await peer.says('HTTP/1.1 500', part);
      sent += part;
      await witness.until(() => witness.lines.length + witness.leftOut === sent);
    }
    assert.equal(wired.wire.counters(broken.id)?.errors, FAULTS);
    const { value: begun } = (await first) as { value: TrafficBatch };
    const { value: rest } = (await batches.next()) as { value: TrafficBatch };
    assert.ok(begun.lines.length <= MAX_TRAFFIC_LINES && rest.lines.length <= MAX_TRAFFIC_LINES);
    assert.equal(begun.lines.length + begun.leftOut + rest.lines.length + rest.leftOut, FAULTS, 'told or counted, each once');
    assert.equal(rest.lines.at(-1)?.seq, witness.lines.at(-1)?.seq, 'the newest are kept');
    stop.abort();
    assert.deepEqual(await batches.next(), { done: true, value: undefined });
  });

  it('the worker holds one batch and counts the rest while the engine takes nothing', async () => {
    await add({ name: 'broken', errorChance: 1, errorCode: 500 });
    const ear = new Ear();
    using _listening = wired.wire.listen(false, ear.take);
    // As if the engine had not taken the batch before: the first worker's word of the control block.
    const untaken = new Int32Array(wired.wire.control, 8, 1);
    untaken[0] = 1;
    for (let n = 0; n < 6; n++) await ask(get('/x').repeat(1_000), 'HTTP/1.1 500', 1_000);
    assert.equal(ear.batches.length, 0);
    untaken[0] = 0;
    await ear.until(() => ear.lines.length + ear.leftOut === 6_000);
    assert.ok(ear.batches.every(({ lines }) => lines.length <= MAX_TRAFFIC_LINES));
    assert.equal(ear.batches[0]?.lines.length, MAX_TRAFFIC_LINES);
  });

  it('several workers are told as one, each line with a number of its own', async () => {
    await using upstreamOfFour = await echoing();
    const { wire, address } = await wireTo(upstreamOfFour.address, { workers: 4 });
    await using _ = wire;
    await wire.add(policy({ name: 'broken', errorChance: 1, errorCode: 500 }));
    const ear = new Ear();
    using _listening = wire.listen(false, ear.take);
    await Promise.all(
      Array.from({ length: 16 }, async (_unused, n) => {
        using client = await Peer.to(address);
        client.write(get(`/${n}`).repeat(20));
        await client.says('HTTP/1.1 500', 20);
      }),
    );
    await ear.until(() => ear.lines.length === 320);
    assert.deepEqual(ear.lines.map(({ seq }) => seq), Array.from({ length: 320 }, (_unused, n) => n + 1));
    assert.equal(new Set(ear.lines.map(({ target }) => target)).size, 16);
  });
});
