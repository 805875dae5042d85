import type { Redis } from 'ioredis';
import { redisClient, type RedisClientOptions, startRedis } from '../../lab/redis.ts';
import type { LabServer } from '../../lab/server.ts';
import { RouteStage, routeTo } from '../stage.ts';

/** A redis-server, a route to it, clients of both, and the policies of one test. */
export class RedisStage extends RouteStage<LabServer> {
  readonly port = Number(this.address.split(':').at(-1));
  /** A client that goes past the route. */
  readonly direct = this.#kept(redisClient(this.server.port));

  static async start(): Promise<RedisStage> {
    return new RedisStage(await routeTo('redis', startRedis()));
  }
  /** A client of the route, disconnected with the stage. */
  client(options: RedisClientOptions = {}): Redis {
    return this.#kept(redisClient(this.port, options));
  }
  /** Empties the server as well. */
  override async clear(): Promise<void> {
    await super.clear();
    await this.direct.flushall();
  }
  #kept(client: Redis): Redis {
    this.stack.defer(() => client.disconnect());
    return client;
  }
}
