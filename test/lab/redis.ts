import { Redis } from 'ioredis';
import { redisServer } from '../../engine/demo/servers/redis.ts';
import { type LabServer, startServer } from './server.ts';

/** A redis-server without persistence, with the users `default` (no password) and whatever `args` add. */
export function startRedis(...args: readonly string[]): Promise<LabServer> {
  return startServer(redisServer('--enable-debug-command', 'yes', ...args));
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
