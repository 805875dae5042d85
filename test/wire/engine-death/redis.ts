import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import { startRedis } from '../../lab/redis.ts';
import { type Place, type Scene, soon } from './parts.ts';

/** A command that is held, a client that blocks, one that is subscribed, and a transaction that failed at its half. */
export async function redisScene(): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startRedis());
  let clients: Redis[] = [];
  let held: Promise<number>;
  let blocked: Promise<[string, string] | null>;
  const heard: string[] = [];
  const moved = stack.move();
  return {
    route: `protocol: redis, upstream: "${server.address}"`,
    policies: {
      outage: 'type: redis, target: incr, error_chance: 1, error_body: "LOADING injected"',
      held: 'type: redis, target: rpush, latency_chance: 1, latency_duration: 10m',
    },
    struck: async ({ host, port }: Place) => {
      clients = Array.from({ length: 4 }, () => {
        // As applications have it: tries again for as long as it takes.
        const client = new Redis({ host, port, retryStrategy: () => 50, maxRetriesPerRequest: null });
        client.on('error', () => {});
        moved.defer(() => client.disconnect());
        return client;
      });
      const [redis, holding, blocking, subscribed] = clients as [Redis, Redis, Redis, Redis];
      await redis.set('n', '1');
      await assert.rejects(redis.incr('n'), /LOADING injected/);
      await assert.rejects(redis.multi().set('half', 'done').incr('n').exec(), /EXECABORT/);
      held = holding.rpush('list', 'once');
      blocked = blocking.blpop('queue', 0);
      subscribed.on('message', (_channel: string, message: string) => heard.push(message));
      await subscribed.subscribe('news');
    },
    goesOn: async () => {
      const [redis] = clients as [Redis];
      await soon('the route passes again', async () => (await redis.get('n')) === '1');
      assert.equal(await redis.incr('n'), 2);
      assert.equal(await redis.exists('half'), 0, 'nothing of the transaction took place');
      assert.equal(await held, 1, 'what was held is said again');
      assert.deepEqual(await redis.lrange('list', 0, -1), ['once']);
      await redis.rpush('queue', 'job');
      assert.deepEqual(await blocked, ['queue', 'job']);
      await soon('its subscription is back', async () => (await redis.publish('news', 'hello')) === 1);
      await soon('a message arrives', () => heard.includes('hello'));
    },
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}
