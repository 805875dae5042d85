import assert from 'node:assert/strict';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import pg from 'pg';
import postgres from 'postgres';
import { PASSWORD, startPostgres, urlOf, USER } from '../../lab/postgres.ts';
import { again, assertCut, failureOf, type Place, type Scene, soon } from './parts.ts';

/** A transaction whose second statement is held, an advisory lock, and a COPY that is half written. */
export async function postgresScene(tls: boolean): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startPostgres(tls));
  const direct = new pg.Client({ connectionString: urlOf(server.address) });
  await direct.connect();
  stack.defer(() => direct.end());
  await direct.query('CREATE TABLE first AS SELECT 100 AS n; CREATE TABLE second AS SELECT 0 AS n; CREATE TABLE copied (n int)');
  const one = async (sql: string): Promise<number> => Number(Object.values((await direct.query<Record<string, unknown>>(sql)).rows[0] ?? {})[0]);
  const OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
  let pool: pg.Pool;
  let copier: postgres.Sql;
  let pending: Promise<Error>[] = [];
  let sessions: number[] = [];
  const transfer = async (client: pg.ClientBase): Promise<void> => {
    await client.query('BEGIN');
    await client.query('UPDATE first SET n = n - 10');
    await client.query('UPDATE second SET n = n + 10');
    await client.query('COMMIT');
  };
  const copy = async (lines: string): Promise<NodeJS.WritableStream> => {
    const into = await copier`COPY copied FROM STDIN`.writable();
    into.write(lines);
    return into;
  };
  const secured = `, terminate_tls: true, upstream_tls: true, upstream_ca: ${JSON.stringify(join(server.folder, 'data', 'server.crt'))}, upstream_name: localhost`;
  const moved = stack.move();
  return {
    route: `protocol: sql, upstream: "${server.address}"${tls ? secured : ''}`,
    policies: {
      outage: 'type: sql, target: SELECT 13, error_chance: 1, sqlstate: "40001", error_body: injected',
      held: 'type: sql, target: UPDATE second, latency_chance: 1, latency_duration: 10m',
    },
    struck: async ({ host, port, ca }: Place) => {
      const ssl = tls ? { ca: ca, servername: 'localhost' } : false;
      const who = { host, port, password: PASSWORD, database: 'postgres', ssl };
      pool = new pg.Pool({ ...who, user: USER });
      moved.defer(() => pool.end());
      // Each by itself: the pool stops listening to those that it lets go.
      pool.on('connect', (client) => client.on('error', () => {}));
      pool.on('error', () => {});
      copier = postgres({ ...who, username: USER, max: 1 });
      moved.defer(() => copier.end({ timeout: 0 }));
      await assert.rejects(pool.query('SELECT 13'), { code: '40001', message: 'injected' });
      const [working, locking] = [await pool.connect(), await pool.connect()];
      await locking.query('SELECT pg_advisory_lock(1)');
      pending = [failureOf(transfer(working).finally(() => working.release(true)))];
      const half = await copy('1\n2\n');
      pending.push(failureOf(finished(half)));
      await soon('all three are at work', async () => (await one(`${OTHERS} AND (state = 'idle in transaction' OR query ~ '^COPY|advisory')`)) === 3);
      sessions = (await direct.query<{ pid: number }>(OTHERS.replace('count(*)', 'pid'))).rows.map(({ pid }) => pid);
      locking.release();
    },
    goesOn: async () => {
      for (const failure of await Promise.all(pending)) assertCut(failure);
      await soon('no session of the dead engine is left', async () => (await one(`${OTHERS} AND pid = ANY('{${sessions.join()}}')`)) === 0);
      assert.equal(await one("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' OR relation IN ('first'::regclass, 'second'::regclass, 'copied'::regclass)"), 0);
      assert.deepEqual([await one('SELECT n FROM first'), await one('SELECT n FROM second'), await one('SELECT count(*) FROM copied')], [100, 0, 0]);
      assert.deepEqual((await again('a statement passes', () => pool.query('SELECT 13 AS n'))).rows, [{ n: 13 }]);
      const client = await pool.connect();
      await transfer(client).finally(() => client.release());
      const whole = await again('a COPY begins', () => copy('1\n2\n3\n'));
      whole.end();
      await finished(whole);
      assert.deepEqual([await one('SELECT n FROM first'), await one('SELECT n FROM second'), await one('SELECT count(*) FROM copied')], [90, 10, 3]);
    },
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}
