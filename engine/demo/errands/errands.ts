import { type Protocol } from '../../contract/models.ts';
import { type ServerSpec } from '../../index.ts';
import { ferretServer, mongoServer } from '../servers/mongo.ts';
import { kafkaServer } from '../servers/kafka.ts';
import { postgresServer, urlOf } from '../servers/postgres.ts';
import { rabbitmqServer } from '../servers/rabbitmq.ts';
import { redisServer } from '../servers/redis.ts';
import { type OpenErrand } from './errand.ts';

/** One protocol of the demo: who serves it, which route leads there, and the errand that uses it. */
export interface Part {
  /** The route, which experiments name. */
  readonly route: string;
  /** The client library, which comes with a checkout of Firebreak and not with an installed one. */
  readonly library: string;
  /** What may serve it, the first that is here; none: a process of the demo does. */
  readonly servers: readonly (() => ServerSpec)[];
  readonly open: OpenErrand;
  /** Variables by which policies find the server itself, such as `env:FIREBREAK_DEMO_DATABASE`. */
  readonly tells?: (address: string) => Readonly<Record<string, string>>;
}

/** By protocol, which is also the name of the errand. Whatever an errand needs is loaded only when it runs. */
export const ERRANDS = {
  grpc: { route: 'rpc', library: '@grpc/grpc-js', servers: [], open: async (at) => (await import('./grpc.ts')).grpcErrand(at) },
  sql: {
    route: 'database', library: 'pg', servers: [postgresServer], open: async (at) => (await import('./sql.ts')).sqlErrand(at),
    tells: (address) => ({ FIREBREAK_DEMO_DATABASE: urlOf(address) }),
  },
  redis: { route: 'cache', library: 'ioredis', servers: [redisServer], open: async (at) => (await import('./redis.ts')).redisErrand(at) },
  mongo: { route: 'documents', library: 'mongodb', servers: [mongoServer, ferretServer], open: async (at) => (await import('./mongo.ts')).mongoErrand(at) },
  kafka: { route: 'topics', library: 'kafkajs', servers: [kafkaServer], open: async (at) => (await import('./kafka.ts')).kafkaErrand(at) },
  rabbitmq: { route: 'queue', library: 'amqplib', servers: [rabbitmqServer], open: async (at) => (await import('./rabbitmq.ts')).rabbitmqErrand(at) },
} satisfies Readonly<Partial<Record<Protocol, Part>>>;
export type ErrandName = keyof typeof ERRANDS;

export const errandNames = Object.keys(ERRANDS) as ErrandName[];
export const isErrand = (name: string): name is ErrandName => Object.hasOwn(ERRANDS, name);
