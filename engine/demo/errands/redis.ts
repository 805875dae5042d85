import { CONNECT_WITHIN, type Errand, PATIENCE } from './errand.ts';

/** Sessions are kept this long, seconds, and there are never more than KEYS. */
const KEPT = 60;
const KEYS = 100;

/** Keeps a session and looks it up again, as a shop does for each visitor. A miss is no failure: the visitor logs in anew. */
export async function redisErrand(address: string): Promise<Errand> {
  const { Redis } = await import('ioredis');
  const [host = '', port] = address.split(':');
  const client = new Redis({
    host,
    port: Number(port),
    connectTimeout: CONNECT_WITHIN,
    commandTimeout: PATIENCE,
    maxRetriesPerRequest: 1,
    retryStrategy: () => 100,
  });
  client.on('error', () => {}); // the command that it hits says so
  let [visits, misses] = [0, 0];
  return {
    run: async () => {
      const key = `session:${visits++ % KEYS}`;
      await client.set(key, `visitor ${visits}`, 'EX', KEPT);
      const found = (await client.get(key)) !== null;
      if (!found) misses++;
      return { key, found, misses };
    },
    [Symbol.asyncDispose]: async () => client.disconnect(),
  };
}
