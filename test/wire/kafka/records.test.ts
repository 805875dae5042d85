import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { CompressionTypes, type Consumer } from 'kafkajs';
import { kafkaMissing } from '../../lab/kafka.ts';
import { kcat, readAll, Stage, until } from './stage.ts';

/** How many records: the whole of what is promised with FIREBREAK_LONG=1, enough to cross many batches otherwise. */
const MANY = process.env['FIREBREAK_LONG'] === '1' ? 100_000 : 9_999;
const valuesOf = (count: number): string[] => Array.from({ length: count }, (_, i) => `order ${i}`);

describe('records left out and held back, as kafkajs and librdkafka read them', { skip: kafkaMissing('kcat'), timeout: 600_000 }, () => {
  let stage: Stage;
  before(async () => void (stage = await Stage.start()));
  after(() => stage[Symbol.asyncDispose]());
  afterEach(() => stage.clear());

  /** Writes past the route, so that what the log holds is beyond doubt; answers with the lines of `readAll`. */
  const fill = async (topic: string, values: readonly string[], ...more: string[]): Promise<string[]> => {
    const written = await kcat(['-b', stage.direct, '-P', '-t', topic, ...more], `${values.join('\n')}\n`);
    assert.equal(written.code, 0, written.stderr);
    return values.map((value, i) => `${i}:${value}`);
  };
  const thirds = (lines: readonly string[]): string[] => lines.filter((_, i) => i % 3 !== 2);

  it(`of ${MANY} records every 3rd is missing, and only these; order is kept, and no group rebalances`, async () => {
    const topic = await stage.topic('r.many');
    const lines = await fill(topic, valuesOf(MANY), '-X', 'batch.num.messages=700');
    const fault = await stage.add({ target: topic, scope: 'record', errorChance: 1, everyNth: 3 });
    assert.deepEqual(await readAll(stage.address, topic), thirds(lines), 'librdkafka');
    assert.equal(stage.wire.counters(fault.id)?.errors, Math.floor(MANY / 3));

    const member = await join('kafkajs', topic);
    // The last record is one that is left out: the consumer must still come to the end, and not ask for it for ever.
    await until(() => member.reached === MANY - 1, 'the last offset');
    assert.deepEqual(member.lines, thirds(lines), 'kafkajs');
    assert.deepEqual(member.events, ['joined'], 'and nothing has made the group rebalance');
    await member.consumer.disconnect();

    await stage.clear();
    assert.deepEqual(await readAll(stage.address, topic), lines, 'the log of the broker is whole');
  });

  for (const codec of ['gzip', 'snappy', 'lz4', 'zstd']) {
    it(`are left out of batches that ${codec} has compressed`, async () => {
      const topic = await stage.topic(`r.${codec}`);
      const lines = await fill(topic, valuesOf(500), '-z', codec);
      await stage.add({ target: topic, scope: 'record', errorChance: 1, everyNth: 3 });
      assert.deepEqual(await readAll(stage.address, topic), thirds(lines));
    });
  }

  it('are left out by chance, by header and by key, and the same ones when they are read again', async () => {
    const topic = await stage.topic('r.choice');
    const producer = stage.kafka.producer();
    await producer.connect();
    const messages = Array.from({ length: 300 }, (_, i) => ({ key: i % 2 === 0 ? `cart:${i}` : null, value: `${i}`, headers: i % 5 === 0 ? { tier: 'vip' } : {} }));
    await producer.send({ topic, messages, compression: CompressionTypes.GZIP });
    await producer.disconnect();
    const lines = messages.map(({ value }) => `${value}:${value}`);
    const left = async (over: Parameters<Stage['add']>[0]): Promise<string[]> => {
      await stage.clear();
      await stage.add({ target: topic, scope: 'record', errorChance: 1, ...over });
      return readAll(stage.address, topic);
    };
    assert.deepEqual(await left({ matchHeaders: { tier: 'vip' } }), lines.filter((_, i) => i % 5 !== 0));
    assert.deepEqual(await left({ when: "kafka.key.startsWith('cart:')" }), lines.filter((_, i) => i % 2 !== 0));
    const some = await left({ errorChance: 0.4 });
    assert.ok(some.length > 130 && some.length < 230, `${some.length} of 300 at a chance of 0.4`);
    assert.deepEqual(await left({ errorChance: 0.4 }), some);
    assert.deepEqual(await left({}), [], 'all of them');
  });

  it('that are all left out do not stop a group', async () => {
    const topic = await stage.topic('r.all');
    for (const value of ['a', 'b', 'c']) await fill(topic, [value]);
    await stage.add({ target: topic, scope: 'record', errorChance: 1, when: "kafka.api == 'Fetch'" });
    const member = await join('all', topic);
    await until(() => member.reached === 2, 'the group to come to the end');
    await stage.clear();
    const [last] = (await fill(topic, ['d'])).slice(-1);
    await until(() => member.lines.length > 0, 'the record behind them');
    assert.deepEqual([member.lines, last], [['3:d'], '0:d']);
    await member.consumer.disconnect();
  });

  it('are held back with their answer, in order, until the policy goes', async () => {
    const topic = await stage.topic('r.slow');
    await fill(topic, ['a', 'b']);
    const slow = await stage.add({ target: topic, scope: 'record', latencyChance: 1, latencyMs: 60, everyNth: 2 });
    assert.deepEqual(await readAll(stage.address, topic), ['0:a', '1:b']);
    const counters = stage.wire.counters(slow.id);
    assert.ok((counters?.meanDelay ?? 0) >= 60 && (counters?.latencies ?? 0) >= 1);
    await stage.clear();
    const held = await stage.add({ target: topic, scope: 'record', latencyChance: 1, latencyMs: 600_000 });
    const reading = readAll(stage.address, topic);
    await until(() => stage.wire.counters(held.id)?.matched !== 0, 'records that are held');
    await stage.clear();
    assert.deepEqual(await reading, ['0:a', '1:b']);
  });

  /** A member of a group that reads the topic from its beginning. */
  const join = async (groupId: string, topic: string): Promise<{ consumer: Consumer; lines: string[]; events: string[]; reached: number }> => {
    await stage.groups(topic);
    const consumer = stage.kafka.consumer({ groupId, maxWaitTimeInMs: 100 });
    const member = { consumer, lines: [] as string[], events: [] as string[], reached: -1 };
    const joined = new Promise<void>((resolve, reject) => {
      consumer.on('consumer.group_join', () => (member.events.push('joined'), resolve()));
      consumer.on('consumer.crash', ({ payload }) => (member.events.push('crash'), reject(payload.error)));
    });
    consumer.on('consumer.rebalancing', () => void member.events.push('rebalancing'));
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    consumer.on('consumer.end_batch_process', ({ payload }) => void (member.reached = Number(payload.lastOffset)));
    await consumer.run({ eachMessage: async ({ message }) => void member.lines.push(`${message.offset}:${message.value?.toString()}`) });
    await joined;
    return member;
  };
});
