import { connect as connectAmqp } from 'amqplib';
import pg from 'pg';
import mysql from 'mysql2/promise';
import { kafkaMissing, startKafka } from '../lab/kafka.ts';
import { noMariaDb, startMariaDb } from '../lab/mariadb.ts';
import { clientOf as mongoClient, mongoMissing, startMongo } from '../lab/mongo.ts';
import { noPostgres, startPostgres, urlOf } from '../lab/postgres.ts';
import { noRabbitmq, startRabbitmq } from '../lab/rabbitmq.ts';
import { redisClient, startRedis } from '../lab/redis.ts';
import { missing } from '../lab/server.ts';
import { startService } from '../support/service.ts';
import { Buyer, Shop } from '../wire/grpc/parts.ts';
import { clientOf as kafkaClient } from '../wire/kafka/stage.ts';
import { ordersOf } from '../wire/mongo/stage.ts';
import { whereAndWho } from '../wire/sql/mysql-stage.ts';
import { again, type Case, type Stage } from './case.ts';

/** A server and what goes on asking it through a route of this protocol. */
async function over(protocol: string, policy: string, server: AsyncDisposable & { readonly address: string }, busy: NonNullable<Stage['busy']>): Promise<Stage> {
  return {
    policy: `${policy.startsWith('type:') ? '' : `type: ${protocol}, `}${policy}`,
    routes: `  - { name: one, protocol: ${protocol}, listen: "127.0.0.1:0", upstream: "${server.address}" }`,
    busy,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
/** Asks with one client until disposed, and then lets the client go: its call under way may be one that is held. */
async function asking(ask: () => Promise<unknown>, leave: () => unknown): Promise<AsyncDisposable> {
  const calls = again(ask);
  return {
    [Symbol.asyncDispose]: async () => {
      const over = calls[Symbol.asyncDispose]();
      await leave();
      await over;
    },
  };
}

const overHttp = async (policy: string, length = 1_000): Promise<Stage> => {
  const body = 'x'.repeat(length);
  return over('http', policy, await startService((_request, response) => response.end(body)), async (listen) => again(async () => (await fetch(`http://${listen}/orders`)).text()));
};
const overRedis = async (policy: string): Promise<Stage> =>
  over('redis', policy, await startRedis(), async (listen) => {
    const redis = redisClient(portOf(listen));
    return asking(() => redis.get('session:42'), () => redis.disconnect());
  });
const overPostgres = async (policy: string): Promise<Stage> =>
  over('sql', policy, await startPostgres(), async (listen) => {
    const pool = new pg.Pool({ connectionString: urlOf(listen), max: 4 });
    pool.on('error', () => {}).on('connect', (client) => client.on('error', () => {}));
    return asking(() => pool.query('SELECT 13'), () => pool.end());
  });
const overMariaDb = async (policy: string): Promise<Stage> =>
  over('sql', policy, await startMariaDb(), async (listen) => {
    const pool = mysql.createPool({ ...whereAndWho(listen), connectionLimit: 4 });
    return asking(() => pool.query('SELECT 13'), () => pool.end());
  });
const overMongo = async (policy: string): Promise<Stage> =>
  over('mongo', policy, await startMongo(), async (listen) => {
    const client = mongoClient(listen);
    return asking(() => ordersOf(client).findOne(), () => client.close());
  });
const overGrpc = async (policy: string): Promise<Stage> =>
  over('grpc', policy, await Shop.start(), async (listen) => {
    const buyer = new Buyer(listen);
    return asking(() => buyer.call('Place'), () => buyer[Symbol.dispose]());
  });
async function overKafka(policy: string): Promise<Stage> {
  const server = await startKafka();
  const admin = kafkaClient(server.address, { retry: { retries: 10 } }).admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: 'orders', numPartitions: 1, replicationFactor: 1 }] });
  await admin.disconnect();
  return over('kafka', policy, server, async (listen) => {
    const producer = kafkaClient(listen).producer();
    await producer.connect();
    return asking(() => producer.send({ topic: 'orders', messages: [{ value: 'once' }] }), () => producer.disconnect());
  });
}
const overRabbitmq = async (policy: string): Promise<Stage> =>
  over('rabbitmq', policy, await startRabbitmq(), async (listen) => {
    const client = await connectAmqp(`amqp://guest:guest@${listen}`);
    client.on('error', () => {});
    const channel = await client.createConfirmChannel();
    channel.on('error', () => {});
    await channel.assertQueue('orders');
    const publish = async (): Promise<void> => {
      channel.sendToQueue('orders', Buffer.from('once'));
      await channel.waitForConfirms();
    };
    return asking(publish, () => client.close().catch(() => {}));
  });
