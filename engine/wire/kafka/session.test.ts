import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { FakeLink } from '../../../test/wire/fake-link.ts';
import type { WirePolicy } from '../../policy/snapshot.ts';
import { forgetRoute, placeRoute } from '../places.ts';
import { apiOf } from './apis.ts';
import { withoutRecords } from './records.ts';
import { readAnswer } from './refusals.ts';
import { bytesOf, listOf, type Struct } from './schema.ts';
import { answer, batch, request, talk } from './test-talk.ts';

const PRODUCE = 0;
const FETCH = 1;
const METADATA = 3;
const records = batch(0, [{ key: 'k', value: 'a' }, { value: 'b' }, { value: 'c' }]);
const produce = (version: number, correlation: number, topics: readonly string[], acks = 1): Buffer =>
  request(PRODUCE, version, correlation, { acks, topics: topics.map((topic) => ({ topic, partitions: [{ partition: 0, records }] })) });
const produced = (version: number, correlation: number, ...topics: string[]): Buffer =>
  answer(PRODUCE, version, correlation, { topics: topics.map((topic) => ({ topic, partitions: [{ partition: 0, baseOffset: 7n }] })) });
const fetch = (version: number, correlation: number): Buffer => request(FETCH, version, correlation, Buffer.from('what is asked for'));
const fetched = (version: number, correlation: number, topic: string): Buffer =>
  answer(FETCH, version, correlation, { topics: [{ topic, partitions: [{ partition: 0, highWatermark: 3n, records }] }] });
const metadata = (version: number, correlation: number, ports: readonly number[]): Buffer =>
  answer(METADATA, version, correlation, {
    brokers: ports.map((port, id) => ({ id, host: '127.0.0.1', port, rack: null })),
    topics: [{ topic: 'orders', topicId: Buffer.alloc(16, 7), partitions: [{ partition: 0, leaderId: 0, replicas: [0], isr: [0], offline: [] }] }],
  });

/** What is in an answer: code by topic. */
function codes(key: number, version: number, bytes: Buffer): Record<string, unknown> {
  const struct = readAnswer(apiOf(key), version, bytes);
  return Object.fromEntries(listOf(struct, 'topics').map((topic) => [topic['topic'], listOf(topic, 'partitions').map((part) => part['errorCode'])]));
}
const firstRecords = (version: number, bytes: Buffer): Buffer | undefined => {
  const [topic] = listOf(readAnswer(apiOf(FETCH), version, bytes), 'topics');
  return bytesOf(listOf(topic as Struct, 'partitions')[0] as Struct, 'records');
};

/** A conversation of both sides, in which every kind of message comes once. */
const CONVERSATION: readonly ['client' | 'upstream', Buffer][] = [
  ['client', Buffer.concat([request(18, 0, 1, Buffer.alloc(0)), request(METADATA, 9, 2, Buffer.from([0, 0, 0, 0, 0]))])],
  ['upstream', Buffer.concat([Buffer.from('0000000a0000000100000000000000', 'hex').subarray(0, 14), metadata(9, 2, [9092])])],
  ['client', Buffer.concat([produce(7, 3, ['orders', 'bills']), produce(9, 4, ['orders'], 0), fetch(11, 5), request(77, 3, 6, Buffer.from('new'))])],
  ['upstream', Buffer.concat([produced(7, 3, 'orders', 'bills'), fetched(11, 5, 'orders'), Buffer.from('0000000600000006abcd', 'hex')])],
];
function converse(link: FakeLink, piece: number): void {
  for (const [from, bytes] of CONVERSATION) {
    for (let at = 0; at < bytes.length; at += piece) link[from](bytes.subarray(at, at + piece));
  }
}
const all = (from: 'client' | 'upstream'): Buffer => Buffer.concat(CONVERSATION.filter(([who]) => who === from).map(([, bytes]) => bytes));

