import { createConnection } from 'mysql2/promise';
import pg from 'pg';
import { cutPower, lasting } from '../../../test/lab/lasting-server.ts';
import { DATABASE, mariaDbServer, noMariaDb, PASSWORD, USER } from '../../../test/lab/mariadb.ts';
import { mysqlServer, noMysql } from '../../../test/lab/mysql.ts';
import { noPostgres, urlOf } from '../../../test/lab/postgres.ts';
import { type LabServer, startServer } from '../../../test/lab/server.ts';
import { postgresServer } from '../../demo/servers/postgres.ts';
import { type ServerSpec } from '../../host/server-process.ts';
import { realClock } from '../../kernel/clock.ts';
import { until } from '../process/test-fleet.ts';

/** A real server with few connections and a table `orders` of 1,000 rows, and an administrator who looks at it from outside. */
export interface TestServer extends AsyncDisposable {
  /** With its password. */
  readonly url: string;
  /** One statement, as the administrator. */
  ask(sql: string): Promise<readonly Record<string, unknown>[]>;
  /** Sessions and locks that are not the administrator's own, as the server counts them. */
  others(): Promise<{ readonly sessions: number; readonly locks: number }>;
  /** How many more connections an application gets before it is refused. */
  spare(): Promise<number>;
  /** For a lasting one. Ends it as a power cut does; resolves when it serves again. */
  cut(): Promise<void>;
}

export const MAX_CONNECTIONS = 30;
/** @param beside makes it lasting, and reachable at this address of this machine as well. */
type Start = (beside?: string) => Promise<TestServer>;
export const SERVERS: Readonly<Record<string, { readonly skip: string | false; readonly start: Start }>> = {
  PostgreSQL: { skip: noPostgres, start: startPostgres },
  MariaDB: { skip: noMariaDb, start: (beside) => startMysql(mariaDbServer(...optionsOf(beside)), beside) },
};
/** What MySQL itself makes of it. Its authentication differs as well: caching_sha2_password from 8.0. */
export const MYSQLS: typeof SERVERS = {
  'MySQL 5.7': { skip: noMysql('5.7.22'), start: (beside) => startMysql(mysqlServer('5.7.22', ...optionsOf(beside)), beside) },
  'MySQL 8.0': { skip: noMysql('8.0.15'), start: (beside) => startMysql(mysqlServer('8.0.15', ...optionsOf(beside)), beside) },
};
const optionsOf = (beside?: string): readonly string[] =>
  [`--max-connections=${MAX_CONNECTIONS}`, ...(beside === undefined ? [] : [`--bind-address=127.0.0.1,${beside}`])];

/** InnoDB tells of transactions as they were until nobody has asked for 100 ms (manual, "InnoDB INFORMATION_SCHEMA Transaction and Locking Information"). */
const TRX_KEPT = 120;

/** How an administrator, or an application, comes in. */
type Connect = (url: string) => Promise<{ ask(sql: string): Promise<readonly Record<string, unknown>[]>; end(): Promise<void> }>;

async function startPostgres(beside?: string): Promise<TestServer> {
  const spec = postgresServer();
  const options = [`max_connections=${MAX_CONNECTIONS}`, ...(beside === undefined ? [] : [`listen_addresses=127.0.0.1,${beside}`])];
  const server = await startAt(beside, {
    ...spec,
    files: (place) => ({ ...spec.files?.(place), 'hba.conf': 'host all all samenet scram-sha-256\n' }),
    command: (place) => [...spec.command(place), ...options.flatMap((option) => ['-c', option])],
  });
  const url = urlOf(server.address);
  const connect: Connect = async (to) => {
    const client = new pg.Client({ connectionString: to });
    client.on('error', () => {});
    await client.connect();
    return { ask: async (sql) => (await client.query<Record<string, unknown>>(sql)).rows, end: () => client.end() };
  };
  return furnished(server, url, url.replace(/\/\/[^@]*@/, '//app:app@'), connect, [
    'CREATE TABLE orders (id int PRIMARY KEY, total int)',
    'INSERT INTO orders SELECT i, i FROM generate_series(1, 1000) i',
    // An application's role: the superuser could also use what is kept for him.
    "CREATE ROLE app LOGIN PASSWORD 'app'",
    'GRANT ALL ON orders TO app',
  ], `SELECT (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()) AS sessions,
      (SELECT count(*)::int FROM pg_locks WHERE pid <> pg_backend_pid()) AS locks`);
}

async function startMysql(spec: ServerSpec, beside?: string): Promise<TestServer> {
  const server = await startAt(beside, spec);
  const url = `mysql://${USER}:${PASSWORD}@${server.address}/${DATABASE}`;
  const connect: Connect = async (to) => {
    const client = await createConnection(to);
    client.on('error', () => {});
    return { ask: async (sql) => (await client.query(sql))[0] as Record<string, unknown>[], end: () => client.end() };
  };
  return furnished(server, url, url.replace(/\/\/[^@]*@/, '//shop:shop@'), connect, [
    'CREATE TABLE orders (id int PRIMARY KEY, total int) ENGINE=InnoDB',
    `INSERT INTO orders VALUES ${Array.from({ length: 1_000 }, (_, index) => `(${index + 1}, ${index + 1})`).join(', ')}`,
    "CREATE USER 'shop'@'%' IDENTIFIED BY 'shop'",
    "GRANT ALL ON shop.* TO 'shop'@'%'",
  ], `SELECT (SELECT count(*) FROM information_schema.processlist WHERE user = 'shop') AS sessions,
      (SELECT count(*) FROM information_schema.innodb_trx) AS locks`);
}

const startAt = (beside: string | undefined, spec: ServerSpec): Promise<LabServer> => startServer(beside === undefined ? spec : lasting(spec));

/** @param url of the administrator. @param app of the application. @param others asks for the sessions and locks that are not the administrator's. */
async function furnished(server: LabServer, url: string, app: string, connect: Connect, first: readonly string[], others: string): Promise<TestServer> {
  let admin = await connect(url);
  for (const sql of first) await admin.ask(sql);
  return {
    url: app,
    ask: (sql) => admin.ask(sql),
    others: async () => {
      if (url.startsWith('mysql:')) await realClock.sleep(TRX_KEPT);
      const [row = {}] = await admin.ask(others);
      return { sessions: Number(row['sessions']), locks: Number(row['locks']) };
    },
    spare: () => countSpare(async () => {
      const { end } = await connect(app);
      return end;
    }),
    cut: async () => {
      cutPower(server.pid);
      await until('it serves again', async () => connect(url).then((one) => ((admin = one), true), () => false));
    },
    [Symbol.asyncDispose]: async () => {
      await admin.end();
      await server[Symbol.asyncDispose]();
    },
  };
}

async function countSpare(connect: () => Promise<() => Promise<void>>): Promise<number> {
  const close: (() => Promise<void>)[] = [];
  try {
    while (close.length < MAX_CONNECTIONS) close.push(await connect());
  } catch {
    // refused: that is the answer
  }
  for (const end of close) await end();
  return close.length;
}
