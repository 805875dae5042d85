import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { startNginx } from '../lab/nginx.ts';
import { missing, programOf } from '../lab/server.ts';
import type { Bench } from './figure.ts';
import { compareAll, type Round } from './ways.ts';

const ROUNDS = 8;
const CONNECTIONS = 20;
/** Requests that are under way on a connection, and how many make a round of about half a second. */
const STREAMS = [
  { streams: 1, requests: 20_000 },
  { streams: 10, requests: 40_000 },
] as const;

/** h2load on nginx, without TLS: small answers, one request at a time and ten at once on each connection. */
export const run: Bench['run'] = (say) =>
  compareAll(
    {
      lacks: missing('nginx', 'h2load'),
      start: startNginx,
      comparisons: ({ port: upstream }) =>
        STREAMS.map(({ streams, requests }) => ({
          bench: 'http2',
          prefix: `${streams} ${streams === 1 ? 'stream' : 'streams'}, `,
          unit: 'requests',
          cpu: { per: 100_000, called: 's/100k requests' },
          protocol: 'http',
          upstream,
          rounds: ROUNDS,
          measure: (port) => round(port, streams, requests),
        })),
    },
    say,
  );

async function round(port: number, streams: number, requests: number): Promise<Round> {
  const args = ['-c', CONNECTIONS, '-m', streams, '-n', requests, `http://127.0.0.1:${port}/a`].map(String);
  const { stdout } = await promisify(execFile)(programOf('h2load') ?? 'h2load', args);
  const succeeded = Number(/(\d+) succeeded/.exec(stdout)?.[1]);
  const [, time = '', unit = ''] = /finished in ([\d.]+)(ms|s)/.exec(stdout) ?? [];
  if (succeeded !== requests) throw new Error(`h2load said: ${stdout}`);
  return { done: requests, seconds: Number(time) / (unit === 'ms' ? 1_000 : 1) };
}
