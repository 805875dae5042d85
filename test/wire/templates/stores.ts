import assert from 'node:assert/strict';
import { type MongoServerError } from 'mongodb';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { startMariaDb } from '../../lab/mariadb.ts';
import { clientOf, startMongo } from '../../lab/mongo.ts';
import { startPostgres, urlOf } from '../../lab/postgres.ts';
import { redisClient, startRedis } from '../../lab/redis.ts';
import { startFront } from '../mongo/front.ts';
import { whereAndWho } from '../sql/mysql-stage.ts';
import { again, type Case, Tally, times } from './parts.ts';

/** Services that keep something in a store. */

/** Has a database to ask when a session is not in the cache, or has not. */
export async function redis(): Promise<Case> {
  const server = await startRedis();
  const direct = redisClient(server.port);
  await direct.set('session:42', 'somebody');
  await direct.hset('profile:42', { name: 'somebody' });
  direct.disconnect();
  return {
    upstream: server.address,
    service: (careful) => async (listen) => {
      const tally = new Tally();
      const cache = redisClient(Number(listen.split(':').at(-1)));
      return {
        noticed: tally.counts,
        serve: () =>
          times(10, async () => {
            assert.equal(await cache.hget('profile:42', 'name'), 'somebody');
            assert.deepEqual(await cache.hgetall('profile:42'), { name: 'somebody' });
            if ((await cache.get('session:42')) !== null) return;
            tally.add('miss');
            assert.ok(careful, 'there is nobody else to ask');
          }),
        [Symbol.asyncDispose]: async () => cache.disconnect(),
      };
    },
    learnt: ({ miss = 0, ...others }) => {
      assert.ok(miss > 0);
      assert.deepEqual(others, {});
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** What the service needs of either database. */
interface Database extends AsyncDisposable {
  query(sql: string): Promise<unknown>;
  /** All on one connection. */
  session(...sql: readonly string[]): Promise<void>;
  isDeadlock(error: unknown): boolean;
}
function postgresAt(address: string): Database {
  const pool = new pg.Pool({ connectionString: urlOf(address), max: 4 }).on('error', () => {});
  return {
    query: (sql) => pool.query(sql),
    session: async (...all) => {
      const client = await pool.connect();
      try {
        for (const sql of all) await client.query(sql);
      } finally {
        client.release();
      }
    },
    isDeadlock: (error) => (error as { code?: string }).code === '40P01',
    [Symbol.asyncDispose]: () => pool.end(),
  };
}
function mariaDbAt(address: string): Database {
  const pool = mysql.createPool({ ...whereAndWho(address), connectionLimit: 4 });
  return {
    query: (sql) => pool.query(sql),
    session: async (...all) => {
      const client = await pool.getConnection();
      try {
        for (const sql of all) await client.query(sql);
      } finally {
        client.release();
      }
    },
    isDeadlock: (error) => (error as { errno?: number }).errno === 1213,
    [Symbol.asyncDispose]: () => pool.end(),
  };
}
/** Counts its customers by statements alone, moves money within transactions; tries again after a deadlock, or does not. */
async function sql(server: AsyncDisposable & { readonly address: string }, at: (address: string) => Database, edits: Case['edits'] = []): Promise<Case> {
  const direct = at(server.address);
  await direct.session(
    'CREATE TABLE accounts (id INT PRIMARY KEY, balance INT)',
    'INSERT INTO accounts VALUES (1, 1000), (2, 1000)',
    'CREATE TABLE customers (id INT PRIMARY KEY, n INT)',
    'INSERT INTO customers VALUES (1, 0)',
  );
  let [served, moved] = [0, 0];
  return {
    upstream: server.address,
    edits,
    service: (careful) => async (listen) => {
      const database = at(listen);
      const tally = new Tally();
      const deadlock = (error: unknown): boolean => {
        const found = database.isDeadlock(error);
        tally.add(found ? 'deadlock' : String(error));
        return found;
      };
      const one = async (): Promise<void> => {
        await again(careful, deadlock, () => database.query('UPDATE customers SET n = n + 1 WHERE id = 1'));
        served++;
        await database.query('SELECT n FROM customers WHERE id = 1');
      };
      const move = ['BEGIN', 'UPDATE accounts SET balance = balance - 1 WHERE id = 1', 'UPDATE accounts SET balance = balance + 1 WHERE id = 2', 'COMMIT'];
      return {
        noticed: tally.counts,
        serve: async () => {
          await database.session(...move);
          moved++;
          await times(8, one);
        },
        [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
      };
    },
    learnt: async ({ deadlock = 0, ...others }) => {
      assert.ok(deadlock > 0);
      assert.deepEqual(others, {});
      const read = async (from: string): Promise<number> => Number(/\b(\d+)\b/.exec(JSON.stringify(rowsOf(await direct.query(from))))?.[1]);
      assert.equal(await read('SELECT n AS x FROM customers'), served, 'each was counted once, however often it was tried');
      assert.deepEqual([await read('SELECT balance AS x FROM accounts WHERE id = 1'), await read('SELECT balance AS x FROM accounts WHERE id = 2')], [1_000 - moved, 1_000 + moved]);
    },
    [Symbol.asyncDispose]: async () => {
      await direct[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}
const rowsOf = (result: unknown): unknown => (Array.isArray(result) ? (result as unknown[])[0] : (result as { rows: unknown }).rows);
export const postgres = async (): Promise<Case> => sql(await startPostgres(), postgresAt);
/** As the file says it for MySQL and MariaDB. */
export const mariaDb = async (): Promise<Case> => sql(await startMariaDb(), mariaDbAt, [['"40P01"', '"40001"']]);

/** Writes orders and finds them again; what the driver's own second try does not settle is tried again, or not. */
export async function mongo(): Promise<Case> {
  const server = await startMongo();
  const front = await startFront(server.address);
  let written = 0;
  return {
    upstream: front.address,
    service: (careful) => async (listen) => {
      const client = clientOf(listen);
      const orders = client.db('shop').collection<{ _id: number }>('orders');
      const tally = new Tally();
      const steppedDown = (error: unknown): boolean => {
        tally.add(String((error as MongoServerError).code));
        return (error as MongoServerError).code === 10_107;
      };
      return {
        noticed: tally.counts,
        serve: () =>
          times(3, async () => {
            const _id = ++written;
            await again(careful, steppedDown, () => orders.insertOne({ _id }));
            if ((await orders.aggregate([{ $match: { _id } }]).toArray()).length === 1) return;
            tally.add('empty');
            assert.ok(careful, `order ${_id} was written, and is not there`);
          }),
        [Symbol.asyncDispose]: () => client.close(),
      };
    },
    learnt: async ({ empty = 0, 10_107: steppedDown = 0, ...others }, { faults }) => {
      const { delivered = 0, samples = 0 } = faults.find(({ policy }) => policy === 'stepdown')?.effect.figures[0] ?? {};
      assert.ok(steppedDown < ((delivered ?? 0) * samples) / 2, `the driver saw to most of them by itself; ${steppedDown} were left`);
      assert.ok(empty > 0, 'reads came back without documents');
      assert.deepEqual(others, {});
      await using client = clientOf(server.address);
      assert.equal(await client.db('shop').collection('orders').countDocuments(), written, 'each was written once, and all are there');
    },
    [Symbol.asyncDispose]: async () => {
      await front[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}
