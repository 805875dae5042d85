import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { connect } from 'node:tls';
import { openAuthority } from '../../host/certificates.ts';
import { selfIdentity, stateOf } from '../../host/identity.ts';
import { millis } from '../../kernel/brands.ts';
import { type FaultRequest, type InjectContext } from '../../kernel/fault.ts';
import { newFaultId, newRunId } from '../../kernel/random.ts';
import { createWire } from '../../wire/create.ts';
import { type WireUndo } from '../../wire/injector.ts';
import { tlsInjector } from './injector.ts';
import { tlsManifest, type TlsParams } from './manifest.ts';

const requestOf = (params: TlsParams, terminateTls: boolean): FaultRequest<TlsParams> => ({
  run: newRunId(),
  policy: 'expired',
  type: 'tls',
  target: 'all',
  route: '',
  routes: [{ name: 'api', protocol: 'http', listen: '127.0.0.1:0', upstream: '127.0.0.1:1', terminateTls }],
  ignored: [],
  params,
  seed: 42,
  hold: millis(1_000),
});

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
    const injector = tlsInjector({ wire, owner: selfIdentity(), ownerState: stateOf });
    const params = tlsManifest.params.parse({ errorChance: 1, certificate: 'expired', when: "tls.server_name == 'localhost'" });
    const signal = new AbortController().signal;
    await assert.rejects(injector.plan(requestOf(params, false), signal), /no TLS-terminating route/);
    const request = requestOf(params, true);
    const [plan] = await injector.plan(request, signal);
    const undo = plan?.undo as WireUndo;
    const context: InjectContext<TlsParams, WireUndo> = { fault: newFaultId(), request, signal, amend: () => {}, injected: () => {} };
    const before = await injector.fingerprint(undo);
    await injector.inject(undo, context);
    assert.equal((await injector.verify(undo, context)).bitten, false);
    assert.equal(await trust(address, authority.cert), 'CERT_HAS_EXPIRED');
    const effect = await injector.verify(undo, context);
    assert.equal(effect.bitten, true, effect.detail);
    assert.match(effect.detail, /1 handshake reached .*1 shown the wrong certificate/);
    await injector.revert(undo);
    assert.equal(await injector.fingerprint(undo), before);
    assert.equal(await trust(address, authority.cert), '');
  });
});
