import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import * as mariadb from 'mariadb';
import mysql from 'mysql2/promise';
import type { Route } from '../../../engine/contract/models.ts';
import { noMariaDbClient, startMariaDb } from '../../lab/mariadb.ts';
import type { LabServer } from '../../lab/server.ts';
import { type Ran, run } from '../stage.ts';
import { failure, valueOf, whereAndWho } from '../sql/mysql-stage.ts';
import { Upstream } from '../parts.ts';
import { ServerAuthority, TlsRoutes } from './parts.ts';

/** '' where the connection to the server is in the clear. */
const CIPHER = "SELECT VARIABLE_VALUE FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'Ssl_cipher'";

describe('MariaDB in TLS', { timeout: 300_000, skip: noMariaDbClient }, () => {
  let authority: ServerAuthority;
  let server: LabServer;
  let routes: TlsRoutes;
  before(async () => {
    authority = await ServerAuthority.make();
    const { cert, key } = await authority.certify('db.example');
    const files = { cert: join(authority.folder, 'server.pem'), key: join(authority.folder, 'server.key') };
    writeFileSync(files.cert, cert);
    writeFileSync(files.key, key);
    const signing = ['--plugin-load-add=auth_ed25519'];
    server = await startMariaDb(`--ssl-cert=${files.cert}`, `--ssl-key=${files.key}`, `--ssl-ca=${authority.file}`, ...signing);
    routes = await TlsRoutes.make();
    await using direct = await joined(server.address, {});
    await direct.query("CREATE USER signer@'%' IDENTIFIED VIA ed25519 USING PASSWORD('s3cret')");
    await direct.query("GRANT ALL ON *.* TO signer@'%'");
  });
  after(async () => {
    await routes[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    authority[Symbol.dispose]();
  });
  const joined = async (address: string, over: mysql.ConnectionOptions): Promise<mysql.Connection & AsyncDisposable> => {
    const client = await mysql.createConnection({ ...whereAndWho(address), ...over });
    client.on('error', () => {});
    return Object.assign(client, { [Symbol.asyncDispose]: () => client.end().catch(() => client.destroy()) });
  };
  const strict = (): mysql.ConnectionOptions => ({ host: 'localhost', ssl: { ca: routes.ca, verifyIdentity: true } });
  const sides = (): Readonly<Record<'client' | 'server' | 'both', Partial<Route>>> => {
    const toServer = { upstreamTls: true, upstreamCa: authority.file, upstreamName: 'db.example' };
    const plain = { protocol: 'sql', upstream: server.address } as const;
    return { client: { ...plain, terminateTls: true }, server: { ...plain, ...toServer }, both: { ...plain, ...toServer, terminateTls: true } };
  };
  const cli = (address: string, sql: string, ...args: readonly string[]): Promise<Ran> => {
    const { port, user, password, database } = whereAndWho(address);
    return run('mariadb', ['--no-defaults', '-h', 'localhost', '--protocol=tcp', '-P', String(port), `-u${user}`, `-p${password}`, '--batch', '--skip-column-names', ...args, database], sql);
  };
  const verified = (): string[] => [`--ssl-ca=${routes.caFile}`, '--ssl-verify-server-cert'];

  it('each side is in TLS or in the clear, and mysql2 can work on it either way', async () => {
    for (const [side, fields] of Object.entries(sides())) {
      const { name, address } = await routes.open(fields);
      await using client = await joined(address, side === 'server' ? {} : strict());
      assert.equal((await valueOf(client.query(CIPHER))) !== '', side !== 'client', side);
      assert.equal(await valueOf(client.execute('SELECT CAST(? AS INT) + 1', [41])), 42, side);
      assert.equal(String(await valueOf(client.query('SELECT REPEAT("x", 300000)'))).length, 300_000, side);
      const { notUnderstood, requests } = routes.counters(name);
      assert.equal(notUnderstood, 0, side);
      assert.ok(requests >= 3, `${side}: ${requests}`);
    }
  });

  it('the connector of MariaDB proves itself by several rounds (ed25519), with numbers that are right on both sides', async () => {
    for (const [side, fields] of Object.entries(sides())) {
      const { address } = await routes.open(fields);
      const where = { ...whereAndWho(address), host: 'localhost', user: 'signer', password: 's3cret' };
      const client = await mariadb.createConnection({ ...where, bigIntAsNumber: true, ...(side !== 'server' && { ssl: { ca: routes.ca } }) });
      try {
        assert.deepEqual(await client.query('SELECT 41 + 1 AS n'), [{ n: 42 }], side);
        assert.deepEqual(await client.execute('SELECT ? AS word', ['x']), [{ word: 'x' }], side);
      } finally {
        await client.end();
      }
      const wrong = await mariadb.createConnection({ ...where, password: 'no', ...(side !== 'server' && { ssl: { ca: routes.ca } }) }).then(
        (unexpected) => unexpected.end(),
        (error: { errno?: number }) => error.errno,
      );
      assert.equal(wrong, 1045, side);
    }
  });

  it('the command line verifies the route; without TLS it is let in, as by a server', async () => {
    const { client, both } = sides();
    for (const fields of [client, both]) {
      const { address } = await routes.open(fields);
      assert.deepEqual(await cli(address, 'SELECT 41 + 1', ...verified()), { code: 0, stdout: '42\n', stderr: '' });
      assert.equal((await cli(address, 'SELECT 41 + 1', '--skip-ssl')).stdout, '42\n');
      const stranger = await cli(address, 'SELECT 1', `--ssl-ca=${authority.file}`, '--ssl-verify-server-cert');
      assert.match(stranger.stderr, /certificate|SSL/);
    }
  });

  it('a route that does not end TLS does not offer it, whatever its server does', async () => {
    const { address } = await routes.open(sides().server);
    assert.match((await failure(joined(address, strict())))?.message ?? '', /does not support secure connection/);
    assert.notEqual((await cli(address, CIPHER, '--skip-ssl')).stdout.trim(), '');
  });

  it('a fault strikes the statement that it is aimed at, by its number and SQLSTATE, and no other', async () => {
    for (const fields of Object.values(sides())) {
      const { name, address } = await routes.open(fields);
      const failing = { protocol: 'sql', route: name, target: 'SELECT 13', errorChance: 1, errorCode: 1213, errorBody: 'try again' } as const;
      await routes.under(failing, async () => {
        await using client = await joined(address, fields.terminateTls === true ? strict() : {});
        assert.equal(await valueOf(client.query('SELECT 12')), 12);
        const { errno, sqlState, message } = (await failure(client.query('SELECT 13'))) ?? {};
        assert.deepEqual({ errno, sqlState, message }, { errno: 1213, sqlState: '40001', message: 'try again' });
        assert.equal(await valueOf(client.query('SELECT 14')), 14);
        if (fields.terminateTls !== true) return;
        assert.match((await cli(address, 'SELECT 13', ...verified())).stderr, /ERROR 1213 \(40001\).*try again/);
      });
      const connect = { protocol: 'sql', scope: 'connect', route: name, target: 'connect', errorChance: 1 } as const;
      const refused = await routes.under(connect, () => failure(joined(address, fields.terminateTls === true ? strict() : {})));
      assert.equal(refused?.errno, 1040);
    }
  });

  it('a wrong certificate is shown behind the greeting, and the handshake delayed or reset', async () => {
    const { name, address } = await routes.open(sides().client);
    const connecting = async (): Promise<string | undefined> => (await failure(joined(address, strict()).then((client) => client.end())))?.code;
    const tls = { protocol: 'tcp', scope: 'tls', route: name } as const;
    const shown = await routes.under({ ...tls, errorChance: 1, extra: { certificate: 'expired' } }, () => cli(address, 'SELECT 1', ...verified()));
    assert.match(shown.stderr, /certificate has expired/);
    assert.equal(await routes.under({ ...tls, errorChance: 1, extra: { certificate: 'expired' } }, connecting), 'HANDSHAKE_SSL_ERROR');
    assert.notEqual(await routes.under({ ...tls, dropConnection: true }, connecting), undefined);
    assert.equal(await routes.under({ ...tls, latencyChance: 1, latencyMs: 100 }, connecting), undefined);
    assert.equal(await connecting(), undefined);
  });

  it('an upstream that has no TLS, or that nobody vouches for, is told to the client as one that is not reached', async () => {
    const wrong = await routes.open({ ...sides().server, upstreamName: 'other.example' });
    const told = await failure(joined(wrong.address, {}));
    assert.match(told?.message ?? '', /cannot be reached with TLS: .*other.example/);
    assert.equal(told?.sqlState, '08001');
    // The greeting of a server without TLS.
    const greeting = Buffer.concat([Buffer.from([0, 0, 0, 0, 10]), Buffer.from('5.7.0\0'), Buffer.alloc(13, 1), Buffer.from([0xff, 0xf7]), Buffer.alloc(40)]);
    greeting.writeUIntLE(greeting.length - 4, 0, 3);
    await using without = await Upstream.start((peer) => peer.write(greeting));
    const { address } = await routes.open({ ...sides().both, upstream: without.address });
    assert.match((await failure(joined(address, strict())))?.message ?? '', /does not take TLS/);
  });
});
