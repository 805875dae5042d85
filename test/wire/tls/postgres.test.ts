import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import postgres from 'postgres';
import type { Route } from '../../../engine/contract/models.ts';
import { noPostgres, PASSWORD, startPostgres, USER } from '../../lab/postgres.ts';
import { missing, type LabServer } from '../../lab/server.ts';
import { Peer, Upstream } from '../parts.ts';
import { type Ran, run } from '../stage.ts';
import { failure, FOREVER } from '../sql/stage.ts';
import { toxic } from '../toxics/parts.ts';
import { TlsRoutes } from './parts.ts';

const skip = noPostgres || missing('psql', 'openssl');

describe('PostgreSQL in TLS', { timeout: 300_000, skip }, () => {
  let server: LabServer;
  let routes: TlsRoutes;
  let upstream: Partial<Route>;
  before(async () => {
    server = await startPostgres(true);
    routes = await TlsRoutes.make();
    upstream = { protocol: 'sql', upstream: server.address };
  });
  after(async () => {
    await routes[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });
  const secured = (): Partial<Route> => ({ ...upstream, upstreamTls: true, upstreamCa: join(server.folder, 'data', 'server.crt'), upstreamName: 'localhost' });
  const psql = (address: string, sql: string, env: Readonly<Record<string, string>>): Promise<Ran> => {
    const [host = '', port = ''] = address.split(':');
    const all = { PGHOST: host, PGPORT: port, PGUSER: USER, PGPASSWORD: PASSWORD, PGDATABASE: 'postgres', LC_ALL: 'C', PGSSLROOTCERT: routes.caFile, ...env };
    return run('psql', ['-X', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-v', 'VERBOSITY=verbose', '-c', sql], '', { env: all });
  };
  const withPg = async <T>(address: string, ssl: pg.ClientConfig['ssl'], use: (client: pg.Client) => Promise<T>): Promise<T> => {
    const [host, port] = address.split(':') as [string, string];
    const client = new pg.Client({ host, port: Number(port), user: USER, password: PASSWORD, database: 'postgres', ssl: ssl ?? false });
    client.on('error', () => {});
    await client.connect();
    try {
      return await use(client);
    } finally {
      await client.end();
    }
  };
  const encrypted = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()';
  const strict = (): pg.ClientConfig['ssl'] => ({ ca: routes.ca, servername: 'localhost' });

  it('a client that verifies the route speaks in TLS to a server that hears it in the clear, or in TLS', async () => {
    const sides: readonly [Partial<Route>, boolean][] = [[upstream, false], [secured(), true]];
    for (const [side, inTls] of sides) {
      const { name, address } = await routes.open({ ...side, terminateTls: true });
      const rows = await withPg(address, strict(), async (client) => (await client.query('SELECT $1::int AS one, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()', [1])).rows);
      assert.deepEqual(rows, [{ one: 1, ssl: inTls }]);
      const { notUnderstood, requests } = routes.counters(name);
      assert.deepEqual({ notUnderstood, requests }, { notUnderstood: 0, requests: 1 });
    }
  });

  it('a client in the clear reaches a server in TLS, and one in TLS is told that this route takes none', async () => {
    const { address } = await routes.open(secured());
    assert.deepEqual(await withPg(address, false, async (client) => (await client.query(encrypted)).rows), [{ ssl: true }]);
    assert.match((await failure(withPg(address, strict(), async () => {})))?.message ?? '', /does not support SSL/);
    // Between a clear side and one in TLS, psql accepts no offer that is bound to the connection.
    assert.equal((await psql(address, encrypted, { PGSSLMODE: 'disable' })).stdout, 't\n');
    assert.equal((await psql(address, encrypted, { PGSSLMODE: 'prefer' })).stdout, 't\n');
  });

  it('psql requires and fully verifies it; one that asks for none is let in, as a server would', async () => {
    const { address } = await routes.open({ ...upstream, terminateTls: true });
    for (const PGSSLMODE of ['require', 'verify-full', 'disable', 'prefer']) {
      const { code, stdout, stderr } = await psql(address, 'SELECT 41 + 1', { PGSSLMODE });
      assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '42\n', stderr: '' }, PGSSLMODE);
    }
    const stranger = await psql(address, 'SELECT 1', { PGSSLMODE: 'verify-full', PGSSLROOTCERT: join(server.folder, 'data', 'server.crt') });
    assert.match(stranger.stderr, /certificate verify failed/);
  });

  it('a proof of identity that is bound to a connection cannot cross two: the client is told what to do', async () => {
    const { address } = await routes.open({ ...secured(), terminateTls: true });
    const bound = await psql(address, 'SELECT 1', { PGSSLMODE: 'verify-full' });
    assert.match(bound.stderr, /channel binding cannot cross a route that ends TLS: connect with channel_binding=disable/);
    const required = await psql(address, 'SELECT 1', { PGSSLMODE: 'verify-full', PGCHANNELBINDING: 'require' });
    assert.match(required.stderr, /channel binding/);
    const free = await psql(address, encrypted, { PGSSLMODE: 'verify-full', PGCHANNELBINDING: 'disable' });
    assert.deepEqual(free, { code: 0, stdout: 't\n', stderr: '' });
  });

  it('a fault strikes the statement that it is aimed at, by its SQLSTATE, and no other', async () => {
    const { name, address } = await routes.open({ ...secured(), terminateTls: true });
    const failing = { protocol: 'sql', route: name, target: 'SELECT 13', errorChance: 1, errorBody: 'try again', extra: { sqlstate: '40001' } } as const;
    await routes.under(failing, async () => {
      await withPg(address, strict(), async (client) => {
        assert.deepEqual((await client.query('SELECT 12 AS n')).rows, [{ n: 12 }]);
        const { code, message } = (await failure(client.query('SELECT 13'))) ?? {};
        assert.deepEqual({ code, message }, { code: '40001', message: 'try again' });
        assert.deepEqual((await client.query('SELECT 14 AS n')).rows, [{ n: 14 }]);
      });
      const { stderr } = await psql(address, 'SELECT 13', { PGSSLMODE: 'verify-full', PGCHANNELBINDING: 'disable' });
      assert.match(stderr, /ERROR: +40001: try again/);
      const [host, port] = address.split(':') as [string, string];
      const sql = postgres({ host, port: Number(port), user: USER, pass: PASSWORD, database: 'postgres', max: 1, ssl: { ca: routes.ca, servername: 'localhost' } });
      try {
        assert.deepEqual([...(await sql`SELECT 12 AS n`)], [{ n: 12 }]);
        assert.equal((await failure(sql.unsafe('SELECT 13')))?.code, '40001');
        assert.deepEqual([...(await sql`SELECT ${'x'.repeat(200_000)} AS long`)].map((row) => String(row['long']).length), [200_000]);
      } finally {
        await sql.end();
      }
    });
    const connect = { protocol: 'sql', route: name, scope: 'connect', target: 'connect', errorChance: 1, extra: { sqlstate: '53300' } } as const;
    assert.equal((await routes.under(connect, () => failure(withPg(address, strict(), async () => {}))))?.code, '53300');
    await withPg(address, strict(), (client) => client.query('SELECT 1'));
  });

  it('a wrong certificate is shown behind the request for encryption, and the handshake delayed or reset', async () => {
    const { name, address } = await routes.open({ ...upstream, terminateTls: true });
    const connecting = () => failure(withPg(address, strict(), async () => {}));
    const tls = { protocol: 'tcp', scope: 'tls', route: name } as const;
    const told: Record<string, string | undefined> = {};
    for (const certificate of ['expired', 'wrong_name', 'unknown_issuer']) {
      told[certificate] = (await routes.under({ ...tls, errorChance: 1, extra: { certificate } }, connecting))?.code;
    }
    assert.deepEqual(told, { expired: 'CERT_HAS_EXPIRED', wrong_name: 'ERR_TLS_CERT_ALTNAME_INVALID', unknown_issuer: 'SELF_SIGNED_CERT_IN_CHAIN' });
    assert.equal((await routes.under({ ...tls, target: 'localhost', dropConnection: true }, connecting))?.code, 'ECONNRESET');
    assert.equal(await routes.under({ ...tls, latencyChance: 1, latencyMs: 100 }, connecting), undefined);
    const clear = await routes.under({ ...tls, dropConnection: true }, () => psql(address, 'SELECT 1', { PGSSLMODE: 'disable' }));
    assert.equal(clear.stdout, '1\n');
    assert.equal(await connecting(), undefined);
  });

  it('toxics on its bytes leave the beginning of TLS in order, and nothing hangs when they go', async () => {
    const { name, address } = await routes.open({ ...secured(), terminateTls: true });
    const ask = (client: pg.Client) => client.query('SELECT repeat($1, 5000) AS long', ['x']);
    for (const spec of [{ kind: 'latency', latency: 20 }, { kind: 'slicer', averageSize: 64, pause: 1 }, { kind: 'latency', latency: 20, stream: 'upstream' }] as const) {
      const { protocol, scope, extra } = toxic(spec);
      const rows = await routes.under({ protocol, scope: scope ?? '', extra: extra ?? {}, route: name }, async () => withPg(address, strict(), async (client) => (await ask(client)).rows));
      assert.equal(String(rows[0]['long']).length, 5_000, spec.kind);
    }
    await withPg(address, strict(), async (client) => {
      const { protocol, scope, extra } = toxic({ kind: 'latency', latency: FOREVER });
      const held = await routes.under({ protocol, scope: scope ?? '', extra: extra ?? {}, route: name }, async () => {
        const asked = ask(client);
        await new Promise((resolve) => setImmediate(resolve));
        return [asked];
      });
      assert.equal((await held[0])?.rows.length, 1);
    });
  });

  it('a statement under way is cancelled across it, as clients do: by a connection of its own', async () => {
    const { address } = await routes.open({ ...secured(), terminateTls: true });
    await withPg(address, strict(), async (client) => {
      const [{ pid } = { pid: 0 }] = (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows;
      const sleeping = failure(client.query('SELECT pg_sleep(600)'));
      const { secretKey } = client as unknown as { secretKey: number };
      using canceller = await Peer.to(address);
      const request = Buffer.from([0, 0, 0, 16, 4, 210, 22, 46, 0, 0, 0, 0, 0, 0, 0, 0]);
      request.writeInt32BE(pid, 8);
      request.writeInt32BE(secretKey, 12);
      canceller.write(request);
      await canceller.over();
      assert.equal((await sleeping)?.code, '57014');
    });
  });

  it('a statement that is held back is cancelled in the route, by a request in TLS as well', async () => {
    const { name, address } = await routes.open({ ...secured(), terminateTls: true });
    const [host, port] = address.split(':') as [string, string];
    const ssl = { ca: routes.ca, servername: 'localhost' };
    const sql = postgres({ host, port: Number(port), user: USER, pass: PASSWORD, database: 'postgres', max: 1, fetch_types: false, ssl });
    try {
      await routes.under({ protocol: 'sql', route: name, target: 'SELECT 13', latencyChance: 1, latencyMs: FOREVER }, async () => {
        const held = sql.unsafe('SELECT 13').execute();
        while (routes.counters(name).requests === 0) await new Promise((resolve) => setImmediate(resolve));
        held.cancel();
        assert.equal((await failure(held))?.code, '57014');
        assert.deepEqual([...(await sql`SELECT 14 AS n`)], [{ n: 14 }]);
      });
    } finally {
      await sql.end();
    }
  });

  it('a direct handshake, in pieces, is one; a request for GSS encryption is declined', async () => {
    const { address } = await routes.open({ ...upstream, terminateTls: true });
    const [host, port] = address.split(':') as [string, string];
    const { connect } = await import('node:tls');
    const direct = connect({ host, port: Number(port), ca: routes.ca, servername: 'localhost', ALPNProtocols: ['postgresql'] });
    using secured = new Peer(direct);
    const startup = Buffer.from(`\0\0\0\0\0\x03\0\0user\0${USER}\0\0`, 'latin1');
    startup.writeInt32BE(startup.length, 0);
    direct.write(startup);
    await secured.says('SCRAM-SHA-256');
    assert.equal(direct.alpnProtocol, 'postgresql');
    using gss = await Peer.to(address);
    gss.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 48]));
    await gss.says('N');
    gss.write(startup.subarray(0, 10));
    gss.write(startup.subarray(10));
    await gss.says('SCRAM-SHA-256');
  });

  it('an upstream that has no TLS, or that nobody vouches for, is told to the client as one that is not reached', async () => {
    const wrong = await routes.open({ ...secured(), upstreamName: 'other.example' });
    const told = await failure(withPg(wrong.address, false, async () => {}));
    assert.equal(told?.code, '08001');
    assert.match(told?.message ?? '', /cannot be reached with TLS: .*other.example/);
    await using without = await Upstream.start((peer) => peer.socket.once('data', () => peer.write('N')));
    const { address } = await routes.open({ ...secured(), upstream: without.address });
    assert.match((await failure(withPg(address, false, async () => {})))?.message ?? '', /does not take TLS/);
  });

  it('words that come unencrypted behind the request for encryption end the connection', async () => {
    const { address } = await routes.open({ ...upstream, terminateTls: true });
    using client = await Peer.to(address);
    client.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47, 81, 0, 0, 0, 4]));
    await client.over();
    assert.match(client.received.toString(), /unencrypted data/);
    using noTls = await Peer.to(address);
    noTls.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]));
    await noTls.says('S');
    noTls.write('hello?');
    await noTls.over();
  });
});
