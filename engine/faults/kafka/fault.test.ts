import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { kafkaMissing } from '../../../test/lab/kafka.ts';
import { faultLife, faultRequest, onWire } from '../../../test/support/fault-life.ts';
import { nameOf, readAll, Stage } from '../../../test/wire/kafka/stage.ts';
import { type Effect, type FaultRequest } from '../../kernel/fault.ts';
import { kafkaInjector } from './injector.ts';
import { kafkaManifest, type KafkaParams } from './manifest.ts';

const ROUTES = [{ name: 'r', protocol: 'kafka' as const, listen: '127.0.0.1:0', upstream: '127.0.0.1:1' }];
const requestOf = (fields: Record<string, unknown>, target: string): FaultRequest<KafkaParams> =>
  faultRequest(kafkaManifest, fields, { target, routes: ROUTES, ignored: ['__consumer_offsets'] });

describe('the kafka fault on real traffic', { skip: kafkaMissing('kcat'), timeout: 300_000 }, () => {
  let at: Stage;
  before(async () => void (at = await Stage.start()));
  after(() => at[Symbol.asyncDispose]());

  const during = (request: FaultRequest<KafkaParams>, act: () => Promise<void>): Promise<Effect> => faultLife(kafkaInjector(onWire(at.wire)), request, act);
  const send = async (topic: string, ...values: string[]): Promise<string> => {
    const producer = at.kafka.producer();
    await producer.connect();
    const sent = producer.send({ topic, messages: values.map((value) => ({ value })) }).then(() => 'sent', nameOf);
    return sent.finally(() => producer.disconnect());
  };
  const PRODUCE = "kafka.api == 'Produce'";

  it('fails what is sent to a topic, and says so', async () => {
    const topic = await at.topic('orders');
    const effect = await during(requestOf({ errorChance: 1, errorCode: 19, when: PRODUCE }, topic), async () => {
      assert.equal(await send(topic, 'a'), 'NOT_ENOUGH_REPLICAS');
      assert.equal(await send(await at.topic('bills'), 'a'), 'sent');
    });
    assert.deepEqual(effect.figures, [{ name: 'error rate', unit: 'ratio', requested: 1, delivered: 1, samples: 1 }]);
    assert.match(effect.detail, /^1 request reached route r orders: 1 answered with an error$/);
    assert.equal(await send(topic, 'b'), 'sent');
    assert.deepEqual(await readAll(at.direct, topic), ['0:b']);
  });

  it('delays, and cuts', async () => {
    const topic = await at.topic('slow');
    const slow = await during(requestOf({ latencyChance: 1, latencyDuration: '60ms', when: PRODUCE }, topic), async () => {
      assert.equal(await send(topic, 'a'), 'sent');
    });
    assert.ok(slow.bitten && (slow.figures[0]?.delivered ?? 0) >= 60, slow.detail);
    const cut = await during(requestOf({ dropConnection: true, when: PRODUCE }, topic), async () => {
      assert.notEqual(await send(topic, 'b'), 'sent');
    });
    assert.deepEqual(cut.figures, [{ name: 'drop rate', unit: 'ratio', requested: 1, delivered: 1, samples: 1 }]);
  });

  it('leaves every third record out, and says how many', async () => {
    const topic = await at.topic('lossy');
    const values = Array.from({ length: 30 }, (_, i) => `${i}`);
    await send(topic, ...values);
    const effect = await during(requestOf({ dropRecords: true, everyNth: 3 }, topic), async () => {
      assert.deepEqual(await readAll(at.address, topic), values.filter((_, i) => i % 3 !== 2).map((value) => `${value}:${value}`));
    });
    assert.deepEqual(effect.figures, [{ name: 'loss rate', unit: 'ratio', requested: 1 / 3, delivered: 1 / 3, samples: 30 }]);
    assert.match(effect.detail, /^30 records reached route r lossy: 10 left out$/);
    assert.equal((await readAll(at.address, topic)).length, 30, 'none of it is gone from the log');
  });

  it('says what may be wrong when nothing came', async () => {
    const effect = await during(requestOf({ dropRecords: true }, 'nothing'), async () => {});
    assert.equal(effect.bitten, false);
    assert.match(effect.detail, /^no record reached route r nothing; records are judged when a consumer reads them through the route$/);
  });
});

describe('what a kafka policy asks for', () => {
  const parse = (fields: Record<string, unknown>): KafkaParams => kafkaManifest.params.parse(fields);
  it('is said in words', () => {
    const sentences: [Record<string, unknown>, string, string][] = [
      [{ errorChance: 0.3 }, 'orders', 'Answers 30 % of messages of orders with an error.'],
      [{ dropRecords: true, everyNth: 3 }, 'orders', 'Leaves all records of orders out of what consumers read. Of these only every 3rd.'],
      [{ dropRecords: true, errorChance: 0.25, latencyChance: 1, latencyDuration: '1s' }, 'all', 'Leaves 25 % of Kafka records out of what consumers read, and delays the rest by 1s.'],
      [{ delayRecords: true, latencyChance: 0.5, latencyDuration: '1s' }, 'all', 'Delays 50 % of Kafka records by 1s.'],
    ];
    for (const [fields, target, sentence] of sentences) assert.equal(kafkaManifest.explain(parse(fields), target), sentence);
  });
  it('weighs lost records as errors, and refuses what records cannot have', () => {
    assert.equal(kafkaManifest.noop(parse({ dropRecords: true })), false);
    assert.equal(kafkaManifest.severity(parse({ dropRecords: true })), 1);
    assert.equal(kafkaManifest.severity(parse({ dropRecords: true, errorChance: 0.2 })), 0.2);
    const found = (fields: Record<string, unknown>): string[] => (kafkaManifest.check?.(parse(fields)) ?? []).map(({ message }) => message);
    assert.deepEqual(found({ dropRecords: true, dropConnection: true }), ['expected no drop_connection beside it']);
    assert.deepEqual(found({ dropRecords: true, errorCode: 7 }), ['expected no error beside it']);
    assert.deepEqual(found({ delayRecords: true, errorChance: 1 }), ['expected no error_chance beside it', 'expected a latency']);
    assert.deepEqual(found({ dropRecords: true, everyNth: 3 }), []);
  });
});
