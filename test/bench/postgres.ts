import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { PASSWORD, startPostgres, USER } from '../lab/postgres.ts';
import { missing, programOf } from '../lab/server.ts';
import type { Bench } from './figure.ts';
import { compareAll, type Round } from './ways.ts';

const ROUNDS = 12;
const CONNECTIONS = 16;
/** Of each connection, in a round of about half a second. */
const TRANSACTIONS = 400;
const MODES = ['simple', 'prepared'] as const;

/** pgbench -S: one SELECT by key a transaction, by the simple protocol and by prepared statements. */
export const run: Bench['run'] = (say) =>
  compareAll(
    {
      lacks: missing('initdb', 'postgres', 'pgbench'),
      start: async () => {
        const server = await startPostgres();
        await pgbench(server.port, ['-i', '-q', '-s', '1']);
        return server;
      },
      comparisons: ({ port: upstream }) =>
        MODES.map((mode) => ({
          bench: 'postgres',
          prefix: `${mode}, `,
          unit: 'statements',
          cpu: { per: 100_000, called: 's/100k statements' },
          also: { latency: 'ms' },
          protocol: 'sql',
          upstream,
          rounds: ROUNDS,
          measure: (port) => round(port, mode),
        })),
    },
    say,
  );

async function round(port: number, mode: string): Promise<Round> {
  const text = await pgbench(port, ['-n', '-S', '-M', mode, '-c', CONNECTIONS, '-t', TRANSACTIONS]);
  const rate = Number(/^tps = ([\d.]+) \(without/m.exec(text)?.[1]);
  const latency = Number(/^latency average = ([\d.]+) ms/m.exec(text)?.[1]);
  if (!(rate > 0)) throw new Error(`pgbench said: ${text}`);
  const done = CONNECTIONS * TRANSACTIONS;
  return { done, seconds: done / rate, also: { latency } };
}

async function pgbench(port: number, args: readonly (string | number)[]): Promise<string> {
  const env = { ...process.env, PGPASSWORD: PASSWORD, PGSSLMODE: 'disable', PGGSSENCMODE: 'disable', LC_ALL: 'C' };
  const all = ['-h', '127.0.0.1', '-p', port, '-U', USER, ...args, 'postgres'].map(String);
  return (await promisify(execFile)(programOf('pgbench') ?? 'pgbench', all, { env })).stdout;
}
