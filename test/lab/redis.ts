import { connect } from 'node:net';
import { Redis } from 'ioredis';
import { type LabServer, startServer } from './server.ts';

/** A redis-server without persistence, with the users `default` (no password) and whatever `args` add. */
export function startRedis(...args: readonly string[]): Promise<LabServer> {
  return startServer({
    program: 'redis-server',
    args: (folder, port) => [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--dir',
      folder,
      '--save',
      '',
      '--appendonly',
      'no',
      '--daemonize',
      'no',
      '--enable-debug-command',
      'yes',
      ...args,
    ],
    ready: pings,
  });
}

/** Whether it answers PING: it accepts connections before it serves. An error (a password is wanted) is an answer as well. */
function pings(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write('PING\r\n'));
    socket.once('data', (bytes) => {
      socket.destroy();
      resolve(!bytes.toString().startsWith('-LOADING'));
    });
    socket.once('error', reject);
  });
}

export interface RedisClientOptions {
  readonly db?: number;
  /** Of RESP; ioredis speaks 3 unless told otherwise. */
  readonly protocol?: 2 | 3;
  readonly lazyConnect?: boolean;
}

/** A client that never tries twice, so that a test sees what happened to each command. Disconnected by its owner. */
export function redisClient(port: number, options: RedisClientOptions = {}): Redis {
  const client = new Redis({ host: '127.0.0.1', port, retryStrategy: () => null, maxRetriesPerRequest: 0, ...options });
  // Whoever wants to know of a broken connection listens for itself.
  client.on('error', () => {});
  return client;
}
