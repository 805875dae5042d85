import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttps, request as httpsRequest, type Server } from 'node:https';
import { createSecureServer, connect as connectHttp2 } from 'node:http2';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Route } from '../../../engine/contract/models.ts';
import { type Authority, openAuthority } from '../../../engine/host/certificates.ts';
import { realClock } from '../../../engine/kernel/clock.ts';
import { createCertificateMaker } from '../../../engine/route-tls.ts';
import { createWire } from '../../../engine/wire/create.ts';
import type { Wire } from '../../../engine/wire/wire.ts';
import { echoing, Peer, policy, type Upstream } from '../parts.ts';

interface Seen {
  readonly status: number;
  readonly body: string;
  readonly failure: string;
}

/** A strict client: it trusts nobody but this authority. */
function ask(address: string, ca: string, path = '/x', body = ''): Promise<Seen> {
  return new Promise((resolve) => {
    const failed = (error: NodeJS.ErrnoException): void => resolve({ status: 0, body: '', failure: error.code ?? error.message });
    const [host, port] = address.split(':') as [string, string];
    const request = httpsRequest({ host, port, path, ca, agent: false, servername: 'localhost', method: body === '' ? 'GET' : 'POST' }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (bytes: Buffer) => parts.push(bytes));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString(), failure: '' }));
      response.on('error', failed);
    });
    request.on('error', failed);
    request.end(body);
  });
}

