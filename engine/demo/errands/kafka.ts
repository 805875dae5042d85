import { CONNECT_WITHIN, type Errand, PATIENCE } from './errand.ts';

const TOPIC = 'errands';

/**
 * Produces a record; a consumer that runs all the time tells how many it has seen, and how many it never will: records of
 * one partition come in the order of their offsets, so a gap is a loss.
 */
export async function kafkaErrand(address: string): Promise<Errand> {
  const { Kafka, logLevel } = await import('kafkajs');
  const kafka = new Kafka({
    clientId: 'errands',
    brokers: [address],
    logLevel: logLevel.NOTHING,
    connectionTimeout: CONNECT_WITHIN,
    requestTimeout: 5 * PATIENCE,
    retry: { initialRetryTime: 100, retries: 5 },
  });
  await using stack = new AsyncDisposableStack();
  const admin = kafka.admin();
  stack.defer(() => admin.disconnect());
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 1, replicationFactor: 1 }] });
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  stack.defer(() => producer.disconnect());
  await producer.connect();
  const consumer = kafka.consumer({ groupId: 'errands', maxWaitTimeInMs: 100 });
  stack.defer(() => consumer.disconnect());
  await consumer.connect();
  await consumer.subscribe({ topic: TOPIC, fromBeginning: false });
  let [seen, missing, next] = [0, 0, -1n];
  await consumer.run({
    eachMessage: async ({ message }) => {
      const offset = BigInt(message.offset);
      if (next >= 0n && offset > next) missing += Number(offset - next);
      if (offset < next) return; // once more, after a rebalance
      seen++;
      next = offset + 1n;
    },
  });
  const owned = stack.move();
  let produced = 0;
  return {
    run: async () => {
      const number = ++produced;
      await producer.send({ topic: TOPIC, messages: [{ key: 'errand', value: `${number}` }] });
      return { produced: number, seen, missing };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
