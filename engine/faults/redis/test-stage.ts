import assert from 'node:assert/strict';
import { type Redis } from 'ioredis';
import { redisClient, type RedisClientOptions, startRedis } from '../../../test/lab/redis.ts';
import { selfIdentity, stateOf } from '../../host/identity.ts';
import { millis } from '../../kernel/brands.ts';
import { type Effect, type FaultRequest, type InjectContext } from '../../kernel/fault.ts';
import { newFaultId, newRunId } from '../../kernel/random.ts';
import { createWire } from '../../wire/create.ts';
import { type WireUndo } from '../../wire/injector.ts';
import { redisInjector } from './injector.ts';
import { redisManifest, type RedisParams } from './manifest.ts';

const ROUTES = [{ name: 'cache', protocol: 'redis' as const, listen: '127.0.0.1:0', upstream: '127.0.0.1:1' }];
export const requestOf = (fields: Record<string, unknown>, over: Partial<FaultRequest<RedisParams>> = {}): FaultRequest<RedisParams> => ({
  run: newRunId(), policy: 'p', type: 'redis', target: 'get', route: '', routes: ROUTES, ignored: ['PING', 'INFO', 'CONFIG'],
  params: redisManifest.params.parse(fields), seed: 42, hold: millis(1_000), ...over,
});
export const contextOf = (request: FaultRequest<RedisParams>): InjectContext<RedisParams, WireUndo> => ({
  fault: newFaultId(), request, signal: new AbortController().signal, amend: () => {}, injected: () => {},
});

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
  const injector = redisInjector({ wire, owner: selfIdentity(), ownerState: stateOf });

  /** The whole life of one fault: plan, inject, act, verify, revert; twice where twice must do no harm. */
  const during = async (request: FaultRequest<RedisParams>, act: () => Promise<void>): Promise<Effect> => {
    const context = contextOf(request);
    const [plan] = await injector.plan(request, context.signal);
    assert.ok(plan);
    const record = injector.undo.parse(JSON.parse(JSON.stringify(plan.undo)));
    const print = await injector.fingerprint(record);
    await injector.inject(record, context);
    await injector.inject(record, context);
    assert.notEqual(await injector.fingerprint(record), print);
    try {
      await act();
      return await injector.verify(record, context);
    } finally {
      await injector.revert(record);
      await injector.revert(record);
      assert.equal(await injector.fingerprint(record), print);
    }
  };
  return { port, server, wire, client, direct, injector, during, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}
export type Stage = Awaited<ReturnType<typeof stage>>;
export const figureOf = (effect: Effect, name: string) => effect.figures.find((figure) => figure.name === name);