describe('TLS that ends at the route', { timeout: 300_000 }, () => {
  let folder: string;
  let wire: Wire;
  let upstream: Upstream;
  let ca: string;
  const errors: Error[] = [];
  const maker = (): ReturnType<typeof createCertificateMaker> => createCertificateMaker(folder, realClock);
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'firebreak-tls-'));
    const certificates = maker();
    ca = await certificates.authority();
    wire = createWire({ tls: certificates.material, onError: (error) => errors.push(error) });
    upstream = await echoing();
  });
  after(async () => {
    await wire[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
    assert.deepEqual(errors, []);
  });
  const open = async (over: Partial<Route>): Promise<string> => {
    const name = over.name ?? `r${Math.random().toString(36).slice(2, 8)}`;
    const [route] = await wire.open([{ protocol: 'http', listen: '127.0.0.1:0', upstream: upstream.address, ...over, name }]);
    return route?.listen ?? '';
  };
  const under = async <T>(over: Parameters<typeof policy>[0], work: () => Promise<T>): Promise<T> => {
    const one = policy(over);
    await wire.add(one);
    try {
      return await work();
    } finally {
      await wire.remove(one.id);
    }
  };

  it('is trusted by a strict client, and faults look inside', async () => {
    const address = await open({ name: 'inside', terminateTls: true });
    assert.deepEqual(await ask(address, ca, '/plain'), { status: 200, body: '/plain', failure: '' });
    const seen = await under({ route: 'inside', target: '/broken', errorChance: 1, errorCode: 503, errorBody: 'no' }, () => ask(address, ca, '/broken'));
    assert.deepEqual(seen, { status: 503, body: 'no', failure: '' });
    const cut = await under({ route: 'inside', target: '/cut', dropConnection: true }, () => ask(address, ca, '/cut'));
    assert.equal(cut.failure, 'ECONNRESET');
    assert.deepEqual(await ask(address, ca, '/after'), { status: 200, body: '/after', failure: '' });
  });

  it('shows the flaw that a policy asks for to new clients, and a sound certificate when it is gone', async () => {
    const address = await open({ name: 'flawed', terminateTls: true });
    const told: Record<string, string> = {};
    for (const certificate of ['expired', 'not_yet_valid', 'wrong_name', 'unknown_issuer']) {
      const tls = { protocol: 'tcp', scope: 'tls', route: 'flawed', errorChance: 1, extra: { certificate } } as const;
      told[certificate] = (await under(tls, () => ask(address, ca))).failure;
    }
    assert.deepEqual(told, {
      expired: 'CERT_HAS_EXPIRED',
      not_yet_valid: 'CERT_NOT_YET_VALID',
      wrong_name: 'ERR_TLS_CERT_ALTNAME_INVALID',
      unknown_issuer: 'SELF_SIGNED_CERT_IN_CHAIN',
    });
    assert.equal((await ask(address, ca)).status, 200);
  });

  it('a handshake is delayed by as much as is asked, or reset, by the name that the client wants', async () => {
    const address = await open({ name: 'slow', terminateTls: true });
    const slow = policy({ protocol: 'tcp', scope: 'tls', route: 'slow', target: 'localhost', latencyChance: 1, latencyMs: 150 });
    await wire.add(slow);
    assert.equal((await ask(address, ca)).status, 200);
    const { latencies, meanDelay } = wire.counters(slow.id) ?? { latencies: 0, meanDelay: 0 };
    assert.equal(latencies, 1);
    assert.ok(meanDelay >= 150, `${meanDelay} ms`);
    await wire.remove(slow.id);
    const reset = { protocol: 'tcp', scope: 'tls', route: 'slow', target: 'localhost', dropConnection: true } as const;
    assert.equal((await under(reset, () => ask(address, ca))).failure, 'ECONNRESET');
    const other = { ...reset, target: 'other.example' };
    assert.equal((await under(other, () => ask(address, ca))).status, 200);
  });

  it('carries large bodies both ways with back-pressure, and ends a client that speaks no TLS', async () => {
    const server = await secure();
    const address = await open({ terminateTls: true, upstreamTls: true, upstreamCa: server.ca, upstream: server.address });
    const body = 'x'.repeat(20_000_000);
    const seen = await ask(address, ca, '/echo', body);
    assert.equal(seen.status, 200);
    assert.ok(seen.body === body, `${seen.body.length} bytes came back`);
    using plain = await Peer.to(address);
    plain.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await plain.over();
    await server.close();
  });

  it('an upstream is verified: one that cannot be trusted is a bad gateway, with the cause', async () => {
    const server = await secure();
    const address = await open({ upstreamTls: true, upstream: server.address });
    using client = await Peer.to(address);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.says('502');
    await client.over();
    assert.match(client.received.toString(), /certificate/);
    const named = await open({ upstreamTls: true, upstream: server.address, upstreamCa: server.ca, upstreamName: 'other.example' });
    using second = await Peer.to(named);
    second.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await second.says('502');
    await server.close();
  });

  it('a client certificate is shown to the upstream that asks for one', async () => {
    const server = await secure(true);
    const address = await open({ upstreamTls: true, upstream: server.address, upstreamCa: server.ca, upstreamCertificate: server.clientCert, upstreamKey: server.clientKey });
    using client = await Peer.to(address);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.says('HTTP/1.1 200');
    await server.close();
  });

  it('HTTP/2 is offered when the upstream speaks it', async () => {
    const own = await authorityFor(join(folder, 'h2'));
    const server = createSecureServer({ ...(await own.certify(['127.0.0.1'])), allowHTTP1: true });
    server.on('request', (request, response) => void response.end(request.httpVersion));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const caFile = join(folder, 'h2-ca.pem');
    writeFileSync(caFile, own.cert);
    const address = await open({ terminateTls: true, upstreamTls: true, upstreamCa: caFile, upstream: `127.0.0.1:${(server.address() as AddressInfo).port}` });
    const session = connectHttp2(`https://localhost:${address.split(':')[1]}`, { ca });
    const stream = session.request({ ':path': '/' });
    let body = '';
    stream.on('data', (bytes: Buffer) => (body += bytes.toString()));
    await once(stream, 'end');
    session.destroy();
    assert.equal(body, '2.0');
    assert.equal((await ask(address, ca)).body, '1.1');
    server.close();
  });

  const authorityFor = (path: string): Promise<Authority> => openAuthority(path, Date.now);
  /** An HTTPS server with an authority of its own, that answers with the body it got. */
  const secure = async (clientCertificate = false): Promise<{ address: string; ca: string; clientCert: string; clientKey: string; close(): Promise<void> }> => {
    const path = mkdtempSync(join(folder, 'server-'));
    const own = await authorityFor(path);
    const pair = await own.certify(['127.0.0.1']);
    const files = { ca: join(path, 'ca.pem'), clientCert: join(path, 'client.pem'), clientKey: join(path, 'client.key') };
    writeFileSync(files.ca, own.cert);
    writeFileSync(files.clientCert, pair.cert);
    writeFileSync(files.clientKey, pair.key);
    const server: Server = createHttps({ ...pair, ca: own.cert, requestCert: clientCertificate, rejectUnauthorized: false }, (request, response) => {
      const peer = (request.socket as unknown as { getPeerCertificate(): object }).getPeerCertificate();
      if (clientCertificate && Object.keys(peer).length === 0) response.statusCode = 401;
      request.pipe(response);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const close = (): Promise<void> => new Promise((resolve) => (server.closeAllConnections(), server.close(() => resolve())));
    return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, ...files, close };
  };
});
