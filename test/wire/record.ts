import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { Turn } from './replay.ts';

/** A plain relay that keeps what is said through it, connection by connection: where the recorded conversations come from. */
export interface Recorder extends AsyncDisposable {
  /** Where the client is pointed at. */
  readonly port: number;
  /** Each connection so far, its turns in order; bytes of one side in a row are one turn. */
  readonly conversations: readonly (readonly Turn[])[];
}

/** Records what clients and `upstream` (a port of the loopback address) say to each other. */
export async function record(upstream: number): Promise<Recorder> {
  const conversations: Turn[][] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const turns: Turn[] = [];
    conversations.push(turns);
    const far = connect({ host: '127.0.0.1', port: upstream });
    const relay = (from: Turn['from'], source: Socket, sink: Socket): void => {
      sockets.add(source);
      source.on('data', (bytes: Buffer) => {
        const last = turns.at(-1);
        if (last?.from === from) turns[turns.length - 1] = { from, bytes: Buffer.concat([last.bytes, bytes]) };
        else turns.push({ from, bytes });
        sink.write(bytes);
      });
      source.on('end', () => sink.end());
      source.on('error', () => sink.destroy());
      source.on('close', () => (sockets.delete(source), sink.destroy()));
    };
    relay('client', client, far);
    relay('upstream', far, client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    conversations,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
