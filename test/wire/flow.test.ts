import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { get, head, ok } from './corpus.ts';
import { Peer, policy, Upstream, wireTo } from './parts.ts';

const LIMIT = { timeout: 300_000 };
const MB = 1_048_576;
const SIZE = 64 * MB;
/** What may lie between a writer and a reader that stands still: socket buffers of two connections (tcp_wmem and tcp_rmem, at most 4 and 6 MB each), and the wire's own. */
const IN_FLIGHT = 24 * MB;

/** Writes `total` bytes as fast as the other side takes them, and says how many have left this process. */
function pour(peer: Peer, total: number): { readonly sent: () => number } {
  const block = Buffer.alloc(MB, 'abcdefgh');
  let written = 0;
  const more = (): void => {
    while (written < total) {
      written += block.length;
      if (!peer.socket.write(block)) {
        peer.socket.once('drain', more);
        return;
      }
    }
  };
  more();
  return { sent: () => written - peer.socket.writableLength };
}
/** Resolves once `value` has stopped changing. */
async function settled(value: () => number): Promise<number> {
  let [last, same] = [-1, 0];
  while (same < 15) {
    const now = value();
    same = now === last ? same + 1 : 0;
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return last;
}
const digest = (peer: Peer, from: number): string => createHash('sha256').update(peer.received.subarray(from)).digest('hex');
const WANTED = createHash('sha256').update(Buffer.alloc(SIZE, 'abcdefgh')).digest('hex');

describe('flow', LIMIT, () => {
  it('a client that does not read stops the upstream; then it gets everything', async () => {
    await using upstream = await Upstream.start();
    const { wire, address } = await wireTo(upstream.address);
    await using _ = wire;
    using client = await Peer.to(address, false);
    client.write(get());
    const server = await upstream.next();
    await server.says('\r\n\r\n');
    const answer = head('HTTP/1.1 200 OK', `Content-Length: ${SIZE}`);
    server.write(answer);
    const before = process.memoryUsage().rss;
    const source = pour(server, SIZE);
    const stuck = await settled(source.sent);
    assert.ok(stuck < IN_FLIGHT, `${stuck} bytes were taken from the upstream while the client read nothing`);
    assert.ok(process.memoryUsage().rss - before < SIZE, 'nothing piles up in memory');
    client.read();
    await client.has(answer.length + SIZE);
    assert.equal(digest(client, answer.length), WANTED);
    client.write(get('/after'));
    await server.says('/after');
    server.write(ok('after'));
    await client.has(answer.length + SIZE + ok('after').length);
  });

  it('an upstream that does not read stops the client; then it gets everything', async () => {
    await using upstream = await Upstream.start();
    const { wire, address } = await wireTo(upstream.address);
    await using _ = wire;
    using client = await Peer.to(address);
    const request = head('POST / HTTP/1.1', `Content-Length: ${SIZE}`);
    client.write(request);
    const server = await upstream.next();
    await server.says('\r\n\r\n');
    server.socket.pause();
    const source = pour(client, SIZE);
    const stuck = await settled(source.sent);
    assert.ok(stuck < IN_FLIGHT, `${stuck} bytes were taken from the client while the upstream read nothing`);
    server.socket.resume();
    await server.has(request.length + SIZE);
    assert.equal(digest(server, request.length), WANTED);
  });

  it('a client that pipelines without end and reads no refusal is stopped', async () => {
    await using upstream = await Upstream.start();
    const { wire, address } = await wireTo(upstream.address);
    await using _ = wire;
    await wire.add(policy({ errorChance: 1, errorCode: 500, errorBody: 'x'.repeat(10_000) }));
    using client = await Peer.to(address, false);
    const block = Buffer.from(get().repeat(2_000), 'latin1');
    for (let i = 0; i < 2_000; i++) client.socket.write(block);
    const sent = await settled(() => 2_000 * block.length - client.socket.writableLength);
    assert.ok(sent < IN_FLIGHT, `${sent} bytes of requests were taken`);
  });

  it('an upstream that refuses gives 502 and a close, also to HEAD and with a body under way', async () => {
    const gone = await Upstream.start();
    const refused = gone.address;
    await gone[Symbol.asyncDispose]();
    const { wire, address } = await wireTo(refused);
    await using _ = wire;
    for (const request of [get(), head('HEAD / HTTP/1.1'), `${head('POST / HTTP/1.1', 'Content-Length: 9000000')}${'x'.repeat(300_000)}`]) {
      using client = await Peer.to(address);
      client.write(request);
      await client.over();
      assert.match(client.received.toString(), /^HTTP\/1.1 502 Bad Gateway\r\n.*Connection: close\r\n/s);
      assert.equal(client.received.toString().includes('ECONNREFUSED'), !request.startsWith('HEAD'));
    }
    using client = await Peer.to(address);
    client.write('\x16\x03\x01 not http\r\n\r\n');
    await client.over();
    assert.equal(client.length, 0);
  });

  it('resets are passed on in both directions', async () => {
    await using upstream = await Upstream.start();
    const { wire, address } = await wireTo(upstream.address);
    await using _ = wire;
    using first = await Peer.to(address);
    first.write(get());
    const server = await upstream.next();
    await server.says('\r\n\r\n');
    server.socket.resetAndDestroy();
    await first.until(() => first.error !== undefined, 'a reset');
    assert.equal(first.error?.code, 'ECONNRESET');

    const second = await Peer.to(address);
    second.write(head('POST / HTTP/1.1', 'Content-Length: 100') + 'part');
    const other = await upstream.next();
    await other.says('part');
    second.socket.resetAndDestroy();
    await other.until(() => other.error !== undefined, 'a reset');
    assert.equal(other.error?.code, 'ECONNRESET');
  });

  it('closing a route ends its listener and its connections', async () => {
    await using upstream = await Upstream.start();
    const { wire, address } = await wireTo(upstream.address);
    await using _ = wire;
    using client = await Peer.to(address);
    client.write(get());
    const server = await upstream.next();
    await server.says('\r\n\r\n');
    await wire.close(['r', 'unknown']);
    await Promise.all([client.over(), server.over()]);
    assert.deepEqual(wire.routes(), []);
    await assert.rejects(Peer.to(address), { code: 'ECONNREFUSED' });
  });
});
