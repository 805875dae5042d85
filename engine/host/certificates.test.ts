import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { FLAWS, type KeyPair, openAuthority } from './certificates.ts';

/** What a strict client says to a server with this certificate: '' when it trusts it. */
function verdictOf(pair: KeyPair, ca: string, servername: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const server = createServer(pair, (socket) => socket.end());
    server.on('tlsClientError', () => {});
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      const client: TLSSocket = connect({ host: '127.0.0.1', port, ca, servername });
      const done = (code: string): void => {
        client.destroy();
        server.close(() => resolve(code));
      };
      client.once('secureConnect', () => done(''));
      client.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    });
    server.once('error', reject);
  });
}

describe('the authority of this machine', { timeout: 300_000 }, () => {
  it('is made once, kept with its key for its owner alone, and trusted by a strict client for the names it certified', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'firebreak-ca-'));
    try {
      const first = await openAuthority(join(folder, 'ca'), Date.now);
      const again = await openAuthority(join(folder, 'ca'), Date.now);
      assert.equal(again.cert, first.cert);
      assert.ok(new X509Certificate(first.cert).ca);
      for (const name of readdirSync(join(folder, 'ca'))) assert.equal(statSync(join(folder, 'ca', name)).mode & 0o077, 0, name);
      const pair = await again.certify(['api.test', 'localhost', '127.0.0.1']);
      assert.equal(await verdictOf(pair, first.cert, 'api.test'), '');
      assert.equal(await verdictOf(pair, first.cert, 'other.test'), 'ERR_TLS_CERT_ALTNAME_INVALID');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('makes each flaw such that a strict client names it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'firebreak-ca-'));
    try {
      const authority = await openAuthority(folder, Date.now);
      const told: Record<string, string> = {};
      for (const flaw of FLAWS) told[flaw] = await verdictOf(await authority.certify(['api.test'], flaw), authority.cert, 'api.test');
      assert.deepEqual(told, {
        expired: 'CERT_HAS_EXPIRED',
        not_yet_valid: 'CERT_NOT_YET_VALID',
        wrong_name: 'ERR_TLS_CERT_ALTNAME_INVALID',
        unknown_issuer: 'SELF_SIGNED_CERT_IN_CHAIN',
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
