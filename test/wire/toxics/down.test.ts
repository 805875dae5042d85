import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { describe, it } from 'node:test';
import { Peer } from '../parts.ts';
import { type Line, line, toxic } from './parts.ts';

/** What a client that calls sees: `in`, or the code of its error. */
const called = (at: Line): Promise<string> =>
  Peer.to(at.address).then(
    async (peer) => {
      await peer.until(() => peer.closed || peer.length > 0, 'an answer or the end');
      peer.socket.destroy();
      return peer.error?.code ?? 'in';
    },
    (error: unknown) => (error as NodeJS.ErrnoException).code ?? String(error),
  );
/** A route whose upstream greets whoever comes. */
async function greeting(workers = 1): Promise<Line> {
  const at = await line('tcp', workers);
  void (async () => {
    for (;;) (await at.upstream.next()).write('hello');
  })();
  return at;
}
/** HALT and a port that comes free are noticed by a look now and then: called again until it is so. */
async function calledUntil(at: Line, wanted: string): Promise<void> {
  const deadline = performance.now() + 60_000;
  for (let saw = ''; (saw = await called(at)) !== wanted;) if (performance.now() > deadline) throw new Error(`saw ${saw}, never ${wanted}`);
}
async function taking(address: string): Promise<Server> {
  const server = createServer((socket) => socket.end('somebody else'));
  server.listen({ host: '127.0.0.1', port: Number(address.split(':')[1]) });
  await once(server, 'listening');
  return server;
}

describe('a route that is down', { timeout: 300_000, concurrency: 1 }, () => {
  it('refuses connections as a stopped server does, and resets those that are open; removed, everybody gets in again', async () => {
    await using at = await line();
    const { client, server } = await at.join();
    client.write('x');
    await server.has(1);
    const down = toxic({ kind: 'down' });
    await at.wire.add(down);
    await client.until(() => client.closed, 'the reset');
    assert.equal(client.error?.code, 'ECONNRESET');
    await server.until(() => server.closed, 'the end at the upstream');
    const { count } = at.upstream;
    for (let i = 0; i < 3; i++) assert.equal(await called(at), 'ECONNREFUSED');
    assert.equal(at.upstream.count, count);
    const { drops, struck, hits } = at.wire.counters(down.id) ?? {};
    assert.deepEqual({ drops, struck, hits }, { drops: 1, struck: 1, hits: 1 });
    await at.wire.remove(down.id);
    const again = await at.join();
    again.client.write('back');
    await again.server.has(4);
    assert.deepEqual(at.errors, []);
  });

  it('comes and goes again and again, by two policies at once too', async () => {
    await using at = await greeting();
    for (let i = 0; i < 20; i++) {
      const [one, two] = [toxic({ kind: 'down' }), toxic({ kind: 'down', stream: 'upstream' })];
      await Promise.all([at.wire.add(one), at.wire.add(two)]);
      assert.equal(await called(at), 'ECONNREFUSED');
      await at.wire.remove(one.id);
      assert.equal(await called(at), 'ECONNREFUSED');
      await at.wire.remove(two.id);
      assert.equal(await called(at), 'in');
      // Nobody waits for the first before the second.
      const quick = toxic({ kind: 'down' });
      await Promise.all([at.wire.add(quick), at.wire.remove(quick.id)]);
      assert.equal(await called(at), 'in');
    }
    assert.deepEqual(at.errors, []);
  });

  it('HALT opens it without a message', async () => {
    await using at = await greeting();
    await at.wire.add(toxic({ kind: 'down' }));
    assert.equal(await called(at), 'ECONNREFUSED');
    at.wire.halt();
    await calledUntil(at, 'in');
    at.wire.resume();
    await calledUntil(at, 'ECONNREFUSED');
  });

  it('a route that is opened while it is down is down, and can be closed and opened elsewhere', async () => {
    await using at = await greeting();
    await at.wire.add(toxic({ kind: 'down' }));
    const [late] = await at.wire.open([{ name: 'late', protocol: 'tcp', listen: '127.0.0.1:0', upstream: at.upstream.address }]);
    assert.match(late?.listen ?? '', /:[1-9]\d*$/);
    await assert.rejects(Peer.to(late?.listen ?? ''), /ECONNREFUSED/);
    await at.wire.close(['r', 'late']);
    await using other = await taking(at.address);
    assert.ok(other.listening);
  });

  it('a share of the connections, or several workers on one port: those that are hit are accepted and reset', async () => {
    for (const [workers, toxicity] of [[1, 0.5], [2, 1]] as const) {
      await using at = await greeting(workers);
      const down = toxic({ kind: 'down', toxicity });
      await at.wire.add(down);
      const seen: string[] = [];
      for (let i = 0; i < 30; i++) seen.push(await called(at));
      const hit = seen.filter((one) => one !== 'in');
      assert.ok(hit.every((one) => one === 'ECONNRESET'), seen.join());
      assert.equal(at.wire.counters(down.id)?.drops, hit.length);
      assert.ok(toxicity === 1 ? hit.length === 30 : hit.length > 3 && hit.length < 27, seen.join());
    }
  });

  it('a port that somebody else took meanwhile is an error, never silence, and is taken back once it is free', async () => {
    await using at = await greeting();
    const down = toxic({ kind: 'down' });
    await at.wire.add(down);
    {
      await using other = await taking(at.address);
      assert.ok(other.listening);
      await assert.rejects(at.wire.remove(down.id), /the route r cannot listen on 127\.0\.0\.1:\d+ again.*EADDRINUSE/);
      assert.ok(at.wire.has(down.id), 'the policy is not gone as long as what it did is not undone');
    }
    await at.wire.remove(down.id);
    assert.equal(at.wire.has(down.id), false);
    assert.equal(await called(at), 'in');
  });

  it('HALT tells of a port that somebody else took, and takes it back once it is free', async () => {
    await using at = await greeting();
    await at.wire.add(toxic({ kind: 'down' }));
    const told = (): number => at.errors.filter(({ message }) => /the route r cannot listen .* again/.test(message)).length;
    {
      await using other = await taking(at.address);
      at.wire.halt();
      const deadline = performance.now() + 60_000;
      while (told() === 0 && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
      assert.ok(other.listening);
    }
    assert.ok(told() > 0);
    await calledUntil(at, 'in');
  });
});
