import type { Figure } from './figure.ts';
import { Part } from './processes.ts';
import { compare } from './ways.ts';

const ROUNDS = 24;
const ROUND_MS = 500;
const CONNECTIONS = 32;

/** HTTP/1.1 pass-through. */
export async function run(say: (line: string) => void): Promise<readonly Figure[]> {
  using stack = new DisposableStack();
  const upstream = stack.use(Part.node('upstream.ts'));
  const load = stack.use(Part.node('load.ts'));
  return await compare(
    {
      bench: 'http',
      unit: 'requests',
      cpu: { per: 100_000, called: 's/100k requests' },
      also: { p50: 'ms', p99: 'ms' },
      protocol: 'http',
      upstream: (await upstream.answer<{ port: number }>()).port,
      rounds: ROUNDS,
      measure: async (port) => {
        const { requests, seconds, p50, p99 } = await load.ask<Answer>({ port, connections: CONNECTIONS, ms: ROUND_MS });
        return { done: requests, seconds, also: { p50, p99 } };
      },
    },
    say,
  );
}
interface Answer {
  readonly requests: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
}
