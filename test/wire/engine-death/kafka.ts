import assert from 'node:assert/strict';
import { type Consumer, type Producer } from 'kafkajs';
import { startKafka } from '../../lab/kafka.ts';
import { freePort } from '../../lab/server.ts';
import { clientOf, nameOf } from '../kafka/stage.ts';
import { again, type Place, type Scene, soon } from './parts.ts';

/** As applications have it: tries again and again. */
const PATIENT = { retry: { retries: 100, initialRetryTime: 50, maxRetryTime: 500 } };

const LOGIN = { username: 'app', password: 'secret' };

/**
 * A consumer whose next records are held, and a producer whose record has not reached the broker; both find it by the route
 * alone, as the name that it advertises leads nowhere.
 */
export async function kafkaScene(): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const port = await freePort();
  const outside = { port, advertised: 'kafka.invalid:9092', user: LOGIN.username, password: LOGIN.password };
  const server = stack.use(await startKafka({ outside }));
  const admin = clientOf(server.address, PATIENT).admin();
  stack.defer(() => admin.disconnect());
  await admin.connect();
  await admin.createTopics({ topics: ['orders', 'late', 'sick'].map((topic) => ({ topic, numPartitions: 1, replicationFactor: 1 })) });
  await again('there are groups: the broker has its own topic for them', () => admin.fetchOffsets({ groupId: 'nobody', topics: ['orders'] }));
  const writer = clientOf(server.address).producer();
  stack.defer(() => writer.disconnect());
  await writer.connect();
  const write = (...values: string[]): Promise<unknown> => writer.send({ topic: 'orders', messages: values.map((value) => ({ key: value, value })) });
  const length = async (topic: string): Promise<number> => Number((await admin.fetchTopicOffsets(topic))[0]?.high);
  const committed = async (): Promise<number> => Number((await admin.fetchOffsets({ groupId: 'shop', topics: ['orders'] }))[0]?.partitions[0]?.offset);
  await write('a', 'b');
  let consumer: Consumer;
  let producer: Producer;
  let sent: Promise<unknown>;
  /** Values by offset: who reads a record twice has not got two. */
  const got: string[] = [];
  const send = (topic: string): Promise<unknown> => producer.send({ topic, messages: [{ value: 'once' }] });
  const moved = stack.move();
  return {
    route: `protocol: kafka, upstream: "127.0.0.1:${port}"`,
    policies: {
      outage: `type: kafka, target: sick, error_chance: 1, error_code: 10, when: "kafka.api == 'Produce'"`,
      'held-records': `type: kafka, target: orders, delay_records: true, latency_chance: 1, latency_duration: 10m, when: "kafka.key == 'c'"`,
      'held-produce': `type: kafka, target: late, latency_chance: 1, latency_duration: 10m, when: "kafka.api == 'Produce'"`,
    },
    struck: async ({ address }: Place) => {
      const kafka = clientOf(address, { ...PATIENT, sasl: { mechanism: 'plain', ...LOGIN } });
      let over = false;
      // It would otherwise begin anew for ever where it finds no broker.
      consumer = kafka.consumer({ groupId: 'shop', retry: { ...PATIENT.retry, restartOnFailure: async () => !over } });
      moved.defer(() => consumer.disconnect());
      moved.defer(() => void (over = true));
      await consumer.connect();
      await consumer.subscribe({ topic: 'orders', fromBeginning: true });
      await consumer.run({ eachMessage: async ({ message }) => void (got[Number(message.offset)] = String(message.value)) });
      await soon('its first records are its own', async () => (await committed()) === 2);
      await write('c', 'd');
      producer = kafka.producer();
      moved.defer(() => producer.disconnect());
      await producer.connect();
      assert.equal(nameOf(await send('sick').catch((error: unknown) => error)), 'MESSAGE_TOO_LARGE');
      sent = send('late');
      sent.catch(() => {});
      assert.deepEqual(got, ['a', 'b']);
    },
    goesOn: async () => {
      assert.equal(await length('sick'), 0);
      await sent;
      assert.equal(await length('late'), 1, 'what was held is written once');
      await send('sick');
      assert.equal(await length('sick'), 1);
      await write('e');
      await soon('the group has read all', async () => (await committed()) === 5);
      assert.deepEqual(got, ['a', 'b', 'c', 'd', 'e'], 'no record is lost, and none invented');
      assert.equal(await length('orders'), 5);
      const members = async (): Promise<string[]> => (await admin.describeGroups(['shop'])).groups.map((group) => `${group.state} ${group.members.length}`);
      await soon('the group has the one member that it had', async () => (await members()).join() === 'Stable 1');
    },
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}
