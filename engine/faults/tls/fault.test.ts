import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { connect } from 'node:tls';
import { faultLife, faultRequest, onWire } from '../../../test/support/fault-life.ts';
import { openAuthority } from '../../host/certificates.ts';
import { type FaultRequest } from '../../kernel/fault.ts';
import { createWire } from '../../wire/create.ts';
import { tlsInjector } from './injector.ts';
import { tlsManifest, type TlsParams } from './manifest.ts';

const requestOf = (fields: Record<string, unknown>, terminateTls: boolean): FaultRequest<TlsParams> =>
  faultRequest(tlsManifest, fields, { routes: [{ name: 'api', protocol: 'http', listen: '127.0.0.1:0', upstream: '127.0.0.1:1', terminateTls }] });

/** '' when the client trusts what it is shown. */
const trust = (address: string, ca: string): Promise<string> =>
  new Promise((resolve) => {
    const [host, port] = address.split(':') as [string, string];
    const client = connect({ host, port: Number(port), ca, servername: 'localhost' });
    const done = (code: string): void => (client.destroy(), resolve(code));
    client.once('secureConnect', () => done(''));
    client.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
  });

describe('the tls fault', { timeout: 300_000 }, () => {
  it('is planned only where TLS ends at a route, bites new clients, is proven, and is gone when reverted', async () => {
    await using stack = new AsyncDisposableStack();
    const folder = mkdtempSync(join(tmpdir(), 'firebreak-tls-fault-'));
    stack.defer(() => rmSync(folder, { recursive: true }));
    const authority = await openAuthority(folder, Date.now);
    const sound = await authority.certify(['localhost']);
    const expired = await authority.certify(['localhost'], 'expired');
    const flawed = { expired, not_yet_valid: sound, wrong_name: sound, unknown_issuer: sound };
    const wire = stack.use(createWire({ tls: async () => ({ shown: { sound, flawed } }) }));
    const upstream = createServer((socket) => socket.on('error', () => {}));
    await once(upstream.listen(0, '127.0.0.1'), 'listening');
    stack.defer(() => void upstream.close());
    const { port } = upstream.address() as AddressInfo;
    const [route] = await wire.open([{ name: 'api', protocol: 'http', listen: '127.0.0.1:0', upstream: `127.0.0.1:${port}`, terminateTls: true }]);
    const address = route?.listen ?? '';
    const injector = tlsInjector(onWire(wire));
    const fields = { errorChance: 1, certificate: 'expired', when: "tls.server_name == 'localhost'" };
    await assert.rejects(injector.plan(requestOf(fields, false), new AbortController().signal), /no TLS-terminating route/);
    const effect = await faultLife(injector, requestOf(fields, true), async () => {
      assert.equal(await trust(address, authority.cert), 'CERT_HAS_EXPIRED');
    });
    assert.equal(effect.bitten, true, effect.detail);
    assert.match(effect.detail, /1 handshake reached .*1 shown the wrong certificate/);
    assert.equal(await trust(address, authority.cert), '');
  });
});
