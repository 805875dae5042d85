import type { Bench } from './figure.ts';
import { Part } from './processes.ts';
import { compareAll } from './ways.ts';

const ROUNDS = 6;
/** A call is much work for the code of a session, and a round has few of them. */
const WARM_UPS = 4;
/** What makes a round of about half a second: calls with one message each way, or the messages of one call. */
const LOADS = [
  { kind: 'unary', unit: 'calls', count: 2_000 },
  { kind: 'stream', unit: 'messages', count: 10_000 },
] as const;

/** @grpc/grpc-js at both ends, in processes of their own: unary calls, and one long bidirectional stream that is echoed. */
export const run: Bench['run'] = (say) =>
  compareAll(
    {
      lacks: false,
      start: async () => {
        const stack = new AsyncDisposableStack();
        const server = stack.use(Part.node('grpc-server.ts'));
        const load = stack.use(Part.node('grpc-load.ts'));
        const { port } = await server.answer<{ port: number }>();
        return { port, load, [Symbol.asyncDispose]: () => stack.disposeAsync() };
      },
      comparisons: ({ port: upstream, load }) =>
        LOADS.map(({ kind, unit, count }) => ({
          bench: 'grpc',
          prefix: `${kind}, `,
          unit,
          cpu: { per: 100_000, called: `s/100k ${unit}` },
          also: { p50: 'ms', p99: 'ms' },
          protocol: 'grpc',
          upstream,
          rounds: ROUNDS,
          warmUps: WARM_UPS,
          measure: async (port) => {
            const { seconds, p50, p99 } = await load.ask<{ seconds: number; p50: number; p99: number }>({ port, kind, count });
            return { done: count, seconds, also: { p50, p99 } };
          },
        })),
    },
    say,
  );
