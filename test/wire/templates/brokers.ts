import assert from 'node:assert/strict';
import { connect } from 'amqplib';
import { startKafka } from '../../lab/kafka.ts';
import { startRabbitmq } from '../../lab/rabbitmq.ts';
import { clientOf, readAll } from '../kafka/stage.ts';
import { textOf } from '../rabbitmq/stage.ts';
import { type Case, type Noticing, times } from './parts.ts';

/** Services that place orders with a broker and ship what comes back from it. */

/** How long a customer waits for the shipment, where the service makes them wait for it, in milliseconds. */
const SHIPMENT = 3_000;

/** Every order of every service of a test, as placed and as shipped. */
class Orders {
  readonly placed: string[] = [];
  readonly shipped: string[] = [];
  readonly #waiting = new Map<string, () => void>();

  readonly ship = (order: string): void => {
    this.shipped.push(order);
    this.#waiting.get(order)?.();
  };
  /** False when it was not shipped in time. */
  async arrives(order: string): Promise<boolean> {
    if (this.shipped.includes(order)) return true;
    return new Promise<boolean>((resolve) => {
      this.#waiting.set(order, () => resolve(true));
      setTimeout(resolve, SHIPMENT, false).unref();
    });
  }
  get lost(): string[] {
    const shipped = new Set(this.shipped);
    return this.placed.filter((order) => !shipped.has(order));
  }

  /** Takes orders at once; or lets each customer wait until theirs is shipped. */
  service(careful: boolean, place: (order: string) => Promise<unknown>, close: () => Promise<unknown>): Noticing {
    return {
      noticed: {},
      serve: () =>
        times(5, async () => {
          const order = `order ${this.placed.length}`;
          this.placed.push(order);
          await place(order);
          assert.ok(careful || (await this.arrives(order)), `${order} was not shipped`);
        }),
      [Symbol.asyncDispose]: async () => void (await close()),
    };
  }
}

export async function kafka(): Promise<Case> {
  const server = await startKafka();
  const admin = clientOf(server.address, { retry: { retries: 10 } }).admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: 'orders', numPartitions: 1, replicationFactor: 1 }] });
  await admin.fetchOffsets({ groupId: 'nobody', topics: ['orders'] });
  const orders = new Orders();
  let groups = 0;
  return {
    upstream: server.address,
    service: (careful) => async (listen) => {
      const client = clientOf(listen, { retry: { retries: 10 } });
      const [producer, consumer] = [client.producer(), client.consumer({ groupId: `shipping-${++groups}`, maxWaitTimeInMs: 50 })];
      await Promise.all([producer.connect(), consumer.connect()]);
      await consumer.subscribe({ topic: 'orders' });
      const joined = new Promise((resolve) => consumer.on('consumer.group_join', resolve));
      await consumer.run({ eachMessage: async ({ message }) => orders.ship(message.value?.toString() ?? '') });
      await joined;
      return orders.service(
        careful,
        (value) => producer.send({ topic: 'orders', messages: [{ value }] }),
        () => Promise.all([consumer.disconnect(), producer.disconnect()]),
      );
    },
    learnt: async () => {
      const kept = await readAll(server.address, 'orders');
      assert.deepEqual(kept.map((line) => line.split(':')[1]).sort(), orders.placed.toSorted(), 'the broker keeps them all');
      const lost = kept.filter((line) => orders.lost.includes(line.split(':')[1] ?? ''));
      assert.ok(lost.length > 0, 'some were never shipped');
      for (const line of lost) assert.equal(Number(line.split(':')[0]) % 20, 19, 'every twentieth of its partition, and no other');
    },
    [Symbol.asyncDispose]: async () => {
      await admin.disconnect();
      await server[Symbol.asyncDispose]();
    },
  };
}

export async function rabbitmq(): Promise<Case> {
  const server = await startRabbitmq();
  const orders = new Orders();
  return {
    upstream: server.address,
    service: (careful) => async (listen) => {
      const client = await connect(`amqp://guest:guest@${listen}`);
      const channel = await client.createConfirmChannel();
      await channel.assertQueue('orders');
      await channel.consume('orders', (message) => {
        orders.ship(textOf(message));
        if (message !== null) channel.ack(message);
      });
      return orders.service(
        careful,
        (order) => new Promise<void>((resolve, reject) => void channel.sendToQueue('orders', Buffer.from(order), {}, (error: unknown) => (error === null ? resolve() : reject(error as Error)))),
        () => client.close(),
      );
    },
    learnt: async () => {
      const client = await connect(`amqp://guest:guest@${server.address}`);
      const channel = await client.createChannel();
      // What nobody had acked is back by now.
      for (let left = (await channel.checkQueue('orders')).messageCount; left > 0; left--) orders.ship(textOf(await channel.get('orders', { noAck: true })));
      const share = orders.lost.length / orders.placed.length;
      assert.ok(share > 0 && share < 1 / 10, `some never came, and never come again: ${share}`);
      await client.close();
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
