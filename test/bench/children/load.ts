import { connect } from 'node:net';

/**
 * The load: keep-alive connections on raw sockets, each with one request under way. For each line
 * `{"port", "connections", "ms"}` on stdin it runs one round and prints `{"requests", "seconds", "p50", "p99"}` (ms).
 */
interface Round {
  readonly port: number;
  readonly connections: number;
  readonly ms: number;
}
const REQUEST = Buffer.from(
  'GET /api/v1/customers/4711/orders?page=2 HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: firebreak-bench\r\nAccept: */*\r\n' +
    'Accept-Encoding: gzip, deflate\r\nX-Request-Id: 5f0c954e-3d3b-4d0e-9a51\r\n\r\n',
);
const quantile = (sorted: Float64Array, q: number): number => sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] ?? NaN;

async function round({ port, connections, ms }: Round): Promise<object> {
  const took: number[] = [];
  const began = performance.now();
  const until = began + ms;
  let length = 0;
  await Promise.all(
    Array.from({ length: connections }, () =>
      new Promise<void>((resolve, reject) => {
        const buffer = Buffer.allocUnsafeSlow(4_096);
        let sent = 0;
        let missing = 0;
        const callback = (read: number): boolean => {
          // Every answer has the same length; the first one tells it.
          if (length === 0) length = buffer.toString('latin1', 0, read).indexOf('\r\n\r\n') + 4 + 128;
          missing -= read;
          if (missing > -length) return true;
          missing = 0;
          const now = performance.now();
          took.push(now - sent);
          if (now >= until) {
            socket.end();
            resolve();
          } else {
            sent = now;
            socket.write(REQUEST);
          }
          return true;
        };
        const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer, callback } }, () => {
          sent = performance.now();
          socket.write(REQUEST);
        });
        socket.on('error', reject);
        socket.on('close', () => resolve());
      }),
    ),
  );
  const seconds = (performance.now() - began) / 1_000;
  const sorted = Float64Array.from(took).sort();
  return { requests: took.length, seconds, p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) };
}

let text = '';
process.stdin.setEncoding('utf8').on('data', async (chunk: string) => {
  text += chunk;
  const end = text.indexOf('\n');
  if (end < 0) return;
  const order = JSON.parse(text.slice(0, end)) as Round;
  text = text.slice(end + 1);
  process.stdout.write(`${JSON.stringify(await round(order))}\n`);
});
process.stdin.on('end', () => process.exit(0));
