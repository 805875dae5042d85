import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect as dial, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as secure } from 'node:tls';
import { connect as amqp } from 'amqplib';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { kafkaMissing, startKafka } from '../lab/kafka.ts';
import { noMariaDb, startMariaDb } from '../lab/mariadb.ts';
import { clientOf as mongoClient, mongoMissing, startMongo } from '../lab/mongo.ts';
import { noPostgres, startPostgres, urlOf } from '../lab/postgres.ts';
import { noRabbitmq, startRabbitmq } from '../lab/rabbitmq.ts';
import { redisClient, startRedis } from '../lab/redis.ts';
import { freePort, missing } from '../lab/server.ts';
import { Buyer, Shop } from '../wire/grpc/parts.ts';
import { clientOf as kafkaClient } from '../wire/kafka/stage.ts';
import { whereAndWho } from '../wire/sql/mysql-stage.ts';
import { type Scene } from './scenes.ts';
import { shared } from './shared.ts';

/** One protocol with a real server: a client through the route is told one thing by the fault, and another by the server. */
interface Line {
  /** What the route says besides its name and address, in YAML. */
  readonly route: string;
  /** The policy without its name. */
  readonly policy: string;
  /** What one client is told, in a word; whatever it fails with is thrown. */
  ask(port: number): Promise<string>;
  readonly struck: string;
  readonly fine: string;
}

/** A client that is told nothing for so long asks again, in milliseconds. */
const SILENCE = 5_000;
/** Without traffic no such fault can bite. */
const ASK_EVERY = 250;

/** The scene of a line; the servers are shared, what the clients ask for is the scene's own. */
async function lineScene(make: (own: string, stack: AsyncDisposableStack) => Promise<Line>): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const line = await make(`crash-${randomBytes(4).toString('hex')}`, stack);
  const port = await freePort();
  const ask = (): Promise<string> => {
    const asked = line.ask(port).catch((error: unknown) => codeOf(error));
    const waited = new AbortController();
    return Promise.race([asked.finally(() => waited.abort()), sleep(SILENCE, 'silence', { signal: waited.signal }).catch(() => 'silence')]);
  };
  let over = false;
  const traffic = (async () => {
    for (; !over; await sleep(ASK_EVERY)) await ask();
  })();
  stack.defer(async () => {
    over = true;
    await traffic;
  });
  const moved = stack.move();
  return {
    text: `version: 1
routes:
  - { name: line, listen: "127.0.0.1:${port}", ${line.route} }
policies:
  - { name: outage, route: line, ${line.policy} }`,
    note: () => {},
    visible: async () => (await ask()) === line.struck,
    intact: async () => (await ask()) === line.fine,
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

/** The server's own code of an error, else that of the socket. */
function codeOf(error: unknown): string {
  const { code, errno, message } = error as { code?: string | number; errno?: number; message?: string };
  return String(typeof errno === 'number' && errno > 0 ? errno : (code ?? message));
}

/** Bytes: the client gets three of them. */
const bytes = (): Promise<Scene> =>
  lineScene(async (own, stack) => {
    const server = createServer((socket) => socket.on('error', () => {}).end(own)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    stack.defer(() => void server.close());
    return {
      route: `protocol: tcp, upstream: "127.0.0.1:${(server.address() as AddressInfo).port}"`,
      policy: 'type: tcp, toxic: limit_data, limit_bytes: 3',
      ask: async (port) => {
        const client = dial(port, '127.0.0.1').setEncoding('utf8');
        let text = '';
        client.on('data', (part: string) => (text += part));
        await once(client, 'close');
        return text;
      },
      struck: own.slice(0, 3),
      fine: own,
    };
  });

/** A handshake: the certificate has expired. */
const handshake = (): Promise<Scene> =>
  lineScene(async (own, stack) => {
    const server = createServer((socket) => socket.on('error', () => {}).end(own)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    stack.defer(() => void server.close());
    return {
      route: `protocol: tcp, upstream: "127.0.0.1:${(server.address() as AddressInfo).port}", terminate_tls: true`,
      policy: 'type: tls, target: all, certificate: expired, error_chance: 1',
      ask: async (port) => {
        const client = secure({ host: '127.0.0.1', port, rejectUnauthorized: false, checkServerIdentity: () => undefined }).setEncoding('utf8');
        let text = '';
        client.on('data', (part: string) => (text += part));
        await once(client, 'secureConnect');
        const valid = Date.parse(client.getPeerCertificate().valid_to) > Date.now();
        await once(client, 'close');
        return valid ? text : 'expired';
      },
      struck: 'expired',
      fine: own,
    };
  });

const redisServer = shared(() => startRedis());
const redis = (): Promise<Scene> =>
  lineScene(async (own, stack) => {
    const { address, port: direct } = await redisServer();
    const setting = redisClient(direct);
    stack.defer(() => setting.disconnect());
    await setting.set(own, 'value');
    return {
      route: `protocol: redis, upstream: "${address}"`,
      policy: 'type: redis, target: get, error_chance: 1, error_body: "LOADING injected"',
      ask: async (port) => {
        const client = redisClient(port);
        return client.get(own).then(String).finally(() => client.disconnect());
      },
      struck: 'LOADING injected',
      fine: 'value',
    };
  });

const postgresServer = shared(() => startPostgres());
const postgres = (): Promise<Scene> =>
  lineScene(async () => {
    const { address } = await postgresServer();
    return {
      route: `protocol: sql, upstream: "${address}"`,
      policy: 'type: sql, target: SELECT 13, error_chance: 1, sqlstate: "40001", error_body: injected',
      ask: async (port) => {
        const client = new pg.Client({ connectionString: urlOf(`127.0.0.1:${port}`), connectionTimeoutMillis: SILENCE });
        client.on('error', () => {});
        try {
          await client.connect();
          return String((await client.query<{ n: number }>('SELECT 13 AS n')).rows[0]?.n);
        } finally {
          await client.end().catch(() => {});
        }
      },
      struck: '40001',
      fine: '13',
    };
  });

const mariaServer = shared(() => startMariaDb());
const mariadb = (): Promise<Scene> =>
  lineScene(async () => {
    const { address } = await mariaServer();
    return {
      route: `protocol: sql, upstream: "${address}"`,
      policy: 'type: sql, target: SELECT 13, error_chance: 1, error_code: 1213, error_body: injected',
      ask: async (port) => {
        const client = await mysql.createConnection({ ...whereAndWho(`127.0.0.1:${port}`), connectTimeout: SILENCE });
        client.on('error', () => {});
        try {
          return String((await client.query<mysql.RowDataPacket[]>('SELECT 13 AS n'))[0][0]?.['n']);
        } finally {
          client.destroy();
        }
      },
      struck: '1213',
      fine: '13',
    };
  });

const mongoServer = shared(() => startMongo());
const mongo = (): Promise<Scene> =>
  lineScene(async (own) => {
    const { address } = await mongoServer();
    const patience = { serverSelectionTimeoutMS: SILENCE, retryReads: false, minPoolSize: 0, maxPoolSize: 1 };
    return {
      route: `protocol: mongo, upstream: "${address}"`,
      policy: `type: mongo, target: find shop.${own}, error_chance: 1, error_code: 8000, error_body: injected`,
      ask: async (port) => {
        const client = mongoClient(`127.0.0.1:${port}`, patience);
        return client.db('shop').collection(own).findOne().then(String).finally(() => client.close());
      },
      struck: '8000',
      fine: 'null',
    };
  });

const kafkaServer = shared(() => startKafka());
const kafka = (): Promise<Scene> =>
  lineScene(async (own, stack) => {
    const { address } = await kafkaServer();
    const admin = kafkaClient(address, { retry: { retries: 10 } }).admin();
    stack.defer(() => admin.disconnect());
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: own, numPartitions: 1, replicationFactor: 1 }] });
    stack.defer(() => admin.deleteTopics({ topics: [own] }));
    return {
      route: `protocol: kafka, upstream: "${address}"`,
      policy: `type: kafka, target: ${own}, error_chance: 1, error_code: 10, when: "kafka.api == 'Produce'"`,
      ask: async (port) => {
        const producer = kafkaClient(`127.0.0.1:${port}`, { requestTimeout: SILENCE, connectionTimeout: SILENCE }).producer();
        try {
          await producer.connect();
          await producer.send({ topic: own, messages: [{ value: 'once' }] });
          return 'sent';
        } finally {
          await producer.disconnect();
        }
      },
      struck: '10',
      fine: 'sent',
    };
  });

