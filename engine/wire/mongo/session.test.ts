import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeLink } from '../../../test/wire/fake-link.ts';
import { FLAG, message, messagesIn, packed, query, reply } from '../../../test/wire/mongo/messages.ts';
import { policy } from '../../../test/wire/parts.ts';
import type { WirePolicy } from '../../policy/snapshot.ts';
import { MongoSession } from './session.ts';

const linkOf = (...policies: readonly Partial<WirePolicy>[]): FakeLink =>
  new FakeLink('mongo', (link) => new MongoSession(link), policies.map((over) => policy({ protocol: 'mongo', ...over })));
const find = (id: number, more: object = {}): Buffer => message({ find: 'orders', filter: {}, ...more, $db: 'shop' }, { id });
const answer = (to: number, id = 1_000 + to): Buffer => message({ cursor: { firstBatch: [{ _id: 1 }, { _id: 2 }], id: 0, ns: 'shop.orders' }, ok: 1 }, { id, to });
const insert = (id: number, size = 10, flags = 0): Buffer =>
  message({ insert: 'orders', ordered: true, $db: 'shop' }, { id, flags, sequence: { name: 'documents', documents: [{ x: 'y'.repeat(size) }, { z: 1 }] } });
const FAIL = { target: 'all', errorChance: 1, errorCode: 50 } as const;

