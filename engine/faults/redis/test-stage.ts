import { type Redis } from 'ioredis';
import { redisClient, type RedisClientOptions, startRedis } from '../../../test/lab/redis.ts';
import { faultLife, faultRequest, onWire } from '../../../test/support/fault-life.ts';
import { type Effect, type FaultRequest } from '../../kernel/fault.ts';
import { createWire } from '../../wire/create.ts';
import { redisInjector } from './injector.ts';
import { redisManifest, type RedisParams } from './manifest.ts';

const ROUTES = [{ name: 'cache', protocol: 'redis' as const, listen: '127.0.0.1:0', upstream: '127.0.0.1:1' }];
export const requestOf = (fields: Record<string, unknown>, over: Partial<FaultRequest<RedisParams>> = {}): FaultRequest<RedisParams> =>
  faultRequest(redisManifest, fields, { target: 'get', routes: ROUTES, ignored: ['PING', 'INFO', 'CONFIG'], ...over });

/** A redis-server of its own behind a route, and clients of both. */
export async function stage() {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startRedis());
  const wire = stack.use(createWire());
  const [route] = await wire.open(ROUTES.map((one) => ({ ...one, upstream: server.address })));
  const port = Number(route?.listen.split(':').at(-1));
  const moved = stack.move();
  const client = (options: RedisClientOptions = {}, at = port): Redis => {
    const redis = redisClient(at, options);
    moved.defer(() => redis.disconnect());
    return redis;
  };
  const direct = client({}, server.port);
  const injector = redisInjector(onWire(wire));

  const during = (request: FaultRequest<RedisParams>, act: () => Promise<void>): Promise<Effect> => faultLife(injector, request, act);
  return { port, server, wire, client, direct, injector, during, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}
export type Stage = Awaited<ReturnType<typeof stage>>;
