import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { Figure } from './figure.ts';
import { Part } from './processes.ts';

const CONNECTIONS = 1_000;
const PROTOCOLS = ['http', 'redis', 'tcp'] as const;

/** What open connections that are used once and then idle cost a wire in resident memory. */
export async function run(say: (line: string) => void): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const protocol of PROTOCOLS) {
    say(`${CONNECTIONS} connections of ${protocol}`);
    figures.push({ bench: 'idle', metric: `${CONNECTIONS} idle connections, ${protocol}`, value: await cost(protocol), unit: 'MB' });
  }
  return figures;
}

/** One request and its answer, as each protocol says it, so that both sockets and all buffers are there. */
const WORDS: Readonly<Record<(typeof PROTOCOLS)[number], { readonly ask: string; readonly answer: string }>> = {
  http: { ask: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', answer: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok' },
  redis: { ask: '*2\r\n$3\r\nGET\r\n$1\r\na\r\n', answer: '$2\r\nok\r\n' },
  tcp: { ask: 'hello', answer: 'hello' },
};

async function cost(protocol: (typeof PROTOCOLS)[number]): Promise<number> {
  const { ask, answer } = WORDS[protocol];
  const server = createServer((socket) => {
    socket.on('data', () => socket.write(answer));
    socket.on('error', () => {});
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  const upstream = typeof address === 'object' && address !== null ? address.port : 0;
  using proxy = Part.node('wire.ts', String(upstream), '0', protocol);
  const { port } = await proxy.answer<{ port: number }>();
  const sockets: Socket[] = [];
  const open = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const socket = connect({ host: '127.0.0.1', port });
      sockets.push(socket);
      await once(socket, 'connect');
      socket.write(ask);
      await once(socket, 'data');
    }
  };
  // The first few bring what all share.
  await open(50);
  const before = proxy.memory();
  await open(CONNECTIONS);
  const grown = proxy.memory() - before;
  for (const socket of sockets) socket.destroy();
  server.close();
  return Number(grown.toFixed(1));
}