describe('messages of the client', () => {
  const CLIENT = [
    query({ isMaster: 1 }), find(2), message({ hello: 1, $db: 'admin' }, { id: 3, flags: 0x1_0000 }), insert(4), packed(find(5), 'snappy'), packed(find(6), 'zlib'),
    packed(insert(7, 40_000), 'zstd'), message({ insert: 'orders', $db: 'shop' }, { id: 8, sequence: { name: 'documents', documents: [{ a: 1 }] }, sequenceFirst: true }),
    insert(9, 50, FLAG.moreToCome), message({ getMore: 5n, collection: 'orders', $db: 'shop' }, { id: 10, flags: FLAG.checksum }), find(11),
  ];
  const UPSTREAM = [reply({ ismaster: true, ok: 1 }, 1), ...[2, 3, 4, 5, 6, 7, 8, 10, 11].map((id) => answer(id))];

  /** What both ends have got after a conversation in which every request is answered, in pieces of this size. */
  const played = (link: FakeLink, size: number): { up: Buffer; down: Buffer } => {
    const cut = (bytes: Buffer, take: (piece: Buffer) => void): void => {
      for (let at = 0; at < bytes.length; at += size) take(bytes.subarray(at, at + size));
    };
    for (const bytes of CLIENT) {
      cut(bytes, (piece) => void link.client(piece));
      const id = bytes.readInt32LE(4);
      const wasSent = messagesIn(link.upstreamGot).some((one) => one.id === id);
      const answered = UPSTREAM.find((one) => one.readInt32LE(8) === id);
      if (wasSent && answered !== undefined) cut(answered, (piece) => void link.upstream(piece));
    }
    assert.deepEqual(link.toldNotUnderstood, []);
    return { up: link.upstreamGot, down: link.clientGot };
  };

  it('cross unchanged without a policy, and with one that does not mean them', () => {
    for (const policies of [[], [{ ...FAIL, target: 'nothing' }]]) {
      for (const size of [1, 7, 1_460, 1_000_000]) {
        const { up, down } = played(linkOf(...policies), size);
        assert.ok(up.equals(Buffer.concat(CLIENT)), `up, in pieces of ${size}`);
        assert.ok(down.equals(Buffer.concat(UPSTREAM)), `down, in pieces of ${size}`);
      }
    }
  });
  it('are judged the same in one piece and byte by byte', () => {
    for (const over of [FAIL, { ...FAIL, target: 'insert' }, { ...FAIL, target: 'shop.orders', everyNth: 2 }, { ...FAIL, extra: { failure: 'remove-documents', share: 0.5 } }]) {
      const whole = played(linkOf(over), 1_000_000);
      const bytewise = played(linkOf(over), 1);
      assert.ok(whole.up.equals(bytewise.up));
      assert.ok(whole.down.equals(bytewise.down));
      assert.ok(!whole.down.equals(Buffer.concat(UPSTREAM)), 'something was done');
    }
  });
  it('all at once are answered in order', () => {
    const link = linkOf({ ...FAIL, target: 'insert' });
    link.client(Buffer.concat([find(1), insert(2), find(3), insert(4), find(5)]));
    assert.deepEqual(messagesIn(link.upstreamGot).map(({ id }) => id), [1], 'the refusal waits, and so does what is behind it');
    for (const id of [1, 3, 5]) link.upstream(answer(id));
    assert.deepEqual(messagesIn(link.clientGot).map(({ to }) => to), [1, 2, 3, 4, 5]);
    assert.deepEqual(messagesIn(link.upstreamGot).map(({ id }) => id), [1, 3, 5]);
    assert.equal(link.totals.policy(0).errors, 2);
  });
  it('that wait their turn pass when the policy has gone meanwhile', () => {
    const link = linkOf(FAIL);
    link.route.effects.install([]);
    link.client(find(1));
    link.route.effects.install([{ policy: policy({ protocol: 'mongo', ...FAIL }), slot: 0 }]);
    link.client(find(2));
    assert.equal(messagesIn(link.upstreamGot).length, 1);
    link.route.effects.install([]);
    link.upstream(answer(1));
    assert.deepEqual(messagesIn(link.upstreamGot).map(({ id }) => id), [1, 2]);
  });
  it('are streamed: a large one is passed on as it comes, and none of it is kept', () => {
    const large = insert(1, 5_000_000);
    const link = linkOf({ ...FAIL, target: 'find' });
    for (let at = 0; at < large.length; at += 65_536) {
      link.client(large.subarray(at, at + 65_536));
      assert.equal(link.upstreamGot.length, Math.min(large.length, at + 65_536));
      assert.equal(link.session.full, false);
    }
    const inline = message({ insert: 'orders', documents: [{ x: 'y'.repeat(5_000_000) }], $db: 'shop' });
    link.clear();
    let held = 0;
    for (let at = 0; at < inline.length; at += 65_536) {
      link.client(inline.subarray(at, at + 65_536));
      held = Math.max(held, Math.min(inline.length, at + 65_536) - link.upstreamGot.length);
    }
    assert.ok(held < 140_000, `at most ${held} bytes were held back to find the name`);
    assert.ok(link.upstreamGot.equals(inline));
  });
  it('that are refused are taken to their end before they are answered', () => {
    const large = insert(1, 300_000);
    const link = linkOf(FAIL);
    link.client(large.subarray(0, large.length - 1));
    assert.deepEqual([link.clientGot.length, link.upstreamGot.length, link.totals.policy(0).errors], [0, 0, 0]);
    link.client(large.subarray(large.length - 1));
    assert.equal(messagesIn(link.clientGot)[0]?.document['code'], 50);
  });
  it('that want no answer get none, and are withheld', () => {
    for (const bytes of [insert(1, 10, FLAG.moreToCome), packed(insert(1, 10, FLAG.moreToCome), 'zlib')]) {
      const link = linkOf({ ...FAIL, target: 'insert' });
      link.client(Buffer.concat([bytes, find(2)]));
      assert.deepEqual(messagesIn(link.upstreamGot).map(({ id }) => id), [2]);
      assert.deepEqual([link.clientGot.length, link.totals.policy(0).errors], [0, 1]);
    }
  });
  it('behind one of which nobody knows whether it is answered are not answered by us', () => {
    const link = linkOf();
    link.client(packed(insert(1, 10, FLAG.moreToCome), 'zlib'));
    link.route.effects.install([{ policy: policy({ protocol: 'mongo', ...FAIL }), slot: 0 }]);
    link.client(find(2));
    assert.deepEqual(messagesIn(link.upstreamGot).map(({ id }) => id), [1, 2]);
    link.upstream(answer(2)).client(find(3));
    assert.deepEqual(messagesIn(link.clientGot).map(({ to }) => to), [2, 3], 'from the next one on');
  });
  it('that are none pass, are told once, and never throw', () => {
    const tls = Buffer.from('16030100c8010000c40303', 'hex');
    for (const nonsense of [Buffer.alloc(40, 0xff), Buffer.alloc(40), Buffer.concat([tls, Buffer.alloc(60, 7)]), Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')]) {
      const link = linkOf(FAIL);
      const bytes = Buffer.concat([find(1), nonsense, find(2)]);
      for (const byte of bytes) link.client(Buffer.of(byte));
      assert.ok(link.upstreamGot.equals(bytes.subarray(find(1).length)), 'behind the refused one everything passes');
      assert.equal(link.toldNotUnderstood.length, 1);
      link.upstream(nonsense.subarray(0, 30)).upstream(nonsense);
    }
  });
  it('cut short go up as they are', () => {
    const link = linkOf(FAIL);
    link.client(find(1).subarray(0, 30));
    link.session.clientEnded();
    assert.deepEqual([link.upstreamGot.length, link.upstreamOver], [30, true]);
  });
});

describe('transactions', () => {
  const inside = { txnNumber: 1n, autocommit: false };
  it('are never cut inside, and their end is never refused', () => {
    const end = message({ commitTransaction: 1, ...inside, $db: 'admin' }, { id: 2 });
    const abort = message({ abortTransaction: 1, ...inside, $db: 'admin' }, { id: 3 });
    for (const over of [{ target: 'all', dropConnection: true }, { ...FAIL, target: 'commitTransaction' }]) {
      const link = linkOf(over);
      link.client(Buffer.concat([find(1, inside), end, abort]));
      assert.equal(link.wasReset, false);
      assert.deepEqual(messagesIn(link.upstreamGot).map(({ id }) => id), [1, 2, 3]);
      assert.deepEqual([link.totals.policy(0).errors, link.totals.policy(0).drops], [0, 0]);
      assert.equal(link.totals.policy(0).matched, over.target === 'all' ? 1 : 0, 'what cannot fail is not counted as what should have');
    }
    const late = linkOf({ target: 'all', latencyChance: 1, latencyMs: 600_000 }).client(end);
    assert.equal(late.upstreamGot.length, 0, 'it may be late');
    late.holds.releaseAll();
    assert.ok(late.upstreamGot.equals(end));
    assert.equal(linkOf({ target: 'all', dropConnection: true }).client(find(1)).wasReset, true, 'outside they are');
    const unseen = message({ insert: 'orders', documents: [{ x: 'y'.repeat(200_000) }], ...inside, $db: 'shop' });
    assert.equal(linkOf({ target: 'all', dropConnection: true }).client(unseen).wasReset, false, 'too long to be sure');
  });
  it('fail inside with the label that tells to begin anew, where servers put it or the policy says so', () => {
    const labels = (over: Partial<WirePolicy>, more: object): unknown => messagesIn(linkOf({ ...FAIL, ...over }).client(find(1, more)).clientGot)[0]?.document['errorLabels'];
    assert.deepEqual(labels({ errorCode: 112 }, inside), ['TransientTransactionError']);
    assert.deepEqual(labels({ errorCode: 89 }, inside), ['TransientTransactionError']);
    assert.equal(labels({ errorCode: 50 }, inside), undefined);
    assert.deepEqual(labels({ errorCode: 50, extra: { retryable: 'yes' } }, inside), ['TransientTransactionError']);
    assert.equal(labels({ errorCode: 112, extra: { retryable: 'no' } }, inside), undefined);
    assert.equal(labels({ errorCode: 112 }, { txnNumber: 1n }), undefined, 'outside of a transaction');
    assert.deepEqual(labels({ errorCode: 11_600 }, { txnNumber: 1n }), ['RetryableWriteError']);
  });
});

describe('answers of the server', () => {
  const CORRUPT = { ...FAIL, extra: { failure: 'remove-documents', share: 1 } };
  it('are changed once each, however they arrive', () => {
    for (const size of [1, 7, 10_000]) {
      const link = linkOf(CORRUPT).client(find(1));
      const bytes = Buffer.concat([answer(1), answer(99)]);
      for (let at = 0; at < bytes.length; at += size) link.upstream(bytes.subarray(at, at + size));
      assert.deepEqual(messagesIn(link.clientGot).map(({ document }) => (document['cursor'] as { firstBatch: unknown[] }).firstBatch.length), [0, 2]);
      assert.equal(link.totals.policy(0).errors, 1);
    }
  });
  it('to a command with several of them are all changed, and it counts once', () => {
    const link = linkOf(CORRUPT).client(message({ getMore: 5n, collection: 'orders', $db: 'shop' }, { id: 1, flags: 0x1_0000 }));
    const each = (id: number, to: number, flags: number): Buffer => message({ cursor: { nextBatch: [{ _id: 1 }], id: 5n, ns: 'shop.orders' }, ok: 1 }, { id, to, flags });
    link.upstream(Buffer.concat([each(50, 1, FLAG.moreToCome), each(51, 50, FLAG.moreToCome), each(52, 51, 0)]));
    assert.deepEqual(messagesIn(link.clientGot).map(({ document }) => (document['cursor'] as { nextBatch: unknown[] }).nextBatch.length), [0, 0, 0]);
    assert.equal(link.totals.policy(0).errors, 1);
    link.client(find(2)).upstream(answer(2));
    assert.equal(link.totals.policy(0).errors, 2);
  });
  it('pass as they are once the policy has gone, or when they are too large to hold', () => {
    const gone = linkOf(CORRUPT).client(find(1));
    gone.route.effects.install([]);
    assert.ok(gone.upstream(answer(1)).clientGot.equals(answer(1)));
    const large = message({ cursor: { firstBatch: [{ x: 'y'.repeat(5_000_000) }], id: 0 }, ok: 1 }, { to: 1 });
    const link = linkOf(CORRUPT).client(find(1)).upstream(large.subarray(0, 100));
    assert.equal(link.clientGot.length, 100, 'not even held');
    assert.ok(link.upstream(large.subarray(100)).clientGot.equals(large));
    assert.deepEqual([link.totals.policy(0).matched, link.totals.policy(0).errors], [1, 0]);
  });
  it('that are no messages pass, and let go of what waits for its turn', () => {
    const link = linkOf({ ...FAIL, target: 'insert' }).client(find(1)).client(insert(2));
    link.upstream(Buffer.alloc(64, 0xee));
    assert.deepEqual([link.clientGot.length, link.toldNotUnderstood.length], [64, 1]);
    assert.deepEqual(messagesIn(link.upstreamGot).map(({ id }) => id), [1, 2]);
    link.client(insert(3));
    assert.deepEqual(messagesIn(link.upstreamGot).map(({ id }) => id), [1, 2, 3], 'no answer of ours has a place any more');
  });
  it('cut short go on as they are', () => {
    const link = linkOf(CORRUPT).client(find(1)).upstream(answer(1).subarray(0, 50));
    link.session.upstreamEnded();
    assert.deepEqual([link.clientGot.length, link.clientOver], [50, true]);
  });
});
