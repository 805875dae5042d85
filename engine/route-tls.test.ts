import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Route } from './contract/models.ts';
import { openAuthority } from './host/certificates.ts';
import { realClock } from './kernel/clock.ts';
import { temporary } from './lifecycle/test-parts.ts';
import { createCertificateMaker } from './route-tls.ts';

const FIELDS = { upstreamCa: 'upstream_ca', upstreamCertificate: 'upstream_certificate', upstreamKey: 'upstream_key' } as const;

test('a file of a route that is not there, holds no PEM or does not fit is named before the route opens', { timeout: 60_000 }, async () => {
  using dir = temporary();
  const authority = await openAuthority(join(dir.path, 'ca'), () => realClock.wall());
  const [own, other] = [await authority.certify(['one']), await authority.certify(['other'])];
  const file = (name: string, text: string): string => {
    writeFileSync(join(dir.path, name), text);
    return join(dir.path, name);
  };
  const good = { upstreamCa: file('ca.pem', authority.cert), upstreamCertificate: file('own.pem', own.cert), upstreamKey: file('own.key', own.key) };
  const { material } = createCertificateMaker(dir.path, realClock);
  const of = (over: Partial<Route>) => material({ name: 'api', protocol: 'http', listen: '127.0.0.1:0', upstream: '127.0.0.1:1', upstreamTls: true, ...good, ...over });
  assert.deepEqual((await of({}))?.upstream, { ca: authority.cert, cert: own.cert, key: own.key });
  const nonsense = file('nonsense', 'my notes, private');
  for (const [field, word] of Object.entries(FIELDS)) {
    await assert.rejects(of({ [field]: join(dir.path, 'none') }), { code: 'tls-file', message: new RegExp(`^the route api: ${word} cannot be read: .*ENOENT`) });
    await assert.rejects(of({ [field]: nonsense }), ({ code, message }: Error & { code?: string }) => {
      assert.deepEqual([code, message.includes('private')], ['tls-file', false]);
      assert.match(message, new RegExp(`^the route api: ${word} cannot be used: `));
      return true;
    });
  }
  await assert.rejects(of({ upstreamKey: file('other.key', other.key) }), { code: 'tls-file', message: /upstream_key cannot be used: .*mismatch/ });
});
