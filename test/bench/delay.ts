import { createServer, connect } from 'node:net';
import { createWire } from '../../engine/wire/create.ts';
import { type Figure, quantile } from './figure.ts';

/** What is asked for, and how often. One request at a time: the figure is the wire's own error, not that of a queue. */
const DELAY_MS = 10;
const REQUESTS = 300;
const WARM_UP = 50;
const REQUEST = 'GET /slow HTTP/1.1\r\nHost: bench\r\n\r\n';
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/**
 * How far a delay of 10 ms is off: the time a request takes under the fault, less what it was asked to wait and less the
 * median of the same request without the fault, all seen by the client; and CPU spent while nothing is due.
 */
export async function run(): Promise<readonly Figure[]> {
  await using stack = new AsyncDisposableStack();
  const upstream = createServer({ noDelay: true }, (socket) => {
    socket.on('data', () => socket.write(ANSWER)).on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  stack.defer(() => void upstream.close());
  const wire = stack.use(createWire());
  const address = upstream.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const [route] = await wire.open([{ name: 'bench', protocol: 'http', listen: '127.0.0.1:0', upstream: `127.0.0.1:${port}` }]);
  const socket = connect({ port: Number(route?.listen.split(':')[1]), host: '127.0.0.1', noDelay: true });
  stack.defer(() => void socket.destroy());
  const ask = (): Promise<number> =>
    new Promise((resolve, reject) => {
      const began = performance.now();
      socket.once('error', reject);
      socket.once('data', () => {
        socket.off('error', reject);
        resolve(performance.now() - began);
      });
      socket.write(REQUEST);
    });
  const askMany = async (): Promise<number[]> => {
    const took: number[] = [];
    for (let i = 0; i < WARM_UP + REQUESTS; i++) took.push(await ask());
    return took.slice(WARM_UP);
  };
  const plain = quantile(await askMany(), 0.5);
  await wire.add({
    id: 'bench', name: 'bench', protocol: 'http', target: 'all', route: '', seed: 1, latencyChance: 1, latencyMs: DELAY_MS,
    errorChance: 0, errorCode: 0, errorBody: '', dropConnection: false, matchHeaders: {}, throttleRate: 0,
  });
  const errors = (await askMany()).map((took) => took - DELAY_MS - plain);
  const idle = await idleLoad();
  const figure = (metric: string, value: number, unit = 'ms'): Figure => ({ bench: 'delay', metric, value: Number(value.toFixed(3)), unit });
  return [
    figure(`firebreak, ${DELAY_MS} ms, p50 off by`, quantile(errors, 0.5)),
    figure(`firebreak, ${DELAY_MS} ms, p99 off by`, quantile(errors, 0.99)),
    figure(`firebreak, ${DELAY_MS} ms, mean by its own measure`, wire.counters('bench')?.meanDelay ?? Number.NaN),
    figure('firebreak, cpu while nothing is due', idle, 'cores'),
  ];
}

/** The share of a core that this process uses while it only waits: a timer that spins would show as 1. */
async function idleLoad(): Promise<number> {
  const span = 500;
  const before = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, span));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000 / span;
}
