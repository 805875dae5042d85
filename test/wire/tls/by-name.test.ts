import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import type { Route } from '../../../engine/contract/models.ts';
import type { TrafficLine } from '../../../engine/contract/room.ts';
import { createWire } from '../../../engine/wire/create.ts';
import type { Wire } from '../../../engine/wire/wire.ts';
import { Peer, Upstream } from '../parts.ts';
import { PIECES } from '../replay.ts';
import { toxic } from '../toxics/parts.ts';
import { heard, helloOf, inRecords, secureEcho, ServerAuthority } from './parts.ts';

describe('TLS that passes to several upstreams by its server name', { timeout: 300_000 }, () => {
  let authority: ServerAuthority;
  let wire: Wire;
  let servers: { readonly [name in 'api' | 'shop' | 'rest']: { readonly address: string } & Disposable };
  const errors: Error[] = [];
  before(async () => {
    authority = await ServerAuthority.make();
    wire = createWire({ onError: (error) => errors.push(error) });
    servers = {
      api: await secureEcho(authority, ['api.example'], 'this is api'),
      shop: await secureEcho(authority, ['*.shop.example'], 'this is shop'),
      rest: await secureEcho(authority, ['other.example', 'shop.example'], 'this is the rest'),
    };
  });
  after(async () => {
    await wire[Symbol.asyncDispose]();
    for (const server of Object.values(servers)) server[Symbol.dispose]();
    authority[Symbol.dispose]();
    assert.deepEqual(errors, []);
  });
  let routes = 0;
  const open = async (over: Partial<Route> = {}): Promise<{ name: string; address: string }> => {
    const upstreamsByName = { 'API.example': servers.api.address, '*.shop.example': servers.shop.address };
    const name = `r${++routes}`;
    const [route] = await wire.open([{ name, protocol: 'tcp', listen: '127.0.0.1:0', upstream: servers.rest.address, upstreamsByName, ...over }]);
    return { name, address: route?.listen ?? '' };
  };
  const notUnderstood = (name: string): number => wire.routeCounters().find((one) => one.name === name)?.notUnderstood ?? -1;

  for (const protocol of ['tcp', 'http', 'redis'] as const) {
    it(`each strict client of a ${protocol} route meets its own server, and the others the upstream of the route`, async () => {
      const { address } = await open({ protocol });
      assert.equal(await heard(address, authority.pem, 'api.example'), 'this is api');
      assert.equal(await heard(address, authority.pem, 'eu.shop.example'), 'this is shop');
      assert.equal(await heard(address, authority.pem, 'shop.example'), 'this is the rest');
      assert.equal(await heard(address, authority.pem, 'other.example'), 'this is the rest');
      assert.equal(await heard(address, authority.pem, ''), 'this is the rest');
    });
  }

  it('a name that nobody has is refused with the alert for it, where the route says so', async () => {
    const { name, address } = await open({ refuseOtherNames: true });
    assert.equal(await heard(address, authority.pem, 'api.example'), 'this is api');
    assert.equal(notUnderstood(name), 0);
    const told = linesOf(name);
    assert.equal(await heard(address, authority.pem, 'other.example'), 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME');
    assert.equal(await heard(address, authority.pem, ''), 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME');
    assert.match((await told(({ action }) => action === 'not-understood')).head, /server name other.example, which upstreams_by_name does not have: refused/);
  });

  for (const piece of PIECES) {
    it(`in pieces of ${piece} bytes, over several records, it arrives as it was sent`, async () => {
      await using upstream = await Upstream.start();
      const { address } = await open({ upstreamsByName: { 'api.example': upstream.address } });
      const hello = await helloOf({ servername: 'api.example' });
      const sent = Buffer.concat([inRecords(hello, 50), Buffer.from(Array.from({ length: 3_000 }, (_, at) => at & 0xff))]);
      using client = await Peer.to(address);
      const writing = client.writePieces(sent, piece);
      const server = await upstream.next();
      await writing;
      await server.has(sent.length);
      assert.ok(server.received.equals(sent));
      server.write(sent);
      await client.has(sent.length);
      assert.ok(client.received.equals(sent));
    });
  }

  it('what is no TLS goes to the upstream of the route and is told, and so does a client that waits for its server', async () => {
    await using upstream = await Upstream.start((peer) => peer.write('220 welcome\r\n'));
    const { name, address } = await open({ upstream: upstream.address, refuseOtherNames: true });
    const told = linesOf(name);
    using client = await Peer.to(address);
    client.write('HELO me\r\n');
    const server = await upstream.next();
    await server.says('HELO me');
    await client.says('220 welcome');
    assert.match((await told(({ action }) => action === 'not-understood')).head, /speaks no TLS/);
    using silent = await Peer.to(address);
    await silent.says('220 welcome');
    assert.equal(notUnderstood(name), 2);
  });

  it('the name is told of each connection, and toxics act on its bytes', async () => {
    const { name, address } = await open();
    const told = linesOf(name);
    await heard(address, authority.pem, 'api.example');
    assert.equal((await told(({ action }) => action === 'pass')).target, 'api.example');
    const late = toxic({ kind: 'latency', latency: 50 }, { route: name });
    await wire.add(late);
    assert.equal(await heard(address, authority.pem, 'api.example'), 'this is api');
    assert.ok((wire.counters(late.id)?.meanDelay ?? 0) >= 50);
    await wire.remove(late.id);
    const cut = toxic({ kind: 'reset_peer' }, { route: name });
    await wire.add(cut);
    assert.equal(await heard(address, authority.pem, 'eu.shop.example'), 'ECONNRESET');
    await wire.remove(cut.id);
    assert.equal(await heard(address, authority.pem, 'eu.shop.example'), 'this is shop');
  });

  it('a client that leaves in the middle of its hello, and a route that closes then, leave nothing behind', async () => {
    const { name, address } = await open();
    const hello = await helloOf({ servername: 'api.example' });
    const client = await Peer.to(address);
    client.write(hello.subarray(0, 40));
    const active = (): number => wire.routeCounters().find((one) => one.name === name)?.active ?? -1;
    client.socket.destroy();
    using staying = await Peer.to(address);
    staying.write(hello.subarray(0, 40));
    while (active() !== 1) await new Promise((resolve) => setImmediate(resolve));
    await wire.close([name]);
    await staying.over();
  });

  /** Waits for a line of the route that fits; listens from the call on. */
  function linesOf(name: string): (fits: (line: TrafficLine) => boolean) => Promise<TrafficLine> {
    const lines: TrafficLine[] = [];
    const more = new EventTarget();
    const listening = wire.listen(true, (batch) => (lines.push(...batch.lines), more.dispatchEvent(new Event('more'))));
    return async (fits) => {
      using _ = listening;
      for (;;) {
        const line = lines.find((one) => one.route === name && fits(one));
        if (line !== undefined) return line;
        await once(more, 'more');
      }
    };
  }
});
