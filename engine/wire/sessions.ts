import type { Protocol } from '../contract/models.ts';
import type { SessionFactory } from './session.ts';

/**
 * How each protocol is understood; a protocol without an entry does not compile. Loaded when the first route of the
 * protocol opens: a worker that carries HTTP need not hold what Kafka needs.
 */
export const SESSIONS: Readonly<Record<Protocol, () => Promise<SessionFactory>>> = {
  http: async () => (await import('./http/http-session.ts')).httpSession,
  grpc: async () => (await import('./grpc/session.ts')).grpcSession,
  sql: async () => (await import('./sql/session.ts')).sqlSession,
  redis: async () => {
    const { RedisSession } = await import('./redis/redis-session.ts');
    return (link) => new RedisSession(link);
  },
  mongo: async () => {
    const { MongoSession } = await import('./mongo/session.ts');
    return (link) => new MongoSession(link);
  },
  kafka: async () => {
    const { KafkaSession } = await import('./kafka/session.ts');
    return (link) => new KafkaSession(link);
  },
  rabbitmq: async () => {
    const { AmqpSession } = await import('./amqp/amqp.ts');
    return (link) => new AmqpSession(link);
  },
  tcp: async () => {
    const { TcpSession } = await import('./tcp/session.ts');
    return (link) => new TcpSession(link);
  },
};
