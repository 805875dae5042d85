import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, afterEach, before, describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { WirePolicy } from '../../engine/policy/snapshot.ts';
import { get, head, ok, post } from './corpus.ts';
import { echoing, Peer, policy, Upstream, wireTo } from './parts.ts';

const LIMIT = { timeout: 300_000 };
/** Longer than any test may last: whoever waits for it was not let go. */
const FOREVER = 600_000;

describe('faults', LIMIT, () => {
  let upstream: Upstream;
  let wired: Awaited<ReturnType<typeof wireTo>>;
  before(async () => {
    upstream = await echoing();
    wired = await wireTo(upstream.address);
  });
  after(async () => {
    await wired.wire[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
    assert.deepEqual(wired.errors, []);
  });
  const added: string[] = [];
  const add = async (over: Partial<WirePolicy>): Promise<WirePolicy> => {
    const one = policy(over);
    added.push(one.id);
    await wired.wire.add(one);
    return one;
  };
  /** Every test proves that it leaves nothing behind: without its policies, a request passes untouched. */
  afterEach(async () => {
    wired.wire.resume();
    for (const id of added.splice(0)) await wired.wire.remove(id);
    const before = wired.wire.routeCounters()[0]?.faults;
    assert.match(await ask('/clean'), /^HTTP\/1.1 200 OK\r\n.*\/clean$/s);
    assert.equal(wired.wire.routeCounters()[0]?.faults, before);
  });
  /** One request on a connection of its own; the whole answer, or the name of the error. */
  const ask = async (path: string, request = get(path, 'Connection: close')): Promise<string> => {
    using client = await Peer.to(wired.address);
    client.write(request);
    await client.until(() => client.closed || client.ended || client.error !== undefined || complete(client.received.toString('latin1')), 'an answer');
    return client.error?.code ?? client.received.toString('latin1');
  };
  const complete = (text: string): boolean => {
    const [start = '', body] = text.split('\r\n\r\n');
    return body !== undefined && body.length >= Number(/content-length: (\d+)/i.exec(start)?.[1] ?? Infinity);
  };

  it('an error has code, body, length and a type that fits the body', async () => {
    await add({ target: '/json*', errorChance: 1, errorCode: 503, errorBody: '{"why":"chaos"}' });
    await add({ target: '/text', errorChance: 1, errorCode: 418, errorBody: 'grüße' });
    const seen = upstream.count;
    assert.equal(await ask('/json/1'), head('HTTP/1.1 503 Service Unavailable', 'Content-Type: application/json', 'Content-Length: 15', 'Connection: close') + '{"why":"chaos"}');
    const text = await ask('/text', get('/text'));
    assert.match(text, /^HTTP\/1.1 418 .*\r\nContent-Type: text\/plain; charset=utf-8\r\nContent-Length: 7\r\n\r\n/);
    assert.equal(Buffer.from(text.split('\r\n\r\n')[1] ?? '', 'latin1').toString('utf8'), 'grüße');
    assert.equal(upstream.count, seen, 'a refused request does not even connect');
  });

  it('HEAD is refused without a body, 204 without a length, 429 with Retry-After', async () => {
    await add({ target: '/a', errorChance: 1, errorCode: 500, errorBody: 'body' });
    await add({ target: '/b', errorChance: 1, errorCode: 204, errorBody: 'body' });
    await add({ target: '/c', errorChance: 1, errorCode: 429, errorBody: 'slow down' });
    using client = await Peer.to(wired.address);
    client.write(head('HEAD /a HTTP/1.1') + get('/b') + get('/c') + get('/through'));
    await client.says('/through');
    const text = client.received.toString('latin1');
    assert.match(text, /^HTTP\/1.1 500 .*Content-Length: 4\r\n\r\nHTTP\/1.1 204 No Content\r\n\r\nHTTP\/1.1 429 .*Retry-After: 1\r\n\r\nslow downHTTP\/1.1 200 OK/s);
  });

  it('keep-alive survives an error, its request body is consumed', async () => {
    await add({ target: '/p', errorChance: 1, errorCode: 500, errorBody: 'no' });
    using client = await Peer.to(wired.address);
    client.write(post(['Content-Length: 100000'], 'x'.repeat(100_000)) + post(['Transfer-Encoding: chunked'], '5\r\nabcde\r\n0\r\n\r\n') + get('/next'));
    await client.says('/next');
    assert.equal(client.received.toString().split('HTTP/1.1 500').length - 1, 2);
  });

  it('an error answers 100-continue finally, and closes', async () => {
    await add({ target: '/p', errorChance: 1, errorCode: 500 });
    using client = await Peer.to(wired.address);
    client.write(post(['Content-Length: 3', 'Expect: 100-continue'], ''));
    await client.over();
    assert.match(client.received.toString(), /^HTTP\/1.1 500 .*Connection: close/s);
  });

  it('pipelined requests stay in order whatever happens to each', async () => {
    await add({ target: '/bad', errorChance: 1, errorCode: 500, errorBody: '-bad-' });
    await add({ target: '/slow', latencyChance: 1, latencyMs: 20 });
    using client = await Peer.to(wired.address);
    client.write(['/1', '/slow', '/bad', '/2', '/bad', '/slow', '/3'].map((path) => get(path)).join(''));
    await client.says('/3');
    const bodies = client.received.toString().match(/(?<=\r\n\r\n)[/a-z0-9-]+?(?=HTTP|$)/g);
    assert.deepEqual(bodies, ['/1', '/slow', '-bad-', '/2', '-bad-', '/slow', '/3']);
  });

  it('a drop is a connection reset at the client, after the answers before it', async () => {
    const drop = await add({ target: '/drop', dropConnection: true });
    assert.equal(await ask('/drop'), 'ECONNRESET');
    using client = await Peer.to(wired.address);
    client.write(get('/first') + get('/drop') + get('/never'));
    await client.until(() => client.error !== undefined, 'a reset');
    assert.equal(client.error?.code, 'ECONNRESET');
    assert.match(client.received.toString(), /\/first$/);
    assert.equal(wired.wire.counters(drop.id)?.drops, 2);
  });

  it('latency holds back one connection and no other, and is measured', async () => {
    const slow = await add({ target: '/slow', latencyChance: 1, latencyMs: 60 });
    const began = performance.now();
    const order: string[] = [];
    await Promise.all(['/slow', '/fast'].map(async (path) => (await ask(path), order.push(path))));
    assert.deepEqual(order, ['/fast', '/slow']);
    assert.ok(performance.now() - began >= 60, 'never early');
    const counters = wired.wire.counters(slow.id);
    assert.equal(counters?.latencies, 1);
    assert.ok((counters?.meanDelay ?? 0) >= 60, `${counters?.meanDelay}`);
  });

  it('an error wins over latency, also that of another policy; delays of several policies add up', async () => {
    await add({ target: '/both', latencyChance: 1, latencyMs: FOREVER });
    const failing = await add({ target: '/both', latencyChance: 1, latencyMs: FOREVER, errorChance: 1, errorCode: 500 });
    assert.match(await ask('/both'), /^HTTP\/1.1 500/);
    const [one, two] = [await add({ target: '/sum', latencyChance: 1, latencyMs: 20 }), await add({ target: '/sum*', latencyChance: 1, latencyMs: 30 })];
    const began = performance.now();
    await ask('/sum');
    assert.ok(performance.now() - began >= 50);
    assert.deepEqual([failing, one, two].map(({ id }) => wired.wire.counters(id)?.latencies), [0, 1, 1]);
  });

  it('headers must all be there, names in any case, values exact', async () => {
    await add({ errorChance: 1, errorCode: 500, matchHeaders: { 'x-canary': 'true', 'x-user': 'Zoë' } });
    const status = async (...lines: string[]): Promise<string> => (await ask('/', get('/', ...lines))).slice(9, 12);
    assert.equal(await status('X-CANARY:  true ', 'x-User: Zo\xc3\xab'), '500');
    assert.equal(await status('x-canary: true'), '200');
    assert.equal(await status('x-canary: True', 'x-user: Zo\xc3\xab'), '200');
    assert.equal(await status('x-canary: true', 'x-user: Zo\xc3\xab', 'x-canary-2: true'), '500');
    assert.equal(await status('x-not-x-canary: true', 'x-user: Zo\xc3\xab'), '200');
  });

  it('paths match by segment, and only on the route of the policy', async () => {
    await add({ target: '/api/users*', errorChance: 1, errorCode: 500 });
    await add({ target: '/other', route: 'another-route', errorChance: 1, errorCode: 500 });
    const status = async (path: string): Promise<string> => (await ask(path)).slice(9, 12);
    assert.equal(await status('/api/users'), '500');
    assert.equal(await status('/api/users/1?q=2'), '500');
    assert.equal(await status('/api/usersettings'), '200');
    assert.equal(await status('/other'), '200');
  });

  it('throttling lets a second\'s worth through and answers 429 with Retry-After', async () => {
    const limit = await add({ target: '/busy', throttleRate: 0.001 });
    assert.match(await ask('/busy'), /^HTTP\/1.1 200/);
    assert.match(await ask('/busy'), /^HTTP\/1.1 429 Too Many Requests\r\n.*Retry-After: 1\r\n/s);
    assert.equal(wired.wire.counters(limit.id)?.throttled, 1);
  });

  it('removing a policy lets go of what it holds, and of nothing else', async () => {
    const [held, other] = [await add({ target: '/held', latencyChance: 1, latencyMs: FOREVER }), await add({ target: '/other', latencyChance: 1, latencyMs: FOREVER })];
    using first = await Peer.to(wired.address);
    using second = await Peer.to(wired.address);
    first.write(get('/held'));
    second.write(get('/other'));
    await until(() => [held, other].every(({ id }) => wired.wire.counters(id)?.matched === 1));
    await wired.wire.remove(held.id);
    await first.says('/held');
    assert.equal(second.length, 0);
    assert.equal(wired.wire.counters(held.id)?.latencies, 0, 'a delay that was cut short was not delivered');
    await wired.wire.remove(other.id);
    await second.says('/other');
  });

  it('whoever asks for the same removal waits for it as well', async () => {
    const { id } = await add({ errorChance: 1 });
    let gone = false;
    const first = wired.wire.remove(id).then(() => (gone = true));
    await wired.wire.remove(id);
    assert.equal(gone, true, 'called removed before every worker had let go');
    await first;
  });

  it('HALT lets go of everything and injects nothing until it is resumed', async () => {
    await add({ target: '/held', latencyChance: 1, latencyMs: FOREVER });
    const bad = await add({ target: '/bad', errorChance: 1, errorCode: 500 });
    using client = await Peer.to(wired.address);
    client.write(get('/held'));
    await until(() => (wired.wire.counters(added[0] ?? '')?.matched ?? 0) === 1);
    // From another thread, without a message to the wire or its workers.
    const sentinel = new Worker('Atomics.store(new Int32Array(require("node:worker_threads").workerData), 0, 1)', { eval: true, workerData: wired.wire.control });
    const exited = once(sentinel, 'exit');
    await client.says('/held');
    await exited;
    assert.equal(wired.wire.halted, true);
    assert.match(await ask('/bad'), /^HTTP\/1.1 200/);
    assert.equal(wired.wire.counters(bad.id)?.matched, 0);
    wired.wire.resume();
    assert.match(await ask('/bad'), /^HTTP\/1.1 500/);
  });

  it('a client that goes away while its request is held takes the request with it', async () => {
    await add({ target: '/held', latencyChance: 1, latencyMs: FOREVER });
    const active = (): number => wired.wire.routeCounters()[0]?.active ?? 0;
    await until(() => active() === 0);
    const client = await Peer.to(wired.address);
    client.write(get('/held'));
    await until(() => (wired.wire.counters(added[0] ?? '')?.matched ?? 0) === 1);
    client.socket.resetAndDestroy();
    await until(() => active() === 0);
  });

  it('an upstream that closes its idle connection while a request is held is connected to again', async () => {
    await using closing = await Upstream.start();
    const { wire, address } = await wireTo(closing.address);
    await using _ = wire;
    using client = await Peer.to(address);
    client.write(get('/1'));
    const first = await closing.next();
    first.write(ok());
    await client.says('ok');
    const hold = policy({ latencyChance: 1, latencyMs: FOREVER });
    await wire.add(hold);
    client.write(get('/2'));
    await until(() => wire.counters(hold.id)?.matched === 1);
    first.socket.end();
    await first.over();
    await wire.remove(hold.id);
    const second = await closing.next();
    await second.says('/2');
    second.write(ok());
    await client.says('ok', 2);
  });

  /** Counters change without an event, so they are looked at until they say so. */
  async function until(condition: () => boolean): Promise<void> {
    for (const deadline = performance.now() + 20_000; !condition(); ) {
      if (performance.now() > deadline) throw new Error('waited in vain');
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
});
