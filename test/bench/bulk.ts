import { connect } from 'node:net';
import { once } from 'node:events';
import type { Figure } from './figure.ts';
import { Part } from './processes.ts';
import { compare } from './ways.ts';

const ROUNDS = 4;
/** Bytes of a round: a gibibyte in all four of one way. */
const BYTES = 2 ** 28;

/** Bulk transfer: a gibibyte from the upstream to one client, over all rounds, as fast as it goes. */
export async function run(say: (line: string) => void): Promise<readonly Figure[]> {
  using stack = new DisposableStack();
  const source = stack.use(Part.node('source.ts', String(BYTES)));
  return await compare(
    {
      bench: 'bulk',
      unit: 'bytes',
      rate: { unit: 'MB/s', per: 1e6 },
      cpu: { per: 1e9, called: 's/GB' },
      protocol: 'tcp',
      upstream: (await source.answer<{ port: number }>()).port,
      rounds: ROUNDS,
      measure: take,
    },
    say,
  );
}

async function take(port: number): Promise<{ done: number; seconds: number }> {
  const began = performance.now();
  let done = 0;
  const buffer = Buffer.allocUnsafeSlow(262_144);
  const socket = connect({ host: '127.0.0.1', port, onread: { buffer, callback: (length) => ((done += length), true) } });
  await once(socket, 'close');
  if (done !== BYTES) throw new Error(`${done} of ${BYTES} bytes came through port ${port}`);
  return { done, seconds: (performance.now() - began) / 1_000 };
}
