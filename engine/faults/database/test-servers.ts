import { createConnection } from 'mysql2/promise';
import pg from 'pg';
import { DATABASE, noMariaDb, PASSWORD, startMariaDb, USER } from '../../../test/lab/mariadb.ts';
import { noMysql, startMysql } from '../../../test/lab/mysql.ts';
import { noPostgres, urlOf } from '../../../test/lab/postgres.ts';
import { type LabServer, startServer } from '../../../test/lab/server.ts';
import { postgresServer } from '../../demo/servers/postgres.ts';

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
}

export const MAX_CONNECTIONS = 30;
const FEW = `--max-connections=${MAX_CONNECTIONS}`;
export const SERVERS: Readonly<Record<string, { readonly skip: string | false; start(): Promise<TestServer> }>> = {
  PostgreSQL: { skip: noPostgres, start: startPostgres },
  MariaDB: { skip: noMariaDb, start: async () => openMysql(await startMariaDb(FEW)) },
};
/** What MySQL itself makes of it. Its authentication differs as well: caching_sha2_password from 8.0. */
export const MYSQLS: typeof SERVERS = {
  'MySQL 5.7': { skip: noMysql('5.7.22'), start: async () => openMysql(await startMysql('5.7.22', FEW)) },
  'MySQL 8.0': { skip: noMysql('8.0.15'), start: async () => openMysql(await startMysql('8.0.15', FEW)) },
};

async function startPostgres(): Promise<TestServer> {
  const spec = postgresServer();
  const server = await startServer({ ...spec, command: (place) => [...spec.command(place), '-c', `max_connections=${MAX_CONNECTIONS}`] });
  const url = urlOf(server.address);
  const client = async (): Promise<pg.Client> => {
    const one = new pg.Client({ connectionString: url });
    one.on('error', () => {});
    await one.connect();
    return one;
  };
  const admin = await client();
  const ask = async (sql: string) => (await admin.query<Record<string, unknown>>(sql)).rows;
  await ask('CREATE TABLE orders (id int PRIMARY KEY, total int)');
  await ask('INSERT INTO orders SELECT i, i FROM generate_series(1, 1000) i');
  // An application's role: the superuser could also use what is kept for him.
  await ask("CREATE ROLE app LOGIN PASSWORD 'app'");
  await ask('GRANT ALL ON orders TO app');
  const app = url.replace(/\/\/[^@]*@/, '//app:app@');
  return {
    url: app,
    ask,
    others: async () => {
      const [row = {}] = await ask(`SELECT (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()) AS sessions,
        (SELECT count(*)::int FROM pg_locks WHERE pid <> pg_backend_pid()) AS locks`);
      return { sessions: Number(row['sessions']), locks: Number(row['locks']) };
    },
    spare: () => countSpare(async () => {
      const one = new pg.Client({ connectionString: app });
      one.on('error', () => {});
      await one.connect();
      return () => one.end();
    }),
    [Symbol.asyncDispose]: () => ended(server, () => admin.end()),
  };
}

async function openMysql(server: LabServer): Promise<TestServer> {
  const url = `mysql://${USER}:${PASSWORD}@${server.address}/${DATABASE}`;
  const admin = await createConnection(url);
  const ask = async (sql: string) => {
    const [rows] = await admin.query(sql);
    return rows as Record<string, unknown>[];
  };
  await ask('CREATE TABLE orders (id int PRIMARY KEY, total int) ENGINE=InnoDB');
  await ask(`INSERT INTO orders VALUES ${Array.from({ length: 1_000 }, (_, index) => `(${index + 1}, ${index + 1})`).join(', ')}`);
  await ask("CREATE USER 'shop'@'%' IDENTIFIED BY 'shop'");
  await ask("GRANT ALL ON shop.* TO 'shop'@'%'");
  const app = url.replace(/\/\/[^@]*@/, '//shop:shop@');
  return {
    url: app,
    ask,
    others: async () => {
      const [row = {}] = await ask(`SELECT (SELECT count(*) FROM information_schema.processlist WHERE user = 'shop') AS sessions,
        (SELECT count(*) FROM information_schema.innodb_trx) AS locks`);
      return { sessions: Number(row['sessions']), locks: Number(row['locks']) };
    },
    spare: () => countSpare(async () => {
      const one = await createConnection(app);
      one.on('error', () => {});
      return () => one.end();
    }),
    [Symbol.asyncDispose]: () => ended(server, () => admin.end()),
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

async function ended(server: LabServer, close: () => Promise<void>): Promise<void> {
  await close();
  await server[Symbol.asyncDispose]();
}