const rabbitServer = shared(() => startRabbitmq());
const rabbitmq = (): Promise<Scene> =>
  lineScene(async (own, stack) => {
    const server = await rabbitServer();
    const direct = await amqp(server.url);
    stack.defer(() => direct.close());
    await (await direct.createChannel()).assertQueue(own, { autoDelete: true, exclusive: false });
    return {
      route: `protocol: rabbitmq, upstream: "${server.address}"`,
      policy: `type: rabbitmq, target: ${own}, error_chance: 1, error_code: 404, error_body: injected`,
      ask: async (port) => {
        const client = await amqp(`amqp://guest:guest@127.0.0.1:${port}`, { timeout: SILENCE });
        client.on('error', () => {});
        try {
          const channel = await client.createConfirmChannel();
          const failed = new Promise<string>((resolve) => channel.once('error', ({ code }: { code: number }) => resolve(String(code))));
          channel.sendToQueue(own, Buffer.from('once'));
          return await Promise.race([failed, channel.waitForConfirms().then(() => 'confirmed')]);
        } finally {
          await client.close().catch(() => {});
        }
      },
      struck: '404',
      fine: 'confirmed',
    };
  });

const grpcServer = shared(() => Shop.start());
const grpc = (): Promise<Scene> =>
  lineScene(async () => {
    const { address } = await grpcServer();
    return {
      route: `protocol: grpc, upstream: "${address}"`,
      policy: 'type: grpc, target: /shop.Orders/Place, error_chance: 1, error_code: 8, error_body: injected',
      ask: async (port) => {
        using buyer = new Buyer(`127.0.0.1:${port}`);
        const { code, numbers } = await buyer.call('Place');
        return code === 0 ? numbers.join() : String(code);
      },
      struck: '8',
      fine: '1',
    };
  });

/** Every protocol of the wire but HTTP, by what is done to it. */
export const WIRE_SCENES: Readonly<Record<string, () => Promise<Scene>>> = {
  'cut bytes': bytes, 'expired certificate': handshake, 'failing Redis': redis, 'failing PostgreSQL': postgres, 'failing MariaDB': mariadb, 'failing MongoDB': mongo, 'failing Kafka': kafka,
  'failing RabbitMQ': rabbitmq, 'failing gRPC': grpc,
};
export const WIRE_SKIP: Readonly<Record<string, string | false>> = {
  'failing Redis': missing('redis-server'), 'failing PostgreSQL': noPostgres, 'failing MariaDB': noMariaDb, 'failing MongoDB': mongoMissing(), 'failing Kafka': kafkaMissing(), 'failing RabbitMQ': noRabbitmq(),
};
