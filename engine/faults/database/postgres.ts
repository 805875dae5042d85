import { type Client } from 'pg';
import { errnoOf, FirebreakError } from '../../kernel/errors.ts';
import { notLetIn, type Refusal, type Refusals } from './refusals.ts';
import { type Bounds, GREETS_WITHIN, type Place, type Row, type Server, type Session } from './session.ts';

/** PostgreSQL: sessions are known by their `application_name`. Settings as in its manual, "Client Connection Defaults". */
export function openPostgres(place: Place): Server {
  return {
    place,
    open: (mark, _number, bounds) => open(place, mark, bounds),
    room: async (session) => {
      const [row = {}] = await session.run(`SELECT
        current_setting('max_connections')::int AS max,
        current_setting('superuser_reserved_connections')::int + coalesce(current_setting('reserved_connections', true), '0')::int AS kept,
        (SELECT sum(numbackends)::int FROM pg_stat_database) AS used,
        (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS admin`);
      return { max: Number(row['max']), kept: Number(row['kept']), used: Number(row['used']), admin: row['admin'] === true };
    },
    marked: async (session, mark) => {
      const rows = await session.run(`SELECT pid FROM pg_stat_activity WHERE application_name = '${mark}' AND usename = current_user`);
      return rows.map(({ pid }) => Number(pid));
    },
    end: async (session, id) => void (await session.run(`SELECT pg_terminate_backend(${id})`)),
    readable: async (session, table, where) => void (await session.run(`SELECT 1 FROM ${table}${condition(where)} LIMIT 0`)),
    lockTable: async (session, table, mode) => {
      await session.run('BEGIN');
      await session.run(`LOCK TABLE ${table} IN ${mode === 'all' ? 'ACCESS EXCLUSIVE' : 'SHARE ROW EXCLUSIVE'} MODE`);
    },
    lockRows: async (session, table, where, rows) => {
      await session.run('BEGIN');
      return (await session.run(`SELECT 1 FROM ${table}${condition(where)} LIMIT ${rows} FOR UPDATE`)).length;
    },
    locks: async (session, mark, table) => {
      const [row = {}] = await session.run(`SELECT count(*)::int AS n FROM pg_locks JOIN pg_stat_activity USING (pid)
        WHERE application_name = '${mark}' AND relation = to_regclass('${table}') AND granted`);
      return Number(row['n']);
    },
    tryTable: (session, table, mode) => tried(session, `LOCK TABLE ${table} IN ${mode === 'all' ? 'ACCESS SHARE' : 'ROW EXCLUSIVE'} MODE`),
    tryRows: (session, table, where) => tried(session, `SELECT 1 FROM ${table}${condition(where)} LIMIT 1 FOR UPDATE`),
    work: (size) => `SELECT count(*) FROM (SELECT md5(i::text) AS word FROM generate_series(1, ${size}) AS i ORDER BY 1) AS words`,
    // 55P03 lock_not_available, 57014 query_canceled; 53300 too_many_connections, 57P03 cannot_connect_now (manual, appendix "Error Codes").
    waited: (error) => ['55P03', '57014'].includes(codeOf(error)),
    full: (error) => ['53300', '57P03'].includes(codeOf(error)),
    refusal,
  };
}

async function open(place: Place, mark: string, bounds: Bounds): Promise<Session> {
  const { url, name } = place;
  const { default: pg } = await import('pg');
  const address = new URL(url);
  address.searchParams.delete('options');
  address.searchParams.set('application_name', mark);
  // pg reads the name of whoever runs it where a URL says nobody, as psql does.
  const client = new pg.Client({ connectionString: address.href, connectionTimeoutMillis: GREETS_WITHIN, keepAlive: true });
  let lost = false;
  client.on('error', () => (lost = true)).on('end', () => (lost = true));
  try {
    await client.connect();
    const { rows: [about] } = await client.query<{ pid: number; version: number }>("SELECT pg_backend_pid() AS pid, current_setting('server_version_num')::int AS version");
    const pid = about?.pid ?? 0;
    if (pid !== (client as Client & { readonly processID?: number }).processID) {
      throw new FirebreakError('pooler-between', `${name} is not the server but a pooler, whose sessions are not ours alone`, { hint: 'name the server itself' });
    }
    await client.query(settings(bounds, about?.version ?? 0));
    return {
      id: pid,
      run: async (sql) => (await client.query<Row>({ text: sql, queryMode: 'extended' } as { text: string })).rows,
      patience: async (lock) => void (await client.query(`SET lock_timeout = ${Math.ceil(lock)}`)),
      get lost() {
        return lost;
      },
      drop: () => void client.end().catch(() => {}),
    };
  } catch (error) {
    void client.end().catch(() => {});
    throw error instanceof FirebreakError ? error : notLetIn(name, refusal(error), error);
  }
}

/** @param version such as 150018. `tcp_user_timeout` came with 12, `idle_session_timeout` and `client_connection_check_interval` with 14. */
function settings({ idle, statement, lock }: Bounds, version: number): string {
  const all: Readonly<Record<string, number | string>> = {
    statement_timeout: Math.ceil(statement), lock_timeout: Math.ceil(lock), idle_in_transaction_session_timeout: Math.ceil(idle),
    tcp_keepalives_idle: 5, tcp_keepalives_interval: 5, tcp_keepalives_count: 3, max_parallel_workers_per_gather: 0, jit: 'off',
    // Of a client that takes no more: keepalives wait until it has taken all.
    ...(version >= 120_000 && { tcp_user_timeout: Math.ceil(idle) }),
    ...(version >= 140_000 && { idle_session_timeout: Math.ceil(idle), client_connection_check_interval: 1_000 }),
  };
  return Object.entries(all).map(([key, value]) => `SET ${key} = ${value}`).join('; ');
}

async function tried(session: Session, sql: string): Promise<void> {
  await session.run('BEGIN');
  try {
    await session.run(sql);
  } finally {
    await session.run('ROLLBACK');
  }
}

const condition = (where: string): string => (where === '' ? '' : ` WHERE (${where})`);
/** The SQLSTATE; of what an error was caused by where it is one of Firebreak's. */
const codeOf = (error: unknown): string => errnoOf(error instanceof FirebreakError ? error.cause : error);
/** See its manual, appendix "Error Codes". */
const REFUSALS: Refusals = new Map([
  ['28P01', 'login'], ['28000', 'login'], ['3D000', 'no-database'], ['42501', 'rights'], ['25006', 'read-only'],
]);
const refusal = (error: unknown): Refusal => REFUSALS.get(codeOf(error)) ?? '';
