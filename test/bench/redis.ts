import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { startRedis } from '../lab/redis.ts';
import { missing, programOf } from '../lab/server.ts';
import type { Bench } from './figure.ts';
import { compareAll, type Round } from './ways.ts';

const ROUNDS = 12;
const CONNECTIONS = 50;
/** Commands that are under way on a connection, and how many of each kind make a round of about half a second. */
const PIPELINES = [
  { pipeline: 1, commands: 20_000 },
  { pipeline: 16, commands: 120_000 },
] as const;

/** redis-benchmark, SET and GET, one command at a time and in pipelines. */
export const run: Bench['run'] = (say) =>
  compareAll(
    {
      lacks: missing('redis-server', 'redis-benchmark'),
      start: startRedis,
      comparisons: ({ port: upstream }) =>
        PIPELINES.map(({ pipeline, commands }) => ({
          bench: 'redis',
          prefix: `pipeline ${pipeline}, `,
          unit: 'commands',
          cpu: { per: 100_000, called: 's/100k commands' },
          also: { 'p50 of GET': 'ms', 'p99 of GET': 'ms' },
          protocol: 'redis',
          upstream,
          rounds: ROUNDS,
          measure: (port) => round(port, pipeline, commands),
        })),
    },
    say,
  );

async function round(port: number, pipeline: number, commands: number): Promise<Round> {
  const args = ['-p', port, '-c', CONNECTIONS, '-P', pipeline, '-n', commands, '-r', 100_000, '-t', 'set,get', '--csv'].map(String);
  const { stdout } = await promisify(execFile)(programOf('redis-benchmark') ?? 'redis-benchmark', args);
  // Columns: test, rps, avg, min, p50, p95, p99, max.
  const rows = stdout.split('\n').filter((line) => /^"[SG]ET"/.test(line)).map((line) => line.replaceAll('"', '').split(',').map(Number));
  const get = rows[1];
  if (rows.length !== 2 || get === undefined) throw new Error(`redis-benchmark said: ${stdout}`);
  const seconds = rows.reduce((sum, row) => sum + commands / (row[1] ?? Number.NaN), 0);
  return { done: 2 * commands, seconds, also: { 'p50 of GET': get[4] ?? Number.NaN, 'p99 of GET': get[6] ?? Number.NaN } };
}
