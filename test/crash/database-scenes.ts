import { isDeepStrictEqual } from 'node:util';
import { MYSQLS, SERVERS, type TestServer } from '../../engine/faults/database/test-servers.ts';
import { BUSY_MACHINE, eventually } from './harness.ts';
import { type Scene } from './scenes.ts';
import { lent } from './shared.ts';

/** What is done to a database, in the fields of a policy. */
export const DATABASE_WAYS = {
  'taken connections of': 'action: connections, reserve: 3',
  'locked table of': 'action: table_lock, table: orders',
  'locked rows of': 'action: row_lock, table: orders, where: "id <= 100"',
  'slow queries of': 'action: slow, sessions: 6',
} as const;

/** The foreign lock that the administrator's own session holds, and the rows, as the server tells of them. */
const OF_MYSQL = ["SELECT GET_LOCK('foreign', 0)", "SELECT IS_USED_LOCK('foreign') = CONNECTION_ID() AS held"] as const;
const FOREIGN = {
  PostgreSQL: ['SELECT pg_advisory_lock(41)', "SELECT objid, mode, granted FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"],
  MariaDB: OF_MYSQL, 'MySQL 5.7': OF_MYSQL, 'MySQL 8.0': OF_MYSQL,
} as const;
const ROWS = 'SELECT count(*) AS count, sum(total) AS total FROM orders';

export type DatabaseKind = keyof typeof FOREIGN;
const ALL: typeof SERVERS = { ...SERVERS, ...MYSQLS };
export const DATABASE_KINDS = Object.keys(SERVERS) as readonly DatabaseKind[];
export const noDatabase = (kind: DatabaseKind): string | false => ALL[kind]?.skip ?? `no ${kind} is known`;

/** Each has room for some thirty connections: one scene at a time. Somebody's session holds a lock on it all the time. */
const servers = Object.fromEntries(
  (Object.keys(FOREIGN) as DatabaseKind[]).map((kind) => [
    kind,
    lent(async () => {
      const server = await (ALL[kind] as (typeof SERVERS)[string]).start();
      await server.ask(FOREIGN[kind][0]);
      return server;
    }),
  ]),
) as Record<DatabaseKind, () => Promise<{ readonly it: TestServer } & Disposable>>;

/** Sessions and locks of a real database; what is left is counted by the server itself. */
export async function databaseScene(kind: DatabaseKind, fields: string): Promise<Scene> {
  const server = await servers[kind]();
  const { it } = server;
  const variable = `FIREBREAK_CRASH_${kind.toUpperCase().replaceAll(/\W/g, '_')}`;
  const nobody = async (): Promise<boolean> => isDeepStrictEqual(await it.others(), { sessions: 0, locks: 0 });
  const look = async (): Promise<unknown> => [await it.ask(FOREIGN[kind][1]), await it.ask(ROWS)];
  await eventually('nobody is there', nobody, BUSY_MACHINE);
  const before = await look();
  return {
    text: `version: 1\npolicies:\n  - { name: hit, type: database, target: "env:${variable}", ${fields} }`,
    env: { [variable]: it.url },
    note: () => {},
    visible: async () => !(await nobody()),
    // The rows last: who locks them keeps everybody waiting.
    intact: async () => (await nobody()) && isDeepStrictEqual(await look(), before),
    [Symbol.asyncDispose]: async () => server[Symbol.dispose](),
  };
}

export const DATABASE_SCENES: Readonly<Record<string, () => Promise<Scene>>> = Object.fromEntries(
  DATABASE_KINDS.flatMap((kind) => Object.entries(DATABASE_WAYS).map(([way, fields]) => [`${way} ${kind}`, () => databaseScene(kind, fields)])),
);
export const DATABASE_SKIP: Readonly<Record<string, string | false>> = Object.fromEntries(
  DATABASE_KINDS.flatMap((kind) => Object.keys(DATABASE_WAYS).map((way) => [`${way} ${kind}`, noDatabase(kind)])),
);