const portOf = (listen: string): number => Number(listen.split(':').at(-1));

/** Short, so that it is measured on some hundreds. */
const LATE = 'latency_chance: 1, latency_duration: 50ms';

/** The faults of protocols, each with a real server and a real client of it. */
export const WIRE_CASES: readonly Case[] = [
  { name: 'http: latency 200 ms', stage: () => overHttp('target: all, latency_chance: 1, latency_duration: 200ms') },
  { name: 'http: errors, 10 %', stage: () => overHttp('target: all, error_chance: 0.1, error_code: 503') },
  { name: 'http: every 5th request reset', stage: () => overHttp('target: all, error_chance: 1, every_nth: 5, drop_connection: true') },
  { name: 'redis: forced misses, 30 %', skip: missing('redis-server'), stage: () => overRedis('target: get, error_chance: 0.3, miss: true') },
  { name: 'redis: latency 50 ms', skip: missing('redis-server'), stage: () => overRedis(`target: get, ${LATE}`) },
  { name: 'sql: latency 50 ms, PostgreSQL', skip: noPostgres, stage: () => overPostgres(`target: SELECT 13, ${LATE}`) },
  { name: 'sql: errors, 20 %, PostgreSQL', skip: noPostgres, stage: () => overPostgres('target: SELECT 13, error_chance: 0.2, sqlstate: "40001"') },
  { name: 'sql: latency 50 ms, MariaDB', skip: noMariaDb, stage: () => overMariaDb(`target: SELECT 13, ${LATE}`) },
  { name: 'sql: errors, 20 %, MariaDB', skip: noMariaDb, stage: () => overMariaDb('target: SELECT 13, error_chance: 0.2, error_code: 1213') },
  { name: 'mongo: latency 50 ms', skip: mongoMissing(), stage: () => overMongo(`target: find shop.orders, ${LATE}`) },
  { name: 'mongo: errors, 20 %', skip: mongoMissing(), stage: () => overMongo('target: find shop.orders, error_chance: 0.2, error_code: 8000') },
  { name: 'kafka: latency 50 ms', skip: kafkaMissing(), stage: () => overKafka(`target: orders, ${LATE}, when: "kafka.api == 'Produce'"`) },
  { name: 'kafka: errors, 20 %', skip: kafkaMissing(), stage: () => overKafka(`target: orders, error_chance: 0.2, error_code: 7, when: "kafka.api == 'Produce'"`) },
  { name: 'rabbitmq: latency 50 ms', skip: noRabbitmq(), stage: () => overRabbitmq(`target: orders, ${LATE}, when: "rabbitmq.action == 'publish'"`) },
  { name: 'rabbitmq: every 4th publish refused', skip: noRabbitmq(), stage: () => overRabbitmq(`target: orders, drop_message: true, drop_reply: nack, every_nth: 4, when: "rabbitmq.action == 'publish'"`) },
  { name: 'grpc: latency 50 ms', stage: () => overGrpc(`target: /shop.Orders/Place, ${LATE}`) },
  { name: 'grpc: errors, 20 %', stage: () => overGrpc('target: /shop.Orders/Place, error_chance: 0.2, error_code: 14') },
  { name: 'tcp: latency 100 ms', stage: () => overHttp('type: tcp, latency_duration: 100ms') },
  { name: 'tcp: 500 KB/s', stage: () => overHttp('type: tcp, toxic: bandwidth, rate: 500', 200_000) },
];