describe('a connection to Kafka', () => {
  for (const piece of [1, 7, 1_460, 65_536]) {
    it(`passes every byte unchanged in pieces of ${piece}, and understands them`, () => {
      const link = talk();
      converse(link, piece);
      assert.ok(link.upstreamGot.equals(all('client')) && link.clientGot.equals(all('upstream')));
      assert.deepEqual(link.toldNotUnderstood, []);
      assert.equal(link.totals.route(0, 'r').requests, 6);
    });
    it(`acts the same in pieces of ${piece}`, () => {
      const whole = talk({ target: 'bills', errorChance: 1, errorCode: 7 }, { target: 'orders', scope: 'record', errorChance: 1, everyNth: 2 });
      const pieces = talk({ target: 'bills', errorChance: 1, errorCode: 7 }, { target: 'orders', scope: 'record', errorChance: 1, everyNth: 2 });
      converse(whole, 1_000_000);
      converse(pieces, piece);
      assert.ok(pieces.clientGot.equals(whole.clientGot) && pieces.upstreamGot.equals(whole.upstreamGot));
      assert.notEqual(whole.clientGot.length, all('upstream').length);
    });
  }

  for (const version of [0, 3, 7, 8, 9, 12]) {
    it(`refuses one of two topics of Produce v${version}, and tells of both in one answer`, () => {
      const link = talk({ target: 'bills', errorChance: 1, errorCode: 7, errorBody: 'no disk' });
      link.client(produce(version, 3, ['orders', 'bills']));
      assert.ok(link.upstreamGot.equals(produce(version, 3, ['orders'])), 'the broker is not shown the other topic');
      link.upstream(produced(version, 3, 'orders'));
      assert.deepEqual(codes(PRODUCE, version, link.clientGot), { orders: [0], bills: [7] });
      assert.equal(link.clientGot.includes('no disk'), version >= 8);
    });
    it(`refuses Produce v${version} as a whole, behind the answers before it`, () => {
      const link = talk({ target: 'bills', errorChance: 1 });
      link.client(Buffer.concat([produce(version, 3, ['orders']), produce(version, 4, ['bills']), produce(version, 5, ['orders'])]));
      assert.equal(link.clientGot.length, 0);
      link.upstream(produced(version, 3, 'orders'));
      const first = produced(version, 3, 'orders').length;
      assert.deepEqual(codes(PRODUCE, version, link.clientGot.subarray(first)), { bills: [6] });
      assert.ok(link.upstreamGot.equals(Buffer.concat([produce(version, 3, ['orders']), produce(version, 5, ['orders'])])));
    });
  }
  for (const version of [4, 11, 12]) {
    it(`fails Fetch v${version}, and leaves records out of it`, () => {
      const failing = talk({ target: 'orders', errorChance: 1 });
      failing.client(fetch(version, 9)).upstream(fetched(version, 9, 'orders'));
      assert.deepEqual(codes(FETCH, version, failing.clientGot), { orders: [6] });
      assert.equal(firstRecords(version, failing.clientGot)?.length, 0);
      const losing = talk({ target: 'orders', scope: 'record', errorChance: 1, everyNth: 2 });
      losing.client(fetch(version, 9)).upstream(fetched(version, 9, 'orders'));
      assert.deepEqual(firstRecords(version, losing.clientGot), withoutRecords(records, ({ offset }) => offset === 1).bytes);
    });
  }
  it('knows topics by their ids, as soon as metadata has told them', () => {
    const byId = (correlation: number, id: number): Buffer =>
      answer(FETCH, 13, correlation, { topics: [{ topicId: Buffer.alloc(16, id), partitions: [{ partition: 0, records }] }] });
    const link = talk({ target: 'orders', errorChance: 1 });
    link.client(request(METADATA, 12, 1, Buffer.from([1, 0, 0, 0]))).upstream(metadata(12, 1, [9092]));
    link.clear();
    link.client(fetch(13, 2)).upstream(byId(2, 7));
    assert.equal(firstRecords(13, link.clientGot)?.length, 0);
    link.clear();
    link.client(fetch(13, 3)).upstream(byId(3, 99));
    assert.ok(link.clientGot.equals(byId(3, 99)));
    assert.match(link.toldNotUnderstood.join(), /id/);
  });

  it('passes what is newer than it knows, what is too large, and what it cannot read, and says so', () => {
    const cases: [Buffer, Buffer | undefined, RegExp][] = [
      [request(PRODUCE, 14, 1, Buffer.from([0, 0, 1, 0, 0, 0, 9, 1, 0])), undefined, /Produce v14 is newer/],
      [request(PRODUCE, 7, 1, Buffer.from('0000000100000009ffffff7f', 'hex')), undefined, /cannot be read/],
      [fetch(11, 1), Buffer.from('0000000c000000010000000000000000', 'hex'), /cannot be read/],
    ];
    for (const [asked, answered, why] of cases) {
      const link = talk({ target: 'orders', errorChance: 1 });
      link.client(asked);
      assert.ok(link.upstreamGot.equals(asked));
      if (answered !== undefined) assert.ok(link.upstream(answered).clientGot.equals(answered));
      assert.match(link.toldNotUnderstood.join(), why);
    }
    const large = Buffer.alloc(17 * 1_048_576);
    produce(7, 1, ['orders']).copy(large);
    large.writeInt32BE(large.length - 4, 0);
    const link = talk({ target: 'orders', errorChance: 1 });
    assert.ok(link.client(large).upstreamGot.equals(large));
    assert.match(link.toldNotUnderstood.join(), /larger than what is held/);
  });
  it('passes TLS, bare SASL tokens and other bytes untouched', () => {
    for (const [bytes, why] of [['1603010200010001fc', /TLS/], ['474554202f20485454502f312e310d0a', /no requests/]] as const) {
      const link = talk({ target: 'all', errorChance: 1 });
      link.client(Buffer.from(bytes, 'hex')).upstream(Buffer.from('15030300020228', 'hex')).client(Buffer.from('more'));
      assert.equal(link.upstreamGot.toString('hex'), bytes + Buffer.from('more').toString('hex'));
      assert.equal(link.clientGot.toString('hex'), '15030300020228');
      assert.match(link.toldNotUnderstood[0] ?? '', why);
    }
    const link = talk({ target: 'all', errorChance: 1 });
    const handshake = request(17, 0, 1, Buffer.from('0005504c41494e', 'hex'));
    const token = Buffer.from('0000000c00757365720073656372657421', 'hex');
    link.client(handshake).upstream(Buffer.from('0000000a00000001000000000000', 'hex')).client(token).upstream(Buffer.from('00000000', 'hex'));
    assert.ok(link.upstreamGot.equals(Buffer.concat([handshake, token])));
    assert.equal(link.clientGot.length, 18);
    assert.doesNotMatch(link.toldNotUnderstood.join(), /secret/);
  });
  it('cuts the connection behind the answers before it', () => {
    const link = talk({ target: 'bills', dropConnection: true });
    link.client(Buffer.concat([produce(7, 3, ['orders']), produce(7, 4, ['bills'])]));
    assert.equal(link.wasReset, false);
    link.upstream(produced(7, 3, 'orders'));
    assert.ok(link.wasReset && link.clientGot.equals(produced(7, 3, 'orders')) && link.upstreamGot.equals(produce(7, 3, ['orders'])));
  });
  it('holds no more than it must behind a message that waits, and goes on with all of it on HALT', () => {
    const link = talk({ target: 'orders', latencyChance: 1, latencyMs: 600_000 });
    const sent = Buffer.concat([produce(7, 1, ['orders']), produce(7, 2, ['bills'])]);
    link.client(sent);
    assert.deepEqual([link.upstreamGot.length, link.session.full], [0, false]);
    const rest = request(PRODUCE, 7, 3, { acks: 1, topics: [{ topic: 'bills', partitions: [{ partition: 0, records: Buffer.alloc(200_000) }] }] });
    link.client(rest);
    assert.equal(link.session.full, true);
    link.holds.releaseAll();
    assert.ok(link.upstreamGot.equals(Buffer.concat([sent, rest])));
    assert.equal(link.session.full, false);
  });
  it('takes targets by name and by family, and leaves alone what is protected', () => {
    const struck = (target: string, topic: string, ignored: readonly string[] = []): boolean => {
      const link = talk({ target, errorChance: 1, ignored });
      return link.client(produce(7, 1, [topic])).clientGot.length > 0;
    };
    const topics = ['orders', 'orders.eu', 'orders2'];
    assert.deepEqual(topics.map((topic) => struck('orders', topic)), [true, false, false]);
    assert.deepEqual(topics.map((topic) => struck('orders.*', topic)), [false, true, false]);
    assert.deepEqual(topics.map((topic) => struck('orders*', topic)), [true, true, false]);
    assert.deepEqual(topics.map((topic) => struck('all', topic)), [true, true, true]);
    const ignored = ['__consumer_offsets', '_schemas', '__transaction_state', 'audit'];
    assert.deepEqual([...ignored, 'orders'].map((topic) => struck('all', topic, ignored)), [false, false, false, false, true]);
  });
  it('strikes what names no topic only where all are meant, and never what sets the connection up', () => {
    for (const [target, expected] of [['all', true], ['orders', false]] as const) {
      const heartbeat = talk({ target, errorChance: 1 }).client(request(12, 3, 1, Buffer.alloc(20)));
      assert.equal(heartbeat.clientGot.length > 0, expected);
      for (const [key, version] of [[18, 3], [17, 1], [36, 2]] as const) {
        assert.equal(talk({ target, errorChance: 1, dropConnection: true }).client(request(key, version, 1, Buffer.alloc(9))).closing, false);
      }
    }
  });
  it('ends without an answer where the producer asks for none', () => {
    const link = talk({ target: 'orders', errorChance: 1 });
    link.client(produce(7, 1, ['orders'], 0));
    assert.ok(link.closing);
    assert.deepEqual([link.upstreamGot.length, link.clientGot.length, link.totals.policy(0).errors], [0, 0, 1]);
  });

  it('points every broker at the route that serves it, and says of which there is none', () => {
    const address = (port: number) => ({ host: '127.0.0.1', port });
    placeRoute({ name: 'r', protocol: 'kafka', listen: { host: '', port: 1092 }, upstream: { host: 'localhost', port: 9092 } });
    placeRoute({ name: 'second', protocol: 'kafka', listen: address(1093), upstream: address(9093) });
    try {
      for (let version = 0; version <= 13; version++) {
        const link = talk();
        link.client(request(METADATA, version, 1, Buffer.alloc(9))).upstream(metadata(version, 1, [9092, 9093, 9094]));
        const brokers = listOf(readAnswer(apiOf(METADATA), version, link.clientGot), 'brokers');
        assert.deepEqual(brokers.map(({ port }) => port), [1092, 1093, 9094], `Metadata v${version}`);
        assert.match(link.toldNotUnderstood.join(), /^no route serves broker 2 at 127.0.0.1:9094/);
      }
      for (let version = 0; version <= 6; version++) {
        const link = talk();
        const one = { id: 1, host: '127.0.0.1', port: 9093 };
        link.client(request(10, version, 1, Buffer.alloc(9))).upstream(answer(10, version, 1, version < 4 ? one : { brokers: [{ key: 'g', ...one }] }));
        const told = readAnswer(apiOf(10), version, link.clientGot);
        assert.equal((version < 4 ? told : listOf(told, 'brokers')[0])?.['port'], 1093, `FindCoordinator v${version}`);
      }
      const alone = talk();
      alone.client(request(METADATA, 1, 1, Buffer.alloc(4))).upstream(metadata(1, 1, [5555]));
      assert.equal(listOf(readAnswer(apiOf(METADATA), 1, alone.clientGot), 'brokers')[0]?.['port'], 1092, 'a cluster of one is the one that answers');
    } finally {
      forgetRoute('r');
      forgetRoute('second');
    }
  });

  it('never throws and never loses a byte without a policy, whatever the bytes', () => {
    const bytesOf = all('client');
    const policies: Partial<WirePolicy>[] = [{ errorChance: 0.5 }, { scope: 'record', errorChance: 0.5 }];
    fc.assert(
      fc.property(fc.nat(bytesOf.length - 1), fc.nat(255), fc.integer({ min: 1, max: 50 }), (at, byte, piece) => {
        const broken = Buffer.from(bytesOf);
        broken[at] = byte;
        for (const link of [talk(), talk(...policies)]) {
          for (let from = 0; from < broken.length; from += piece) link.client(broken.subarray(from, from + piece));
          link.upstream(all('upstream'));
          if (!link.closing) (link.session.clientEnded(), link.session.upstreamEnded());
          if (link.route.effects.gate('kafka', link.route.name)) continue;
          assert.ok(link.upstreamGot.equals(broken) && link.clientGot.equals(all('upstream')));
        }
      }),
      { numRuns: 300 },
    );
  });
});
