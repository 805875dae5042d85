import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import { connect, createSecureServer, type Http2SecureServer } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { credentials, ServerCredentials } from '@grpc/grpc-js';
import { missing } from '../../lab/server.ts';
import { Buyer, SERVICE, Shop } from '../grpc/parts.ts';
import { H2Client } from '../http2/parts.ts';
import { Peer, Upstream } from '../parts.ts';
import { type Ran, run } from '../stage.ts';
import { ServerAuthority, TlsRoutes } from './parts.ts';

describe('HTTP/2 and gRPC in TLS', { timeout: 300_000 }, () => {
  let authority: ServerAuthority;
  let routes: TlsRoutes;
  let server: Http2SecureServer;
  let upstream: { readonly upstreamTls: true; readonly upstreamCa: string; readonly upstreamName: string };
  const sockets = new Set<Socket>();
  before(async () => {
    authority = await ServerAuthority.make();
    routes = await TlsRoutes.make();
    upstream = { upstreamTls: true, upstreamCa: authority.file, upstreamName: 'api.example' };
    server = createSecureServer({ ...(await authority.certify('api.example')), allowHTTP1: true });
    server.on('request', (request, response) => void response.end(`${request.httpVersion} ${request.url}`));
    server.on('secureConnection', (socket: Socket) => sockets.add(socket.on('error', () => {})));
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  after(async () => {
    await routes[Symbol.asyncDispose]();
    for (const socket of sockets) socket.destroy();
    server.close();
    authority[Symbol.dispose]();
  });
  const address = (): string => `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const agreed = (at: string, ALPNProtocols: string[]): Promise<string> =>
    new Promise((resolve) => {
      const [host, port] = at.split(':') as [string, string];
      const client = connectTls({ host, port: Number(port), ca: routes.ca, servername: 'localhost', ALPNProtocols });
      const done = (text: string): void => (client.destroy(), resolve(text));
      client.once('secureConnect', () => done(String(client.alpnProtocol)));
      client.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    });
  const curl = (at: string, path: string, ...args: readonly string[]): Promise<Ran> =>
    run('curl', ['-sS', '--cacert', routes.caFile, '--max-time', '60', '-w', ' %{http_version} %{http_code}', ...args, `https://localhost:${at.split(':')[1]}${path}`]);

  it('the choice by ALPN is that of the upstream: HTTP/2 where it speaks it, and never to one in the clear', async () => {
    const both = await routes.open({ protocol: 'http', terminateTls: true, ...upstream, upstream: address() });
    assert.equal(await agreed(both.address, ['h2', 'http/1.1']), 'h2');
    assert.equal(await agreed(both.address, ['http/1.1']), 'http/1.1');
    await using clear = await Upstream.start();
    const old = await routes.open({ protocol: 'http', terminateTls: true, upstream: clear.address });
    assert.equal(await agreed(old.address, ['h2', 'http/1.1']), 'http/1.1');
    assert.match(await agreed(old.address, ['h2']), /NO_APPLICATION_PROTOCOL/);
    const calls = await routes.open({ protocol: 'grpc', terminateTls: true, upstream: clear.address });
    assert.equal(await agreed(calls.address, ['h2']), 'h2');
  });

  it('node:http2: a fault strikes one request of a connection, and the others go on', async () => {
    const { name, address: at } = await routes.open({ protocol: 'http', terminateTls: true, ...upstream, upstream: address() });
    const failing = { route: name, target: '/broken', errorChance: 1, errorCode: 503 } as const;
    await routes.under(failing, async () => {
      await using client = await H2Client.by(connect(`https://localhost:${at.split(':')[1]}`, { ca: routes.ca }));
      const seen = await Promise.all(['/a', '/broken', '/b'].map((path) => client.ask(path)));
      assert.deepEqual(seen.map(({ status, body }) => `${status} ${status === 200 ? body : ''}`), ['200 2.0 /a', '503 ', '200 2.0 /b']);
    });
    assert.equal(routes.counters(name).notUnderstood, 0);
  });

  it('curl speaks HTTP/2 or HTTP/1.1 as it likes, and meets the fault either way', { skip: missing('curl') }, async () => {
    const { name, address: at } = await routes.open({ protocol: 'http', terminateTls: true, ...upstream, upstream: address() });
    assert.deepEqual(await curl(at, '/x', '--http2'), { code: 0, stdout: '2.0 /x 2 200', stderr: '' });
    assert.deepEqual(await curl(at, '/x', '--http1.1'), { code: 0, stdout: '1.1 /x 1.1 200', stderr: '' });
    await routes.under({ route: name, target: '/x', errorChance: 1, errorCode: 418 }, async () => {
      for (const version of ['--http2', '--http1.1']) assert.match((await curl(at, '/x', version)).stdout, / 418$/);
    });
    const { code, stderr } = await run('curl', ['-sS', `https://localhost:${at.split(':')[1]}/`]);
    assert.equal(code, 60, stderr);
  });

  it('gRPC with the credentials of both authorities: single calls and messages are struck, the others arrive', async () => {
    const { cert, key } = await authority.certify('shop.example');
    const pair = { cert_chain: Buffer.from(cert), private_key: Buffer.from(key) };
    await using shop = await Shop.start({}, ServerCredentials.createSsl(null, [pair], false));
    const { name, address: at } = await routes.open({ protocol: 'grpc', terminateTls: true, ...upstream, upstreamName: 'shop.example', upstream: shop.address });
    using buyer = new Buyer(`localhost:${at.split(':')[1]}`, SERVICE, credentials.createSsl(Buffer.from(routes.ca)));
    assert.equal((await buyer.call('Place')).code, 0);
    const failing = { protocol: 'grpc', route: name, target: '/shop.Orders/Place', errorChance: 1, errorCode: 8, errorBody: 'out of stock' } as const;
    await routes.under(failing, async () => {
      const [placed, talked] = await Promise.all([buyer.call('Place'), buyer.call('Talk', 20)]);
      assert.deepEqual([placed.code, placed.details], [8, 'out of stock']);
      assert.deepEqual([talked.code, talked.numbers.length], [0, 20]);
    });
    assert.deepEqual((await buyer.call('List', 3, 100_000)).numbers, [1, 2, 3]);
    assert.equal(routes.counters(name).notUnderstood, 0);
    const tls = { protocol: 'tcp', scope: 'tls', route: name, errorChance: 1, extra: { certificate: 'expired' } } as const;
    using later = new Buyer(`localhost:${at.split(':')[1]}`, SERVICE, credentials.createSsl(Buffer.from(routes.ca)));
    assert.match((await routes.under(tls, () => later.call('Place'))).details, /expired/);
  });
});

describe('an upgrade from HTTP/1.1 to HTTP/2', { timeout: 300_000 }, () => {
  const ASK = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n';

  it('is told as not understood where the server takes it, and its bytes pass', async () => {
    await using routes = await TlsRoutes.make();
    await using upstream = await Upstream.start();
    const { name, address } = await routes.open({ protocol: 'http', upstream: upstream.address });
    using client = await Peer.to(address);
    client.write(ASK);
    const server = await upstream.next();
    await server.says('HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n');
    server.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00');
    await client.says('\x00\x00\x00\x04\x00\x00\x00\x00\x00');
    client.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00');
    await server.says('SM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00');
    assert.equal(routes.counters(name).notUnderstood, 1);
  });

  it('is HTTP/1.1 as before where the server does not: curl asks for it, and faults go on', { skip: missing('curl') }, async () => {
    await using routes = await TlsRoutes.make();
    const server = createHttp((request, response) => response.end(`plain ${request.httpVersion}`));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    try {
      const { name, address } = await routes.open({ protocol: 'http', upstream: `127.0.0.1:${(server.address() as AddressInfo).port}` });
      const ask = (): Promise<Ran> => run('curl', ['-sS', '--http2', '--max-time', '60', '-w', ' %{http_code}', `http://${address}/x`]);
      assert.equal((await ask()).stdout, 'plain 1.1 200');
      assert.match((await routes.under({ route: name, target: '/x', errorChance: 1, errorCode: 418 }, ask)).stdout, / 418$/);
      assert.equal(routes.counters(name).notUnderstood, 0);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it('an answer that is none is told as well, and passes', async () => {
    await using routes = await TlsRoutes.make();
    await using upstream = await Upstream.start();
    const { name, address } = await routes.open({ protocol: 'http', upstream: upstream.address });
    using client = await Peer.to(address);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    (await upstream.next()).write('220 mail.example ESMTP\r\n');
    await client.says('220 mail.example ESMTP\r\n');
    // It is counted behind the write that the client has seen already.
    while (routes.counters(name).notUnderstood === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(routes.counters(name).notUnderstood, 1);
  });
});
