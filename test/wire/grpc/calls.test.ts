import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createWire } from '../../../engine/wire/create.ts';
import { Peer, policy, Upstream, wireTo } from '../parts.ts';
import { RouteStage, routeTo } from '../stage.ts';
import { record } from '../record.ts';
import { PIECES, replay, type Turn } from '../replay.ts';
import { Buyer, HEALTH, type Kind, Shop } from './parts.ts';
import { reflected } from './reflected.ts';

const KINDS: readonly Kind[] = ['Place', 'List', 'Upload', 'Talk'];
const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

describe('calls, between two ends of @grpc/grpc-js', { timeout: 300_000 }, () => {
  let at: RouteStage<Shop>;
  before(async () => void (at = new RouteStage(await routeTo('grpc', Shop.start()))));
  after(async () => {
    await at[Symbol.asyncDispose]();
    assert.deepEqual(at.errors, []);
  });
  beforeEach(() => void at.server.calls.splice(0));

  it('passes calls of every kind, with their metadata', async () => {
    using buyer = new Buyer(at.address);
    for (const kind of KINDS) {
      const ended = await buyer.call(kind, kind === 'Place' ? 1 : 40, 5_000, { 'x-tier': 'free' });
      assert.deepEqual([kind, ended.code, ended.numbers], [kind, 0, numbers(kind === 'Place' ? 1 : 40)]);
      if (kind === 'Place') assert.deepEqual(ended.metadata.get('x-seen'), ['free']);
    }
    assert.equal(at.route.notUnderstood, 0);
  });

  it('ends calls of every kind with the status and its message; other methods pass on the same connection', async () => {
    using buyer = new Buyer(at.address);
    await buyer.call('Place');
    for (const kind of KINDS) {
      at.server.calls.splice(0);
      await using fault = await at.add({ target: `/shop.Orders/${kind}`, errorChance: 1, errorCode: 8, errorBody: 'zu viel: 100 %\nÄpfel' });
      const ended = await buyer.call(kind, 5, 50_000);
      assert.deepEqual([kind, ended.code, ended.details, ended.numbers], [kind, 8, 'zu viel: 100 %\nÄpfel', []]);
      const other = kind === 'Place' ? 'Talk' : 'Place';
      assert.equal((await buyer.call(other, 3)).code, 0);
      assert.deepEqual(at.server.calls, [other], 'the call that failed never reached the server');
      assert.equal(at.wire.counters(fault.id)?.errors, 1);
    }
  });

  it('says UNAVAILABLE when nothing else is asked for', async () => {
    using buyer = new Buyer(at.address);
    await using _ = await at.add({ errorChance: 1 });
    const ended = await buyer.call('Place');
    assert.deepEqual([ended.code, ended.details.includes('undefined')], [14, false]);
  });

  it('delays calls of every kind; others overtake them', async () => {
    using buyer = new Buyer(at.address);
    await buyer.call('Place');
    await using fault = await at.add({ target: '/shop.Orders/*', latencyChance: 1, latencyMs: 150, matchHeaders: { 'x-slow': 'yes' } });
    const slow = KINDS.map((kind) => buyer.call(kind, kind === 'Place' ? 1 : 20, 1_000, { 'x-slow': 'yes' }));
    const fast = await Promise.all(KINDS.map((kind) => buyer.call(kind, kind === 'Place' ? 1 : 20, 1_000)));
    assert.deepEqual(fast.map(({ code, numbers: got }) => [code, got.length]), [[0, 1], [0, 20], [0, 20], [0, 20]]);
    for (const [i, ended] of (await Promise.all(slow)).entries()) {
      assert.deepEqual([ended.code, ended.numbers], [0, numbers(i === 0 ? 1 : 20)]);
      assert.ok(ended.ms >= 150, `${ended.ms} ms`);
    }
    assert.equal(at.wire.counters(fault.id)?.latencies, 4);
  });

  it('cuts the connection', async () => {
    using buyer = new Buyer(at.address);
    await using fault = await at.add({ target: '/shop.Orders/Place', dropConnection: true });
    const ended = await buyer.call('Place');
    assert.equal(ended.code, 14);
    assert.match(ended.details, /ECONNRESET|closed|Connection dropped/i);
    assert.equal(at.wire.counters(fault.id)?.drops, 1);
    assert.equal((await buyer.call('Talk', 3)).code, 0, 'the client connects anew');
  });

  for (const ending of ['its policy is removed', 'HALT'] as const) {
    it(`what waits goes on when ${ending}, in whole calls and within streams`, async () => {
      using buyer = new Buyer(at.address);
      await using whole = await at.add({ target: '/shop.Orders/Upload', latencyChance: 1, latencyMs: 3_600_000 });
      await using single = await at.add({ target: '/shop.Orders/Talk', latencyChance: 1, latencyMs: 3_600_000, everyNth: 7, scope: 'message' });
      const waiting = [buyer.call('Upload', 50, 3_000), buyer.call('Talk', 50, 3_000)];
      assert.equal((await buyer.call('Place')).code, 0);
      while (at.wire.counters(whole.id)?.matched !== 1 || (at.wire.counters(single.id)?.matched ?? 0) < 7) await new Promise((resolve) => setImmediate(resolve));
      if (ending === 'HALT') at.wire.halt();
      else for (const { id } of [whole, single]) await at.wire.remove(id);
      for (const ended of await Promise.all(waiting)) assert.deepEqual([ended.code, ended.numbers], [0, numbers(50)]);
      at.wire.resume();
      assert.equal((await buyer.call('Place')).code, 0);
    });
  }

  it('go on when the engine dies and another relay takes its place', async () => {
    const first = await wireTo(at.server.address, { protocol: 'grpc' });
    using buyer = new Buyer(first.address);
    await first.wire.add(policy({ protocol: 'grpc', target: '/shop.Orders/Talk', latencyChance: 1, latencyMs: 3_600_000 }));
    const stuck = buyer.call('Talk', 3);
    assert.equal((await buyer.call('Place')).code, 0);
    await first.wire[Symbol.asyncDispose]();
    assert.equal((await stuck).code, 14);
    await using second = createWire();
    await second.open([{ name: 'r', protocol: 'grpc', listen: first.address, upstream: at.server.address }]);
    let again = await buyer.call('Place');
    while (again.code === 14) again = await buyer.call('Place');
    assert.deepEqual([again.code, (await buyer.call('Talk', 3)).numbers], [0, [1, 2, 3]]);
  });

  it('sees a reflected service through the route, and calls what it describes', async () => {
    const described = await reflected(at.address, 'shop.Orders');
    using buyer = new Buyer(at.address, described);
    assert.deepEqual([(await buyer.call('Talk', 5)).numbers, (await buyer.call('Place')).code], [[1, 2, 3, 4, 5], 0]);
    await using _ = await at.add({ target: '/grpc.reflection.v1.ServerReflection/*', errorChance: 1, errorCode: 12 });
    await assert.rejects(reflected(at.address, 'shop.Orders'), { code: 12 });
  });

  it('says that the upstream cannot be reached, and what is no gRPC at all', async () => {
    const { wire, address } = await wireTo('127.0.0.1:1', { protocol: 'grpc' });
    await using _ = wire;
    using buyer = new Buyer(address);
    const ended = await buyer.call('Place');
    assert.equal(ended.code, 14);
    assert.match(ended.details, /route r cannot reach 127.0.0.1:1/);
    await using upstream = await Upstream.start((peer) => peer.write('SSH-2.0-x'));
    const other = await wireTo(upstream.address, { protocol: 'grpc' });
    await using _other = other.wire;
    using peer = await Peer.to(other.address);
    peer.write('GET / HTTP/1.1\r\n\r\n');
    await peer.says('SSH-2.0-x');
    assert.equal(other.wire.routeCounters()[0]?.notUnderstood, 1);
  });

  it('passes what was recorded to the byte, in pieces of any size', async () => {
    await using recorder = await record(Number(at.server.address.split(':')[1]));
    {
      using buyer = new Buyer(`127.0.0.1:${recorder.port}`);
      await Promise.all([buyer.call('Place', 1, 20_000), buyer.call('Talk', 10, 300), buyer.call('List', 10, 300), buyer.call('Upload', 10, 300, { 'x-tier': 'free' })]);
    }
    const turns = recorder.conversations[0] as readonly Turn[];
    assert.ok(turns.length > 2);
    for (const piece of PIECES) await replay('grpc', turns, piece);
  });

  it('asks conditions about service, method, metadata and baggage', async () => {
    using buyer = new Buyer(at.address);
    await using _ = await at.add({
      errorChance: 1,
      errorCode: 7,
      when: "grpc.service == 'shop.Orders' && grpc.method == 'Place' && request.path.endsWith('/Place') && request.headers['x-tier'] == 'free' && baggage['chaos'] == 'on' && trace.id != ''",
    });
    const trace = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' };
    assert.equal((await buyer.call('Place', 1, 1, { 'x-tier': 'free', baggage: 'chaos=on', ...trace })).code, 7);
    assert.equal((await buyer.call('Place', 1, 1, { 'x-tier': 'free', ...trace })).code, 0);
    assert.equal((await buyer.call('List', 1, 1, { 'x-tier': 'free', baggage: 'chaos=on', ...trace })).code, 0);
  });

  it('never touches the health service unless told to', async () => {
    using checker = new Buyer(at.address, HEALTH);
    const check = (): Promise<number> =>
      new Promise((resolve) => void checker.client['Check']?.({ service: '' }, (error: { code: number } | null) => resolve(error?.code ?? 0)));
    {
      await using _ = await at.add({ errorChance: 1, errorCode: 13, ignored: ['grpc.health.v1.Health'] });
      assert.equal(await check(), 0);
      using buyer = new Buyer(at.address);
      assert.equal((await buyer.call('Place')).code, 13);
    }
    await using _ = await at.add({ errorChance: 1, errorCode: 13 });
    assert.equal(await check(), 13);
  });
});
