import { after, before, describe, it } from 'node:test';
import { kafkaMissing } from '../../lab/kafka.ts';
import { noMariaDb } from '../../lab/mariadb.ts';
import { mongoMissing } from '../../lab/mongo.ts';
import { noPostgres } from '../../lab/postgres.ts';
import { noRabbitmq } from '../../lab/rabbitmq.ts';
import { missing } from '../../lab/server.ts';
import { grpcScene } from './grpc.ts';
import { http2Scene } from './http2.ts';
import { kafkaScene } from './kafka.ts';
import { mariadbScene } from './mariadb.ts';
import { mongoScene } from './mongo.ts';
import { type Scene } from './parts.ts';
import { Play } from './play.ts';
import { postgresScene } from './postgres.ts';
import { rabbitmqScene } from './rabbitmq.ts';
import { redisScene } from './redis.ts';
import { mqttScene, natsScene } from './tcp.ts';

/** By the name of its route: why it cannot be played here, or false. */
const SCENES: Readonly<Record<string, readonly [title: string, skip: string | false, make: () => Promise<Scene>]>> = {
  http2: ['HTTP/2', false, http2Scene],
  grpc: ['gRPC', false, grpcScene],
  redis: ['Redis', missing('redis-server'), redisScene],
  postgres: ['PostgreSQL', noPostgres, () => postgresScene(false)],
  'postgres-tls': ['PostgreSQL in TLS', noPostgres || missing('openssl'), () => postgresScene(true)],
  mariadb: ['MariaDB', noMariaDb, () => mariadbScene(false)],
  'mariadb-tls': ['MariaDB in TLS', noMariaDb, () => mariadbScene(true)],
  mongo: ['MongoDB', mongoMissing(), mongoScene],
  kafka: ['Kafka', kafkaMissing(), kafkaScene],
  rabbitmq: ['RabbitMQ', noRabbitmq(), rabbitmqScene],
  nats: ['NATS, by its bytes', missing('nats-server'), natsScene],
  mqtt: ['MQTT, by its bytes', missing('mosquitto'), mqttScene],
};
const ALL = Object.entries(SCENES);

describe('clients go on when the engine is killed with -9, and nothing half done is left', { timeout: 300_000 }, () => {
  const play = new Play();
  const makers = Object.fromEntries(ALL.filter(([, [, skip]]) => skip === false).map(([name, [, , make]]) => [name, make]));
  before(() => play.killedIn(makers), { timeout: 300_000 });
  after(() => play[Symbol.asyncDispose](), { timeout: 300_000 });

  for (const [name, [title, skip]] of ALL) it(title, { skip }, () => play.goesOn(name));
  it('nothing is left to recover, and the routes close when that is asked for', () => play.ends());
});
