import { z } from 'zod';
import { type Server, type Session } from './session.ts';

/** Which server it is that answers: an address can be given to another, and a server be started anew. */
export const born = z.object({
  /** What tells servers apart, by their own account. */
  id: z.string(),
  /** When it was started, in milliseconds; MySQL tells it in whole seconds. */
  at: z.number(),
});
export type Born = z.infer<typeof born>;

/** As exact as MySQL tells how long it has been up, twice. Milliseconds. */
const EXACT = 2_500;

/** PostgreSQL: "System Information Functions"; MySQL: the status variable Uptime. Any role may ask. */
const ASK = {
  postgres: "SELECT current_setting('port') AS id, extract(epoch FROM pg_postmaster_start_time()) AS seconds",
  mysql: 'SELECT CONCAT_WS(CHAR(32), @@hostname, @@port, @@pid_file) AS id, UNIX_TIMESTAMP(NOW(3)) AS now',
} as const;

export async function bornOf({ place: { dialect } }: Server, session: Session): Promise<Born> {
  const [row = {}] = await session.run(ASK[dialect]);
  if (dialect === 'postgres') return { id: String(row['id']), at: Number(row['seconds']) * 1_000 };
  const [status = {}] = await session.run("SHOW GLOBAL STATUS LIKE 'Uptime'");
  return { id: String(row['id']), at: (Number(row['now']) - Number(status['Value'])) * 1_000 };
}

export const isSameServer = (one: Born, other: Born): boolean => one.id === other.id && Math.abs(one.at - other.at) <= EXACT;
