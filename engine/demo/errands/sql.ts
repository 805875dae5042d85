import { urlOf } from '../servers/postgres.ts';
import { CONNECT_WITHIN, type Errand, PATIENCE } from './errand.ts';

/** Older notes are deleted, so that a long game day fills no disk. */
const KEPT = 1_000;

/** Writes a note and counts all, in one transaction. */
export async function sqlErrand(address: string): Promise<Errand> {
  const { default: pg } = await import('pg');
  const pool = new pg.Pool({
    connectionString: urlOf(address),
    max: 4,
    connectionTimeoutMillis: CONNECT_WITHIN,
    query_timeout: PATIENCE,
    statement_timeout: PATIENCE,
  });
  pool.on('error', () => {}); // an idle connection was cut; the pool makes another
  const transaction = async (): Promise<Record<string, unknown>> => {
    const client = await pool.connect();
    let broken = true;
    try {
      await client.query('BEGIN').catch((error: unknown) => {
        broken = !(error instanceof pg.DatabaseError); // the server refused, and nothing has begun
        throw error;
      });
      const { rows } = await client.query<{ id: number }>('INSERT INTO notes (text) VALUES ($1) RETURNING id', ['an errand']);
      const id = rows[0]?.id ?? 0;
      await client.query('DELETE FROM notes WHERE id <= $1', [id - KEPT]);
      const counted = await client.query<{ notes: number }>('SELECT count(*)::int AS notes FROM notes');
      await client.query('COMMIT');
      broken = false;
      return { id, notes: counted.rows[0]?.notes ?? 0 };
    } finally {
      // Whatever else failed may still be under way: its connection is not used again.
      client.release(broken);
    }
  };
  try {
    await pool.query('CREATE TABLE IF NOT EXISTS notes (id serial PRIMARY KEY, text text NOT NULL)');
  } catch (error) {
    await pool.end();
    throw error;
  }
  return { run: transaction, [Symbol.asyncDispose]: () => pool.end() };
}
