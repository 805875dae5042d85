import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { missing, startServer } from '../../../test/lab/server.ts';
import { contextOf, faultRequest } from '../../../test/support/fault-life.ts';
import { temporary } from '../../lifecycle/test-parts.ts';
import { faketimeLibrary } from '../../host/clock-facts.ts';
import { capture, markOf } from '../../host/spawn.ts';
import { realClock } from '../../kernel/clock.ts';
import { until } from '../process/test-fleet.ts';
import { timeInjector } from './injector.ts';
import { timeManifest, type TimeParams } from './manifest.ts';
import { noFaketime } from './test-clocked.ts';

const SECRET = 'of the shop';
/** A token as ngx_http_secure_link_module reads it: when it expires, in seconds, and a digest of that and a secret. */
function tokenUntil(expires: number): string {
  const digest = createHash('md5').update(`${expires}/token ${SECRET}`).digest('base64url');
  return `/token?md5=${digest}&expires=${expires}`;
}

/** Nginx forgets its environment but for what it is told to keep. */
const CLOCK = ['FAKETIME_TIMESTAMP_FILE', 'FAKETIME_NO_CACHE', 'FAKETIME_DONT_FAKE_MONOTONIC'] as const;

/** An nginx as it comes, started under libfaketime: it asks a server over TLS and verifies it, and lets in who has a token that has not expired. */
const startService = (clock: string, upstream: number, authority: string) =>
  startServer({
    title: 'nginx',
    needs: ['nginx'],
    files: ({ folder, port }) => ({
      'nginx.conf': `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log info; events {}
${CLOCK.map((name) => `env ${name};`).join(' ')}
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
  server {
    listen 127.0.0.1:${port};
    location = /payments {
      proxy_pass https://127.0.0.1:${upstream};
      proxy_ssl_verify on; proxy_ssl_name localhost; proxy_ssl_trusted_certificate ${authority}; proxy_ssl_session_reuse off;
    }
    location = /token {
      secure_link $arg_md5,$arg_expires;
      secure_link_md5 "$secure_link_expires$uri ${SECRET}";
      if ($secure_link = "") { return 403; }
      if ($secure_link = "0") { return 410; }
      return 200;
    }
  }
}
`,
    }),
    // The shell stands for whoever starts services; only what it starts reads the clock.
    command: ({ folder }) => [
      'sh', '-c', '"$@" & wait', markOf('service', '', true), 'env', `LD_PRELOAD=${faketimeLibrary() ?? ''}`, `FAKETIME_TIMESTAMP_FILE=${clock}`,
      'FAKETIME_NO_CACHE=1', 'FAKETIME_DONT_FAKE_MONOTONIC=1', 'nginx', '-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log'),
    ],
    stopSignal: 'SIGKILL',
  });

test('a certificate and a token expire for an nginx as it comes', { skip: noFaketime || missing('nginx', 'openssl'), timeout: 120_000 }, async () => {
  using folder = temporary();
  const [key, cert] = [join(folder.path, 'key.pem'), join(folder.path, 'cert.pem')];
  capture('openssl', ['req', '-x509', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1', '-keyout', key, '-out', cert]);
  const payments = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_request, response) => response.end('paid')).on('tlsClientError', () => {});
  await new Promise<void>((resolve) => payments.listen(0, '127.0.0.1', resolve));
  await using _ = { [Symbol.asyncDispose]: async () => void payments.close() };
  const clock = join(folder.path, 'clock');
  await using service = await startService(clock, (payments.address() as AddressInfo).port, cert);
  const token = tokenUntil(Math.floor(Date.now() / 1_000) + 3_600);
  const statusOf = async (path: string): Promise<number> => (await fetch(`http://${service.address}${path}`)).status;
  const sees = async (): Promise<readonly number[]> => [await statusOf('/payments'), await statusOf(token)];
  const logged = (): string => readFileSync(join(service.folder, 'error.log'), 'utf8');

  assert.deepEqual(await sees(), [200, 200]);
  assert.equal(await statusOf(token.replace('md5=', 'md5=x')), 403, 'it does look at the token');
  const injector = timeInjector({ clock: realClock });
  for (const [fields, status, reason] of [[{ offset: '48h' }, [502, 410], /certificate has expired/], [{ offset: '48h', behind: true }, [502, 200], /certificate is not yet valid/]] as const) {
    // By the port that it listens on, as one would name a service.
    const request = faultRequest<TimeParams>(timeManifest, fields, { target: `port:${service.port}` });
    const [plan] = await injector.plan(request, AbortSignal.timeout(60_000));
    assert.ok(plan);
    try {
      await injector.inject(plan.undo, contextOf(request));
      await until('it sees the other time', async () => JSON.stringify(await sees()) === JSON.stringify(status));
      assert.equal((await injector.verify(plan.undo, contextOf(request))).bitten, true);
      assert.match(logged(), reason);
    } finally {
      await injector.revert(plan.undo);
    }
    await until('it sees its own time again', async () => JSON.stringify(await sees()) === '[200,200]');
  }
});
