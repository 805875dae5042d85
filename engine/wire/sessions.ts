import type { Protocol } from '../contract/models.ts';
import { AmqpSession } from './amqp/amqp.ts';
import { HttpSession } from './http/http-session.ts';
import { KafkaSession } from './kafka/session.ts';
import { sqlSession } from './sql/session.ts';
import { TcpSession } from './tcp/session.ts';
import { MongoSession } from './mongo/session.ts';
import { RedisSession } from './redis/redis-session.ts';
import { PassingSession, type SessionFactory } from './session.ts';

/** How each protocol is understood; a protocol without an entry does not compile. */
export const SESSIONS: Readonly<Record<Protocol, SessionFactory>> = {
  http: (link) => new HttpSession(link),
  grpc: (link) => new PassingSession(link),
  sql: sqlSession,
  redis: (link) => new RedisSession(link),
  mongo: (link) => new MongoSession(link),
  kafka: (link) => new KafkaSession(link),
  rabbitmq: (link) => new AmqpSession(link),
  tcp: (link) => new TcpSession(link),
};
