import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { WirePolicy } from '../../../engine/policy/snapshot.ts';
import { policy, wireTo } from '../parts.ts';
import { H2Client, H2Server } from './parts.ts';

describe('faults of http, seen by node:http2', { timeout: 300_000 }, () => {
  let server: H2Server;
  let wired: Awaited<ReturnType<typeof wireTo>>;
  before(async () => {
    server = await H2Server.start();
    wired = await wireTo(server.address);
  });
  after(async () => {
    await wired.wire[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    assert.deepEqual(wired.errors, []);
  });
  beforeEach(() => void server.asked.splice(0));
  const add = async (over: Partial<WirePolicy>): Promise<AsyncDisposable & { id: string }> => {
    const one = policy(over);
    await wired.wire.add(one);
    return { id: one.id, [Symbol.asyncDispose]: () => wired.wire.remove(one.id) };
  };

  it('passes requests and answers, many at once', async () => {
    await using client = await H2Client.to(wired.address);
    const seen = await Promise.all(Array.from({ length: 50 }, (_, n) => client.ask(`/${n}`, { 'x-n': String(n) }, Buffer.alloc(n * 1_000))));
    assert.deepEqual(seen.map(({ status, body }) => `${status} ${body}`), Array.from({ length: 50 }, (_, n) => `200 POST /${n} ${n * 1_000}`));
    assert.equal(wired.wire.routeCounters()[0]?.notUnderstood, 0);
  });

  it('answers with the error, its body and its type; the requests around it pass on the same connection', async () => {
    await using client = await H2Client.to(wired.address);
    assert.equal((await client.ask('/before', { 'x-tier': 'free' })).status, 200);
    await using _ = await add({ target: '/broken*', errorChance: 1, errorCode: 503, errorBody: '{"error":"órder"}' });
    const seen = await Promise.all(['/a', '/broken', '/b', '/broken/2', '/c'].map((path) => client.ask(path, { 'x-tier': 'free' })));
    assert.deepEqual(seen.map(({ status }) => status), [200, 503, 200, 503, 200]);
    assert.deepEqual([seen[1]?.body, seen[1]?.headers['content-type'], seen[1]?.headers['content-length']], ['{"error":"órder"}', 'application/json', '18']);
    assert.equal((await client.ask('/after', { 'x-tier': 'free' })).body, 'GET /after 0');
    assert.deepEqual(server.asked, ['GET /before', 'GET /a', 'GET /b', 'GET /c', 'GET /after']);
    assert.equal(client.failure, '');
  });

  it('refuses an upload that has not ended, and gives its bytes back to the connection', async () => {
    await using client = await H2Client.to(wired.address);
    await using fault = await add({ target: '/broken', errorChance: 1, errorCode: 500, errorBody: 'no' });
    // Far more than the window of the connection (64 KB) in all.
    for (let n = 0; n < 10; n++) {
      const [refused, taken] = await Promise.all([
        client.ask('/broken', {}, Buffer.alloc(50_000)),
        client.ask('/taken', {}, Buffer.alloc(50_000)),
      ]);
      assert.deepEqual([refused.status, refused.body, refused.failure], [500, 'no', '']);
      assert.equal(taken.body, 'POST /taken 50000');
    }
    assert.equal(wired.wire.counters(fault.id)?.errors, 10);
    assert.equal(client.failure, '');
  });

  it('delays one stream; those behind it overtake it, with bodies whole', async () => {
    await using client = await H2Client.to(wired.address);
    await client.ask('/first', { 'x-a': 'indexed' });
    await using fault = await add({ target: '/slow', latencyChance: 1, latencyMs: 400 });
    const slow = client.ask('/slow', { 'x-a': 'indexed' }, Buffer.alloc(30_000));
    const fast = await Promise.all(Array.from({ length: 20 }, (_, n) => client.ask(`/${n}`, { 'x-a': 'indexed', [`x-${n}`]: 'new' }, Buffer.alloc(1_000))));
    assert.deepEqual(server.asked.includes('POST /slow'), false, 'the others did not wait for it');
    assert.deepEqual(fast.map(({ body }) => body), Array.from({ length: 20 }, (_, n) => `POST /${n} 1000`));
    const late = await slow;
    assert.equal(late.body, 'POST /slow 30000');
    assert.ok(late.ms >= 400, `${late.ms} ms`);
    assert.equal(wired.wire.counters(fault.id)?.latencies, 1);
    assert.equal((await client.ask('/after')).body, 'GET /after 0');
    assert.equal(client.failure, '');
  });

  it('cuts the connection', async () => {
    await using client = await H2Client.to(wired.address);
    await using _ = await add({ target: '/cut', dropConnection: true });
    assert.equal((await client.ask('/fine')).status, 200);
    const seen = await client.ask('/cut');
    assert.equal(seen.status, 0);
    assert.equal(seen.failure, 'ECONNRESET');
    await client.over();
  });

  it('passes a WebSocket over HTTP/2, and judges it by its path', async () => {
    const talker = await H2Server.start((stream) => {
      stream.respond({ ':status': 200 });
      stream.on('data', (bytes: Buffer) => stream.write(bytes));
    }, { enableConnectProtocol: true });
    await using _ = talker;
    const { wire, address } = await wireTo(talker.address);
    await using _wire = wire;
    await wire.add(policy({ target: '/refused', errorChance: 1, errorCode: 503 }));
    await using client = await H2Client.to(address);
    if (!client.session.remoteSettings.enableConnectProtocol) await new Promise<void>((resolve) => client.session.once('remoteSettings', () => resolve()));
    const open = { ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'http', ':authority': 'a' };
    const stream = client.session.request({ ...open, ':path': '/ws' });
    const heard = new Promise<string>((resolve) => stream.once('data', (bytes: Buffer) => resolve(bytes.toString())));
    stream.write('hello');
    assert.equal(await heard, 'hello');
    assert.equal((await client.ask('/refused', open)).status, 503);
    stream.close();
  });
});
