import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { after, afterEach, before, describe, it } from 'node:test';
import pg from 'pg';
import postgres from 'postgres';
import { noPostgres, PASSWORD, urlOf, USER } from '../../lab/postgres.ts';
import { missing, programOf } from '../../lab/server.ts';
import { failure, FOREVER, PostgresStage } from './stage.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

for (const workers of [1, 4]) {
  describe(`a client of PostgreSQL cancels what is held back, over ${workers} workers`, { timeout: 300_000, skip: noPostgres }, () => {
    let at: PostgresStage;
    before(async () => {
      at = await PostgresStage.start(false, workers);
      await at.direct('CREATE TABLE t (id int)');
    });
    after(() => at[Symbol.asyncDispose]());
    afterEach(async () => {
      await at.clear();
      await at.direct('TRUNCATE t');
    });
    /** Waits until so many statements have met with the policy, and are held. */
    const met = async (id: string, times: number): Promise<void> => {
      while ((at.wire.counters(id)?.matched ?? 0) < times) await turn();
      // A worker counts a statement before it holds it; one that has taken another policy since then has done both.
      await using _ = await at.add({ target: 'no statement' });
    };
    const hold = () => at.add({ target: 'INTO t', latencyChance: 1, latencyMs: FOREVER });
    /** As node-postgres does it: from a client of its own, about the query that another one runs. */
    const cancel = async (client: pg.Client, query: pg.Query): Promise<void> => {
      const messenger = new pg.Client({ connectionString: urlOf(at.address) });
      const ended = new Promise((resolve) => (messenger as unknown as { connection: NodeJS.EventEmitter }).connection.once('end', resolve));
      (messenger as unknown as { cancel(client: pg.Client, query: pg.Query): void }).cancel(client, query);
      await ended;
    };
    const asked = (client: pg.Client, ...query: ConstructorParameters<typeof pg.Query>) => {
      const one = new pg.Query(...query);
      const outcome = new Promise<string | undefined>((resolve) => {
        one.on('error', (error: Error & { code?: string }) => resolve(error.code));
        one.on('end', () => resolve(undefined));
      });
      client.query(one);
      return { one, outcome };
    };

    it('node-postgres: a query, a statement with parameters, and within a transaction', async () => {
      await using client = await at.client();
      const held = await hold();
      let times = 0;
      // Several, so that the request to cancel comes to this worker and to others.
      for (let i = 0; i < 8; i++) {
        for (const query of [['INSERT INTO t VALUES (1)'], ['INSERT INTO t VALUES ($1)', [2]]] as const) {
          const { one, outcome } = asked(client, query[0], [...(query[1] ?? [])]);
          await met(held.id, ++times);
          await cancel(client, one);
          assert.equal(await outcome, '57014');
        }
      }
      assert.deepEqual((await client.query('SELECT count(*)::int AS n FROM t')).rows, [{ n: 0 }], 'none of them ran');
      const counters = at.counters(held);
      assert.deepEqual([counters.latencies, counters.errors], [16, 0]);

      await client.query('BEGIN');
      const { one, outcome } = asked(client, 'INSERT INTO t VALUES (3)', []);
      await met(held.id, ++times);
      await cancel(client, one);
      assert.equal(await outcome, '57014');
      assert.equal((await failure(client.query('SELECT 1')))?.code, '25P02', 'the transaction has failed');
      await client.query('ROLLBACK');
      assert.deepEqual((await client.query('SELECT count(*)::int AS n FROM t')).rows, [{ n: 0 }]);
    });

    it('node-postgres: what runs on the server is cancelled there, also while others are held back', async () => {
      await using runs = await at.client();
      await using waits = await at.client();
      const held = await hold();
      const waiting = asked(waits, 'INSERT INTO t VALUES (1)', []);
      await met(held.id, 1);
      const running = asked(runs, 'SELECT pg_sleep(600)', []);
      while ((await at.direct("SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event = 'PgSleep'"))[0]?.['n'] === 0);
      await cancel(runs, running.one);
      assert.equal(await running.outcome, '57014');
      await at.wire.remove(held.id);
      assert.equal(await waiting.outcome, undefined);
      assert.deepEqual((await runs.query('SELECT id FROM t')).rows, [{ id: 1 }]);
    });

    it('postgres.js: what it prepares, and goes on', async () => {
      const sql = postgres(urlOf(at.address), { max: 1, onnotice: () => {} });
      try {
        await sql`INSERT INTO t VALUES (${1})`;
        const held = await hold();
        for (const [id, times] of [[1, 1], [2, 2]] as const) {
          const query = sql`INSERT INTO t VALUES (${id})`.execute();
          await met(held.id, times);
          query.cancel();
          assert.equal((await failure(query))?.code, '57014');
        }
        assert.deepEqual([...(await sql`SELECT id FROM t`)], [{ id: 1 }]);
      } finally {
        await sql.end();
      }
    });

    it('psql: by Ctrl-C', { skip: missing('psql') }, async () => {
      const held = await hold();
      const [host = '', port = ''] = at.address.split(':');
      const env = { PGHOST: host, PGPORT: port, PGUSER: USER, PGPASSWORD: PASSWORD, PGDATABASE: 'postgres', PGSSLMODE: 'disable', LC_ALL: 'C', PATH: process.env['PATH'] };
      const psql = spawn(programOf('psql') ?? 'psql', ['-X', '-A', '-t', '-v', 'VERBOSITY=verbose', '-c', 'INSERT INTO t VALUES (1)'], { env });
      try {
        const [stderr, ended] = [text(psql.stderr), new Promise((resolve) => psql.once('exit', resolve))];
        await met(held.id, 1);
        psql.kill('SIGINT');
        assert.match(await stderr, /ERROR: {2}57014: canceling statement due to user request/);
        await ended;
      } finally {
        psql.kill('SIGKILL');
      }
      assert.deepEqual(await at.direct('SELECT count(*)::int AS n FROM t'), [{ n: 0 }]);
    });
  });
}
