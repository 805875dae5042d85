import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createConnection } from 'mysql2/promise';
import pg from 'pg';
import { DATABASE, PASSWORD, USER } from '../../../test/lab/mariadb.ts';
import { mysqlServer, noMysql } from '../../../test/lab/mysql.ts';
import { noPostgres, startPostgres, urlOf } from '../../../test/lab/postgres.ts';
import { type LabServer, startServer } from '../../../test/lab/server.ts';
import { contextOf, faultRequest } from '../../../test/support/fault-life.ts';
import { realClock } from '../../kernel/clock.ts';
import { until } from '../process/test-fleet.ts';
import { databaseInjector } from './injector.ts';
import { databaseManifest, type DatabaseParams } from './manifest.ts';
import { MYSQLS, SERVERS, type TestServer } from './test-servers.ts';

/** What a server has against a fault, before and during it: one clear error each, and nothing left. */

const VARIABLE = 'FIREBREAK_TEST_REFUSALS';
const LOCKS: readonly Record<string, unknown>[] = [{ action: 'table_lock' }, { action: 'table_lock', mode: 'writes' }, { action: 'row_lock' }];
const injector = databaseInjector({ clock: realClock });
const requestOf = (fields: Record<string, unknown>) => faultRequest<DatabaseParams>(databaseManifest, { table: 'orders', wait: '1s', ...fields }, { target: `env:${VARIABLE}` });

/** Plans and injects on the server that the variable names. */
async function begin(fields: Record<string, unknown>) {
  const request = requestOf(fields);
  const [planned] = await injector.plan(request, AbortSignal.timeout(60_000));
  assert.ok(planned);
  const { undo } = planned;
  // As the watchdog would: another injector, which knows the record alone.
  const revert = () => databaseInjector({ clock: realClock }).revert(undo);
  try {
    await injector.inject(undo, contextOf(request));
  } catch (error) {
    await revert();
    await injector.revert(undo);
    throw error;
  }
  return { undo, revert, verify: () => injector.verify(undo, contextOf(request)) };
}
const says = (code: string, words: RegExp, hint: RegExp) => (error: unknown): boolean => {
  const { code: is, message, hint: helps } = error as { code: string; message: string; hint: string };
  assert.equal(is, code, message);
  assert.match(message, words);
  assert.match(helps, hint);
  return true;
};

