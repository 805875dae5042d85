import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as mariadb from 'mariadb';
import mysql from 'mysql2/promise';
import { startMariaDb } from '../../lab/mariadb.ts';
import { whereAndWho } from '../sql/mysql-stage.ts';
import { ServerAuthority } from '../tls/parts.ts';
import { again, assertCut, failureOf, type Place, type Scene, soon } from './parts.ts';

/** The balances, or an error when a transaction has touched one. */
const LOCKED = 'SELECT first.n, second.n FROM first, second FOR UPDATE NOWAIT';

/** A transaction of mysql2 whose second statement is held, and a lock by name that a client of MariaDB's connector has. */
export async function mariadbScene(tls: boolean): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const authority = stack.use(await ServerAuthority.make());
  const server = stack.use(await startMariaDb(...(tls ? await certified(authority) : [])));
  const direct = await mysql.createConnection(whereAndWho(server.address));
  stack.defer(() => direct.end());
  const rows = async (sql: string): Promise<unknown[][]> => (await direct.query<mysql.RowDataPacket[][]>({ sql, rowsAsArray: true }))[0];
  await rows('CREATE TABLE first (n int) AS SELECT 100 AS n');
  await rows('CREATE TABLE second (n int) AS SELECT 0 AS n');
  let pool: mysql.Pool;
  let locking: mariadb.Pool;
  let transaction: Promise<Error>;
  let sessions: string;
  const transfer = async (client: mysql.Connection): Promise<void> => {
    await client.beginTransaction();
    await client.query('UPDATE first SET n = n - 10');
    await client.execute('UPDATE second SET n = n + ?', [10]);
    await client.commit();
  };
  const lock = async (client: mariadb.PoolConnection): Promise<unknown> => (await client.query<{ got: number }[]>("SELECT GET_LOCK('job', 0) AS got"))[0]?.got;
  const secured = `, terminate_tls: true, upstream_tls: true, upstream_ca: ${JSON.stringify(authority.file)}, upstream_name: db.example`;
  const moved = stack.move();
  return {
    route: `protocol: sql, upstream: "${server.address}"${tls ? secured : ''}`,
    policies: {
      outage: 'type: sql, target: SELECT 13, error_chance: 1, error_code: 1213, error_body: injected',
      held: 'type: sql, target: UPDATE second, latency_chance: 1, latency_duration: 10m',
    },
    struck: async ({ address, ca }: Place) => {
      const who = { ...whereAndWho(address), ...(tls && { host: 'localhost', ssl: { ca: ca } }) };
      pool = mysql.createPool(who);
      moved.defer(() => pool.end());
      locking = mariadb.createPool({ ...who, connectionLimit: 1, bigIntAsNumber: true });
      moved.defer(() => locking.end());
      await assert.rejects(pool.query('SELECT 13'), { errno: 1213, message: 'injected' });
      assert.equal(await lock(await locking.getConnection()), 1);
      const working = await pool.getConnection();
      transaction = failureOf(transfer(working).finally(() => working.release()));
      await soon('the transaction is in its middle', async () => (await failureOf(rows(LOCKED))).message.includes('Lock wait'));
      sessions = (await rows('SELECT ID FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() AND USER = SUBSTRING_INDEX(USER(), "@", 1)')).flat().join();
    },
    goesOn: async () => {
      assertCut(await transaction);
      await soon('no session of the dead engine is left', async () => (await rows(`SELECT 1 FROM information_schema.PROCESSLIST WHERE ID IN (${sessions})`)).length === 0);
      assert.deepEqual(await rows(LOCKED), [[100, 0]], 'nothing is locked, and nothing half done');
      assert.deepEqual((await again('a statement passes', () => pool.query('SELECT 13 AS n')))[0], [{ n: 13 }]);
      const client = await pool.getConnection();
      await transfer(client).finally(() => client.release());
      assert.deepEqual(await rows(LOCKED), [[90, 10]]);
      const locker = await again('the other pool connects', () => locking.getConnection());
      assert.equal(await lock(locker), 1, 'the lock of the dead session is free');
      await locker.release();
    },
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

async function certified(authority: ServerAuthority): Promise<string[]> {
  const { cert, key } = await authority.certify('db.example');
  const files = { cert: join(authority.folder, 'server.pem'), key: join(authority.folder, 'server.key') };
  writeFileSync(files.cert, cert);
  writeFileSync(files.key, key);
  return [`--ssl-cert=${files.cert}`, `--ssl-key=${files.key}`, `--ssl-ca=${authority.file}`];
}
