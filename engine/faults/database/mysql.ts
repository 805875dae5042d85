import { type RowDataPacket } from 'mysql2';
import { FirebreakError } from '../../kernel/errors.ts';
import { notLetIn, type Refusal, type Refusals } from './refusals.ts';
import { type Bounds, GREETS_WITHIN, type Place, type Row, type Server, type Session } from './session.ts';

/**
 * MySQL and MariaDB. A session is known by a user lock of its own, `MARK-NUMBER`: unlike the name that a client gives itself,
 * every server tells who holds one, to everybody, and it ends with its session (manuals, "Locking Functions").
 */
export function openMysql(place: Place): Server {
  return {
    place,
    open: (mark, number, bounds) => open(place, mark, number, bounds),
    room: async (session) => {
      const [limit = {}] = await session.run('SELECT @@max_connections AS max');
      const [now = {}] = await session.run("SHOW GLOBAL STATUS LIKE 'Threads_connected'");
      const grants = (await session.run('SHOW GRANTS')).map((row) => Object.values(row).join(' ')).join('\n');
      // One more than the most is admitted for who may administer.
      const admin = /GRANT ALL PRIVILEGES ON \*\.\*|\bSUPER\b|CONNECTION[ _]ADMIN/.test(grants);
      return { max: Number(limit['max']), kept: 0, used: Number(now['Value']), admin };
    },
    marked: async (session, mark, most) => {
      const found: number[] = [];
      for (let from = 0; from < most; from += AT_ONCE) {
        const names = Array.from({ length: Math.min(AT_ONCE, most - from) }, (_, index) => `IS_USED_LOCK('${mark}-${from + index}') AS s${index}`);
        const [row = {}] = await session.run(`SELECT ${names.join(', ')}`);
        found.push(...Object.values(row).filter((id) => id !== null).map(Number));
      }
      return found;
    },
    end: async (session, id) => {
      try {
        await session.run(`KILL ${id}`);
      } catch (error) {
        if (errnoOf(error) !== NO_SUCH_THREAD) throw error;
      }
    },
    readable: async (session, table, where) => void (await session.run(`SELECT 1 FROM ${table}${condition(where)} LIMIT 0`)),
    lockTable: async (session, table, mode) => void (await session.run(`LOCK TABLES ${table} ${mode === 'all' ? 'WRITE' : 'READ'}`)),
    lockRows: async (session, table, where, rows) => {
      await session.run('START TRANSACTION');
      return (await session.run(`SELECT 1 FROM ${table}${condition(where)} LIMIT ${rows} FOR UPDATE`)).length;
    },
    locks: async () => null,
    // Neither finds a row; both have to wait at the table.
    tryTable: async (session, table, mode) => void (await session.run(mode === 'all' ? `SELECT 1 FROM ${table} WHERE 1 = 0` : `DELETE FROM ${table} WHERE 1 = 0`)),
    tryRows: async (session, table, where) => {
      await session.run('START TRANSACTION');
      try {
        await session.run(`SELECT 1 FROM ${table}${condition(where)} LIMIT 1 FOR UPDATE`);
      } finally {
        await session.run('ROLLBACK');
      }
    },
    work: (size) => `SELECT BENCHMARK(${size * WORK}, SHA2('firebreak', 512)) AS done`,
    // 1205 lock wait timeout, 1969 and 3024 statement time exceeded, 1317 interrupted; 1040 and 1203 too many connections.
    waited: (error) => [1_205, 1_969, 3_024, 1_317].includes(errnoOf(error)),
    full: (error) => [1_040, 1_203].includes(errnoOf(error)),
    refusal,
  };
}

/** Names asked for in one statement. */
const AT_ONCE = 200;
const NO_SUCH_THREAD = 1_094;
/** Of one unit of work: about as long as the same of PostgreSQL's. */
const WORK = 3;

async function open(place: Place, mark: string, number: number, bounds: Bounds): Promise<Session> {
  const { url, name } = place;
  const { createConnection } = await import('mysql2/promise');
  const address = new URL(url);
  address.protocol = 'mysql:';
  // The library takes what a URL says before what it is told.
  for (const name of ['multipleStatements', 'flags']) address.searchParams.delete(name);
  const connection = await createConnection({
    uri: address.href, connectTimeout: GREETS_WITHIN, multipleStatements: false, enableKeepAlive: true, connectAttributes: { program_name: mark },
  }).catch((error: unknown) => {
    throw notLetIn(name, refusal(error), error);
  });
  let lost = false;
  connection.on('error', () => (lost = true)).on('end', () => (lost = true));
  const run = async (sql: string): Promise<readonly Row[]> => {
    try {
      const [rows] = await connection.query<RowDataPacket[]>(sql);
      return Array.isArray(rows) ? rows : [];
    } catch (error) {
      // Where a statement is under way its failure tells of it, and no event does.
      if (error instanceof Error && 'fatal' in error && error.fatal === true) lost = true;
      throw error;
    }
  };
  try {
    const [row = {}] = await run(`SELECT GET_LOCK('${mark}-${number}', 0) AS got, CONNECTION_ID() AS id, VERSION() AS version`);
    if (Number(row['got']) !== 1) throw new FirebreakError('database', `${name} does not give a session its name`);
    const mariadb = String(row['version']).includes('MariaDB');
    const seconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1_000));
    await run(`SET SESSION sql_safe_updates = 0, wait_timeout = ${seconds(bounds.idle)}, ${mariadb ? `max_statement_time = ${bounds.statement / 1_000}` : `max_execution_time = ${Math.ceil(bounds.statement)}`}`);
    const patience = async (lock: number): Promise<void> => void (await run(`SET SESSION lock_wait_timeout = ${seconds(lock)}, innodb_lock_wait_timeout = ${seconds(lock)}`));
    await patience(bounds.lock);
    return {
      id: Number(row['id']),
      run,
      patience,
      get lost() {
        return lost;
      },
      drop: () => connection.destroy(),
    };
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

const condition = (where: string): string => (where === '' ? '' : ` WHERE (${where})`);
/** The server's number of an error; of what it was caused by where it is one of Firebreak's. */
function errnoOf(error: unknown): number {
  const root = error instanceof FirebreakError ? error.cause : error;
  return root instanceof Error && 'errno' in root && typeof root.errno === 'number' ? root.errno : 0;
}
/** See the "Server Error Message Reference". 1044 is said of a database that the user may not enter, and of LOCK TABLES in one. */
const REFUSALS: Refusals = new Map([
  [1_045, 'login'], [1_698, 'login'], [1_049, 'no-database'], [1_044, 'rights'], [1_142, 'rights'], [1_143, 'rights'], [1_227, 'rights'],
  [1_290, 'read-only'], [1_792, 'read-only'], [1_836, 'read-only'],
]);
const refusal = (error: unknown): Refusal => REFUSALS.get(errnoOf(error)) ?? '';
