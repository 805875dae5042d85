import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { answer, batch, request, talk } from './test-talk.ts';
import { apiOf } from './apis.ts';
import { readAnswer } from './refusals.ts';
import { listOf, type Struct } from './schema.ts';

const PRODUCE = 0;
const FETCH = 1;
const records = batch(0, [{ value: 'a' }]);
const fetch = (correlation: number): Buffer => request(FETCH, 11, correlation, Buffer.from('what is asked for'));
const fetched = (correlation: number, topic: string, bytes = records): Buffer =>
  answer(FETCH, 11, correlation, { topics: [{ topic, partitions: [{ partition: 0, highWatermark: 3n, records: bytes }] }] });
const produceById = (ids: readonly number[]): Buffer =>
  request(PRODUCE, 13, 1, { acks: 1, topics: ids.map((id) => ({ topicId: Buffer.alloc(16, id), partitions: [{ partition: 0, records }] })) });

describe('what waits in a connection to Kafka', () => {
  it('goes on with a short answer behind a long one that came in pieces and was held back', () => {
    const link = talk({ target: 'orders', latencyChance: 1, latencyMs: 600_000 });
    const [long, short] = [fetched(1, 'orders', Buffer.concat(Array.from({ length: 100 }, () => records))), fetched(2, 'bills')];
    link.client(Buffer.concat([fetch(1), fetch(2)]));
    link.upstream(long.subarray(0, 50)).upstream(long.subarray(50)).upstream(short);
    assert.equal(link.clientGot.length, 0);
    link.holds.releaseAll();
    assert.ok(link.clientGot.equals(Buffer.concat([long, short])), `${link.clientGot.length} of ${long.length + short.length} bytes`);
  });

  it('holds nothing back, and judges nothing, for a policy of another route', () => {
    const link = talk({ target: 'orders', route: 'another', latencyChance: 1, latencyMs: 600_000 });
    const long = fetched(1, 'orders', Buffer.concat(Array.from({ length: 100 }, () => records)));
    link.client(fetch(1)).upstream(long.subarray(0, 50));
    assert.equal(link.clientGot.length, 50, 'it streams');
    assert.ok(link.upstream(long.subarray(50)).clientGot.equals(long));
    assert.equal(link.totals.policy(0).matched, 0);
  });

  it('holds no request back when all that a policy may take is records', () => {
    const link = talk({ target: 'orders', scope: 'record', errorChance: 1 });
    const produce = request(PRODUCE, 9, 1, { acks: 1, topics: [{ topic: 'orders', partitions: [{ partition: 0, records }] }] });
    const most = produce.length - 1;
    assert.equal(link.client(produce.subarray(0, most)).upstreamGot.length, most, 'its records stream');
    assert.ok(link.client(produce.subarray(most)).upstreamGot.equals(produce));
    const offsets = answer(2, 5, 2, { topics: [{ topic: 'orders', partitions: [{ partition: 0 }] }] });
    link.upstream(answer(PRODUCE, 9, 1, { topics: [] })).client(request(2, 5, 2, Buffer.alloc(9)));
    link.clear();
    assert.equal(link.upstream(offsets.subarray(0, 20)).clientGot.length, 20);
  });

  it('ends the connection of a producer that asks for no answer, behind what does not fail', () => {
    const link = talk({ target: 'bills', errorChance: 1 });
    const produce = (topics: readonly string[]): Buffer =>
      request(PRODUCE, 9, 1, { acks: 0, topics: topics.map((topic) => ({ topic, partitions: [{ partition: 0, records }] })) });
    link.client(produce(['orders', 'bills']));
    assert.ok(link.upstreamGot.equals(produce(['orders'])));
    assert.deepEqual([link.clientOver, link.closing, link.clientGot.length, link.totals.policy(0).errors], [true, false, 0, 1]);
  });
  it('counts each part that waited, though they wait together', async () => {
    const link = talk({ target: 'all', latencyChance: 1, latencyMs: 5 });
    const topics = ['a', 'b', 'c'].map((topic) => ({ topic, partitions: [{ partition: 0, records }] }));
    link.client(request(PRODUCE, 9, 1, { acks: 1, topics }));
    while (link.upstreamGot.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const { matched, latencies, meanDelay } = link.totals.policy(0);
    assert.deepEqual([matched, latencies], [3, 3]);
    assert.ok(meanDelay >= 5, `${meanDelay} ms`);
    assert.equal(link.totals.route(0, 'r').latencies, 1, 'one request was late');
  });
  it('counts each record that waited, though its answer waits once', async () => {
    const link = talk({ target: 'orders', scope: 'record', latencyChance: 1, latencyMs: 5, everyNth: 2 });
    const four = batch(0, [{ value: 'a' }, { value: 'b' }, { value: 'c' }, { value: 'd' }]);
    link.client(fetch(1)).upstream(fetched(1, 'orders', four));
    while (link.clientGot.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const { matched, latencies, meanDelay } = link.totals.policy(0);
    assert.deepEqual([matched, latencies], [4, 2]);
    assert.ok(meanDelay >= 5, `${meanDelay} ms`);
  });

  it('leaves alone a topic whose name nobody has told: it may be a protected one', () => {
    const link = talk({ target: 'all', errorChance: 1, errorCode: 7 });
    assert.ok(link.client(produceById([201, 202])).upstreamGot.equals(produceById([201, 202])));
    assert.match(link.toldNotUnderstood.join(), /id/);
  });
  it('shows the broker a topic whose name nobody has told, when only others fail', () => {
    const link = talk({ target: 'orders', errorChance: 1, errorCode: 7 });
    const told = answer(3, 12, 9, {
      brokers: [], topics: [{ topic: 'orders', topicId: Buffer.alloc(16, 203), partitions: [] }],
    });
    link.client(request(3, 12, 9, Buffer.from([1, 0, 0, 0]))).upstream(told);
    link.clear();
    link.client(produceById([203, 204]));
    assert.ok(link.upstreamGot.includes(Buffer.alloc(16, 204)) && !link.upstreamGot.includes(Buffer.alloc(16, 203)));
    link.upstream(answer(PRODUCE, 13, 1, { topics: [{ topicId: Buffer.alloc(16, 204), partitions: [{ partition: 0 }] }] }));
    const codes = listOf(readAnswer(apiOf(PRODUCE), 13, link.clientGot), 'topics').map((topic: Struct) => listOf(topic, 'partitions')[0]?.['errorCode']);
    assert.deepEqual(codes, [0, 7]);
  });
});
