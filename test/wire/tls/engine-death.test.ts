import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, request } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporary } from '../../../engine/lifecycle/test-parts.ts';
import { BUSY_MACHINE, eventually, firebreak, logOf, NOTHING_LEFT, startChild } from '../../crash/harness.ts';
import { freePort } from '../../lab/server.ts';
import { heard, secureEcho, ServerAuthority } from './parts.ts';

test('clients in TLS go on when the engine is killed with -9, and trust the routes as before', { timeout: 300_000 }, async () => {
  using dir = temporary();
  using authority = await ServerAuthority.make();
  const server = createServer(await authority.certify('api.example'), (asked, response) => response.end(`hello ${asked.url}`));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const upstream = (server.address() as AddressInfo).port;
  using shop = await secureEcho(authority, ['eu.shop.example'], 'this is shop');
  const [port, named] = [await freePort(), await freePort()];
  const stateDir = join(dir.path, 'state');
  const text = `version: 1
routes:
  - name: api
    protocol: http
    listen: "127.0.0.1:${port}"
    upstream: "127.0.0.1:${upstream}"
    terminate_tls: true
    certificate_names: [ api.test ]
    upstream_tls: true
    upstream_ca: ${JSON.stringify(authority.file)}
    upstream_name: api.example
  - { name: named, protocol: tcp, listen: "127.0.0.1:${named}", upstream: "127.0.0.1:1", upstreams_by_name: { "*.shop.example": "${shop.address}" } }
policies:
  - { name: outage, type: http, route: api, target: /broken, error_chance: 1, error_code: 503 }`;
  await using engine = startChild('../crash/engine-child.ts', [stateDir, 'none', text]);
  await engine.hears('active');
  const ca = readFileSync(join(stateDir, 'ca', 'firebreak-ca.pem'), 'utf8');
  const ask = (path: string): Promise<string> =>
    new Promise((resolve) => {
      const failed = (error: NodeJS.ErrnoException): void => resolve(error.code ?? error.message);
      const asked = request({ host: '127.0.0.1', port, path, ca, servername: 'api.test', agent: false }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (part: string) => (body += part)).on('end', () => resolve(`${response.statusCode} ${body}`)).on('error', failed);
      });
      asked.on('error', failed).end();
    });
  try {
    assert.equal(await ask('/x'), '200 hello /x');
    assert.match(await ask('/broken'), /^503/);
    assert.equal(await heard(`127.0.0.1:${named}`, authority.pem, 'eu.shop.example'), 'this is shop');
    await engine.hears('bitten');
    await engine.kill();
    const within = NOTHING_LEFT + BUSY_MACHINE;
    await eventually('the route passes again', async () => (await ask('/broken')) === '200 hello /broken', within, () => logOf(stateDir));
    const byName = async (): Promise<boolean> => (await heard(`127.0.0.1:${named}`, authority.pem, 'eu.shop.example')) === 'this is shop';
    await eventually('names find their upstreams again', byName, within, () => logOf(stateDir));
    assert.match(logOf(stateDir), /standing in for route api/);
    assert.doesNotMatch(logOf(stateDir), /PRIVATE|uncaught/);
    assert.deepEqual(JSON.parse(await firebreak('recover', '--json', '--state-dir', stateDir)), []);
  } finally {
    await firebreak('recover', '--close-routes', '--state-dir', stateDir);
    server.closeAllConnections();
    server.close();
  }
  assert.equal(await ask('/x'), 'ECONNREFUSED');
});
