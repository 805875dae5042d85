import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { ProducerBatch } from 'kafkajs';
import { kafkaMissing } from '../../lab/kafka.ts';
import { clientOf, kcat, nameOf, readAll, Stage, until } from './stage.ts';

/** Longer than any test may last: whoever waits for it was not let go. */
const FOREVER = 600_000;

describe('faults on Kafka, as kafkajs and librdkafka see them', { skip: kafkaMissing('kcat'), timeout: 300_000 }, () => {
  let stage: Stage;
  before(async () => void (stage = await Stage.start()));
  after(() => stage[Symbol.asyncDispose]());
  afterEach(() => stage.clear());

  /** Sends one message to each topic in one request: the error of the whole call, or what became of each topic. */
  const send = async (topics: readonly string[], over: Partial<ProducerBatch> = {}): Promise<string> => {
    const producer = stage.kafka.producer();
    await producer.connect();
    try {
      const sent = await producer.sendBatch({ topicMessages: topics.map((topic) => ({ topic, messages: [{ key: 'k', value: 'v' }] })), ...over });
      return sent.map(({ topicName, errorCode, baseOffset }) => `${topicName} ${errorCode} ${baseOffset}`).sort().join(', ');
    } catch (error) {
      return nameOf(error);
    } finally {
      await producer.disconnect();
    }
  };
  const values = async (topic: string): Promise<string[]> => readAll(stage.direct, topic);

  it('a producer sees the error of the policy, by topic, and the broker never sees the record', async () => {
    const [bad, good] = [await stage.topic('e.bad'), await stage.topic('e.good')];
    const fault = await stage.add({ target: bad, errorChance: 1, errorCode: 7, when: "kafka.api == 'Produce'" });
    assert.equal(await send([bad]), 'REQUEST_TIMED_OUT');
    assert.equal(await send([good]), `${good} 0 0`);
    assert.equal(await send([bad, good]), 'REQUEST_TIMED_OUT', 'one of two topics in one request fails');
    assert.deepEqual(await values(bad), []);
    assert.deepEqual(await values(good), ['0:v', '1:v'], 'the other topic of that request arrived');
    await stage.clear();
    assert.equal(await send([bad, good]), `${bad} 0 0, ${good} 0 2`);
    assert.equal(stage.wire.counters(fault.id)?.errors, 2);
  });

  it('librdkafka tells the same error, and sends again after one that may pass', async () => {
    const topic = await stage.topic('e.kcat');
    await stage.add({ target: topic, errorChance: 1, errorCode: 10, when: "kafka.api == 'Produce'" });
    const refused = await kcat(['-b', stage.address, '-P', '-t', topic, '-X', 'retries=0'], 'lost\n');
    assert.match(refused.stderr, /Message size too large/i);
    await stage.clear();
    const fault = await stage.add({ target: topic, errorChance: 1, when: "kafka.api == 'Produce'", everyNth: 2, nth: 1 });
    for (const value of ['a', 'b']) assert.equal((await kcat(['-b', stage.address, '-P', '-t', topic, '-X', 'retry.backoff.ms=10'], `${value}\n`)).code, 0);
    assert.deepEqual(await values(topic), ['0:a', '1:b'], 'each was refused once, with the error of the API, and sent again');
    assert.equal(stage.wire.counters(fault.id)?.errors, 2);
  });

  it('an idempotent producer keeps its sequence through refusals', async () => {
    const topic = await stage.topic('e.idempotent');
    const fault = await stage.add({ target: topic, errorChance: 1, everyNth: 3, when: "kafka.api == 'Produce'" });
    const lines = Array.from({ length: 60 }, (_, i) => `${i}`);
    const options = ['enable.idempotence=true', 'retry.backoff.ms=5', 'batch.num.messages=5', 'linger.ms=1'].flatMap((option) => ['-X', option]);
    const sent = await kcat(['-b', stage.address, '-P', '-t', topic, ...options], `${lines.join('\n')}\n`);
    assert.equal(sent.code, 0, sent.stderr);
    await stage.clear();
    assert.deepEqual(await values(topic), lines.map((line, i) => `${i}:${line}`), 'none lost, none twice, in order');
    assert.ok((stage.wire.counters(fault.id)?.errors ?? 0) > 3);
  });

  it('without acknowledgements nothing answers: the connection ends, the record is lost', async () => {
    const topic = await stage.topic('e.acks0');
    const fault = await stage.add({ target: topic, errorChance: 1, when: "kafka.api == 'Produce'" });
    await send([topic], { acks: 0 });
    await until(() => stage.wire.counters(fault.id)?.errors === 1, 'the refusal');
    await stage.clear();
    assert.deepEqual(await values(topic), []);
    await send([topic], { acks: 0 });
    await until(async () => (await values(topic)).length === 1, 'the record that passes');
  });

  it('a drop is a reset connection; the next one works', async () => {
    const topic = await stage.topic('d.reset');
    const fault = await stage.add({ target: topic, dropConnection: true, when: "kafka.api == 'Produce'" });
    assert.match(await send([topic]), /KafkaJS(NumberOfRetriesExceeded|Connection)/);
    assert.equal(stage.wire.counters(fault.id)?.drops, 1);
    await stage.clear();
    assert.equal(await send([topic]), `${topic} 0 0`);
  });

  it('latency holds back the request, is measured, and ends with its policy, and on HALT', async () => {
    const topic = await stage.topic('l.slow');
    const slow = await stage.add({ target: topic, latencyChance: 1, latencyMs: 80, when: "kafka.api == 'Produce'" });
    const began = performance.now();
    assert.equal(await send([topic]), `${topic} 0 0`);
    assert.ok(performance.now() - began >= 80);
    assert.ok((stage.wire.counters(slow.id)?.meanDelay ?? 0) >= 80);
    for (const release of [() => stage.clear(), () => stage.wire.halt()]) {
      await stage.clear();
      const held = await stage.add({ target: topic, latencyChance: 1, latencyMs: FOREVER });
      const sent = send([topic]);
      await until(() => stage.wire.counters(held.id)?.matched !== 0, 'a message that is held');
      await release();
      assert.match(await sent, new RegExp(`^${topic} 0 \\d$`));
    }
  });

  it('a consumer waits, fails and goes on', async () => {
    const topic = await stage.topic('f.errors');
    await send([topic]);
    const fault = await stage.add({ target: topic, errorChance: 1, everyNth: 2, nth: 1, when: "kafka.api == 'Fetch'" });
    assert.deepEqual(await readAll(stage.address, topic), ['0:v'], 'librdkafka asks again after the error');
    assert.ok((stage.wire.counters(fault.id)?.errors ?? 0) > 0);
    await stage.clear();
    const slow = await stage.add({ target: topic, latencyChance: 1, latencyMs: 50, when: "kafka.api == 'Fetch'" });
    assert.deepEqual(await readAll(stage.address, topic), ['0:v']);
    assert.ok((stage.wire.counters(slow.id)?.meanDelay ?? 0) >= 50);
  });

  it('metadata, offsets and the group fail as they do on a broker', async () => {
    const topic = await stage.topic('m.errors');
    await stage.groups(topic);
    const admin = stage.kafka.admin();
    await admin.connect();
    const of = (api: string, target = topic): Promise<unknown> => stage.add({ target, errorChance: 1, when: `kafka.api == '${api}'` });
    const type = (work: Promise<unknown>): Promise<string> => work.then(() => 'done', nameOf);
    await of('Metadata');
    assert.equal(await type(admin.fetchTopicMetadata({ topics: [topic] })), 'LEADER_NOT_AVAILABLE');
    await stage.clear();
    await of('ListOffsets');
    assert.equal(await type(admin.fetchTopicOffsets(topic)), 'NOT_LEADER_FOR_PARTITION');
    await stage.clear();
    await of('FindCoordinator', 'all');
    assert.equal(await type(admin.fetchOffsets({ groupId: 'g', topics: [topic] })), 'KafkaJSGroupCoordinatorNotFound');
    await stage.clear();
    await of('OffsetFetch');
    assert.equal(await type(admin.fetchOffsets({ groupId: 'g', topics: [topic] })), 'GROUP_COORDINATOR_NOT_AVAILABLE');
    await stage.clear();
    const consumer = stage.kafka.consumer({ groupId: 'g', maxWaitTimeInMs: 100, retry: { retries: 0 } });
    const joined = new Promise((resolve) => consumer.on('consumer.group_join', resolve));
    await consumer.connect();
    await consumer.subscribe({ topic });
    await consumer.run({ autoCommit: false, eachMessage: async () => {} });
    await joined;
    const commit = (): Promise<string> => type(consumer.commitOffsets([{ topic, partition: 0, offset: '7' }]));
    await of('OffsetCommit');
    assert.equal(await commit(), 'GROUP_COORDINATOR_NOT_AVAILABLE');
    await stage.clear();
    assert.equal(await commit(), 'done');
    assert.equal((await admin.fetchOffsets({ groupId: 'g', topics: [topic] }))[0]?.partitions[0]?.offset, '7');
    await consumer.disconnect();
    await admin.disconnect();
  });

  it('a policy chooses by partition, client and record header, and baggage', async () => {
    const topic = await stage.topic('w.choice', 2);
    const client = clientOf(stage.address, { clientId: 'till' });
    const producer = client.producer();
    await producer.connect();
    const said = (partition: number, headers: Record<string, string> = {}): Promise<string> =>
      producer.send({ topic, messages: [{ value: 'v', partition, headers }] }).then(() => 'sent', nameOf);
    await stage.add({ target: topic, errorChance: 1, errorCode: 87, when: 'kafka.partition == 1' });
    assert.deepEqual([await said(0), await said(1)], ['sent', 'INVALID_RECORD']);
    await stage.clear();
    await stage.add({ target: topic, errorChance: 1, errorCode: 87, matchHeaders: { 'x-tier': 'vip' } });
    assert.deepEqual([await said(0, { 'x-tier': 'free' }), await said(0, { 'X-Tier': 'vip' })], ['sent', 'INVALID_RECORD']);
    await stage.clear();
    await stage.add({ target: topic, errorChance: 1, errorCode: 87, when: "baggage['chaos'] == 'on' && kafka.client_id == 'till'" });
    assert.deepEqual([await said(0), await said(0, { baggage: 'a=b,chaos=on' })], ['sent', 'INVALID_RECORD']);
    await producer.disconnect();
  });
});
