import type { Redis } from 'ioredis';
import type { WirePolicy } from '../../../engine/policy/snapshot.ts';
import type { PolicyCounters, RouteCounters, Wire } from '../../../engine/wire/wire.ts';
import { redisClient, type RedisClientOptions, startRedis } from '../../lab/redis.ts';
import type { LabServer } from '../../lab/server.ts';
import { policy, wireTo } from '../parts.ts';

/** A redis-server, a route to it, clients of both, and the policies of one test. */
export class RedisStage implements AsyncDisposable {
  readonly server: LabServer;
  readonly wire: Wire;
  readonly port: number;
  readonly address: string;
  readonly errors: readonly Error[];
  /** A client that goes past the route. */
  readonly direct: Redis;
  readonly #stack: AsyncDisposableStack;
  readonly #added: string[] = [];

  private constructor(stack: AsyncDisposableStack, server: LabServer, { wire, address, errors }: Awaited<ReturnType<typeof wireTo>>) {
    this.#stack = stack;
    this.server = server;
    this.wire = stack.use(wire);
    this.address = address;
    this.port = Number(address.split(':').at(-1));
    this.errors = errors;
    this.direct = this.#kept(redisClient(server.port));
  }
  static async start(): Promise<RedisStage> {
    const stack = new AsyncDisposableStack();
    const server = stack.use(await startRedis());
    return new RedisStage(stack, server, await wireTo(server.address, { protocol: 'redis' }));
  }
  /** A client of the route, disconnected with the stage. */
  client(options: RedisClientOptions = {}): Redis {
    return this.#kept(redisClient(this.port, options));
  }
  async add(over: Partial<WirePolicy>): Promise<WirePolicy> {
    const one = policy({ protocol: 'redis', ...over });
    this.#added.push(one.id);
    await this.wire.add(one);
    return one;
  }
  counters({ id }: WirePolicy): PolicyCounters {
    const found = this.wire.counters(id);
    if (found === undefined) throw new Error(`no policy ${id} in the wire`);
    return found;
  }
  get route(): RouteCounters {
    return this.wire.routeCounters()[0] as RouteCounters;
  }
  /** Takes away every policy, ends a HALT, and empties the server. */
  async clear(): Promise<void> {
    this.wire.resume();
    for (const id of this.#added.splice(0)) await this.wire.remove(id);
    await this.direct.flushall();
  }
  #kept(client: Redis): Redis {
    this.#stack.defer(() => client.disconnect());
    return client;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