for (const kind of ['PostgreSQL', 'MariaDB', 'MySQL 8.0'] as const) {
  const { skip, start } = { ...SERVERS, ...MYSQLS }[kind] ?? assert.fail();
  describe(`what ${kind} refuses`, { skip, timeout: 120_000 }, () => {
    const postgres = kind === 'PostgreSQL';
    let server: TestServer;
    before(async () => {
      server = await start();
      process.env[VARIABLE] = server.url;
      const role = (name: string): string => (postgres ? `CREATE ROLE ${name} LOGIN PASSWORD '${name}'` : `CREATE USER ${name}@'%' IDENTIFIED BY '${name}'`);
      await server.ask(role('reader'));
      await server.ask(postgres ? 'GRANT SELECT ON orders TO reader' : "GRANT SELECT ON shop.orders TO reader@'%'");
    });
    after(async () => {
      delete process.env[VARIABLE];
      await server[Symbol.asyncDispose]();
    });
    const nobody = () => until('no session and no lock is left', async () => JSON.stringify(await server.others()) === '{"sessions":0,"locks":0}');

    test('who is not let in is told why', async () => {
      const place = /^(PostgreSQL|MySQL) 127\.0\.0\.1:\d+\/\w+ does not let us in: /;
      const to = (change: (url: string) => string) => {
        process.env[VARIABLE] = change(server.url);
        return begin({ action: 'slow' });
      };
      try {
        await assert.rejects(to((url) => url.replace(/:\w+@/, ':wrong@')), says('database', place, /the password of the URL/));
        await assert.rejects(to((url) => url.replace(/\w+$/, 'nowhere')), says('database', place, /the name of the database/));
        await assert.rejects(to((url) => url.replace(/:\d+\//, ':1/')), says('database', /ECONNREFUSED/, /is it running/));
      } finally {
        process.env[VARIABLE] = server.url;
      }
    });

    test('a role that may only read is told what it lacks', async () => {
      process.env[VARIABLE] = server.url.replace(/\/\/[^@]*@/, '//reader:reader@');
      try {
        for (const fields of LOCKS) {
          // MariaDB lets whoever may read lock rows.
          if (kind === 'MariaDB' && fields['action'] === 'row_lock') await (await begin(fields)).revert();
          else await assert.rejects(begin(fields), says('not-allowed', /does not allow it to this role: .*denied/, /a role that may write to the table/), JSON.stringify(fields));
        }
      } finally {
        process.env[VARIABLE] = server.url;
      }
    });

    const readOnly = async (on: boolean): Promise<void> => {
      await server.ask(postgres ? `ALTER SYSTEM SET default_transaction_read_only = ${on}` : `SET GLOBAL read_only = ${on ? 1 : 0}`);
      if (postgres) await server.ask('SELECT pg_reload_conf()');
    };

    test('a server that has become read-only says so, lets go of its rows, and locks none before it takes writes again', async () => {
      const { verify, revert } = await begin({ action: 'row_lock' });
      await until('it bites', async () => (await verify()).bitten);
      await readOnly(true);
      const refused = says('read-only', /is read-only: .*read.only/, /the server that takes writes/);
      try {
        await until('it is told', async () => verify().then(() => false, (error: unknown) => refused(error)));
        await revert();
        await nobody();
        await assert.rejects(begin({ action: 'row_lock' }), refused);
        await nobody();
      } finally {
        await readOnly(false);
      }
    });
  });
}

/** Servers whose every session ends at once while they go on, or come back at the same place. */
const RESTARTED: Readonly<Record<string, { readonly skip: string | false; start(): Promise<LabServer>; url(server: LabServer): string; crash(server: LabServer, pids: readonly number[]): void; ask(url: string, sql: string): Promise<unknown> }>> = {
  // Its postmaster ends all sessions and recovers when one of them is killed.
  PostgreSQL: {
    skip: noPostgres, start: () => startPostgres(), url: (server) => urlOf(server.address), crash: (_server, [pid = 0]) => void process.kill(pid, 'SIGKILL'),
    ask: async (connectionString, sql) => {
      const client = new pg.Client({ connectionString });
      await client.connect();
      return client.query(sql).finally(() => client.end());
    },
  },
  MySQL: {
    skip: noMysql('5.7.22'),
    start: () => {
      const spec = mysqlServer('5.7.22');
      return startServer({ ...spec, command: (place) => ['sh', '-c', 'while :; do "$@"; done', 'sh', ...spec.command(place)] });
    },
    url: (server) => `mysql://${USER}:${PASSWORD}@${server.address}/${DATABASE}`,
    crash: (server) => void process.kill(Number(readFileSync(join(server.folder, 'pid'), 'utf8')), 'SIGKILL'),
    ask: async (url, sql) => {
      const client = await createConnection(url);
      return client.query(sql).finally(() => client.end());
    },
  },
};

for (const [kind, { skip, start, url, crash, ask }] of Object.entries(RESTARTED)) {
  test(`a ${kind} that restarts in mid-fault has let go of everything, and the fault says so`, { skip, timeout: 120_000 }, async () => {
    await using server = await start();
    process.env[VARIABLE] = url(server);
    await ask(url(server), 'CREATE TABLE orders (id int PRIMARY KEY)');
    try {
      const { verify, revert, undo } = await begin({ action: 'table_lock' });
      await until('it bites', async () => (await verify()).bitten);
      const marked = await serverSessions(undo.mark);
      crash(server, marked);
      await until('it is told', async () => verify().then(({ bitten, detail }) => !bitten && /have ended: it was restarted, or somebody ended them/.test(detail), () => false));
      // While it is still coming up.
      await revert();
      await until('it takes queries', () => ask(url(server), 'INSERT INTO orders VALUES (1)').then(() => true, () => false));
      assert.match(await injector.fingerprint(undo), /: 0$/);
    } finally {
      delete process.env[VARIABLE];
    }
  });

  /** The pids of PostgreSQL's sessions are processes of this machine. */
  async function serverSessions(mark: string): Promise<readonly number[]> {
    if (kind !== 'PostgreSQL') return [];
    const { rows } = (await ask(process.env[VARIABLE] ?? '', `SELECT pid FROM pg_stat_activity WHERE application_name = '${mark}'`)) as pg.QueryResult<{ pid: number }>;
    return rows.map(({ pid }) => pid);
  }
}
