import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeLink } from '../../../test/wire/fake-link.ts';
import { policy } from '../../../test/wire/parts.ts';
import * as amqp from '../../../test/wire/rabbitmq/words.ts';
import { seeds } from '../../../test/fuzz/rabbitmq.ts';
import type { WirePolicy } from '../../policy/snapshot.ts';
import { AmqpSession } from './amqp.ts';

const linkWith = (...policies: Partial<WirePolicy>[]): FakeLink =>
  new FakeLink('rabbitmq', (link) => new AmqpSession(link), policies.map((one) => policy({ protocol: 'rabbitmq', ...one })));
/** A connection with channel 1 open, confirming, and a consumer of `orders`; what was said for that is forgotten. */
function talking(...policies: Partial<WirePolicy>[]): FakeLink {
  const link = linkWith(...policies);
  link.client(Buffer.concat([amqp.GREETING, amqp.open(1), amqp.confirmSelect(1), amqp.consume(1, 'orders', 'c')]));
  link.upstream(Buffer.concat([amqp.openOk(1), amqp.consumeOk(1, 'c')])).clear();
  return link;
}
const up = (link: FakeLink): string[] => amqp.told(link.upstreamGot);
const down = (link: FakeLink): string[] => amqp.told(link.clientGot);
const deliveries = (from: number, to: number): Buffer =>
  Buffer.concat(Array.from({ length: to - from + 1 }, (_, n) => amqp.deliver(1, 'c', from + n, `m${from + n}`)));
const lose = (effect: string, over: Partial<WirePolicy> = {}): Partial<WirePolicy> => ({ target: 'orders', errorChance: 1, extra: { effect }, ...over });

describe('amqp', () => {
  it('passes byte by byte what it passes in one piece, and both as they came', () => {
    for (const turns of seeds()) {
      const byBytes = linkWith();
      const whole = linkWith();
      for (const { from, bytes } of turns) {
        whole[from](bytes);
        for (const byte of bytes) byBytes[from](Buffer.from([byte]));
      }
      for (const link of [whole, byBytes]) {
        assert.deepEqual(link.upstreamGot, Buffer.concat(turns.filter(({ from }) => from === 'client').map(({ bytes }) => bytes)));
        assert.deepEqual(link.clientGot, Buffer.concat(turns.filter(({ from }) => from === 'upstream').map(({ bytes }) => bytes)));
        assert.deepEqual(link.toldNotUnderstood, []);
      }
    }
  });

  it('judges the same byte by byte as in one piece', () => {
    const run = (feed: (link: FakeLink, from: 'client' | 'upstream', bytes: Buffer) => void): [string[], string[]] => {
      const link = talking(lose('nack', { everyNth: 2 }));
      feed(link, 'client', Buffer.concat([1, 2, 3, 4].map((n) => amqp.publish(1, 'orders', `p${n}`.repeat(n * 20)))));
      feed(link, 'upstream', Buffer.concat([deliveries(1, 5), amqp.ack(1, 2, true)]));
      feed(link, 'client', Buffer.concat([amqp.ack(1, 1), amqp.ack(1, 3, true)]));
      return [up(link), down(link)];
    };
    const whole = run((link, from, bytes) => link[from](bytes));
    assert.deepEqual(run((link, from, bytes) => bytes.forEach((byte) => link[from](Buffer.from([byte])))), whole);
    assert.deepEqual(whole[1].filter((line) => /deliver|ack/.test(line)), ['1 deliver 1', '1 deliver 2', '1 deliver 3', '1 ack 1 multiple', '1 nack 2', '1 ack 3 multiple', '1 nack 4']);
    assert.deepEqual(whole[0].filter((line) => /ack/.test(line)), ['1 nack 2', '1 nack 4', '1 ack 1', '1 ack 5 multiple']);
  });

  it('forgets the consumers that are cancelled without an answer, behind what was on its way to them', () => {
    const link = talking(lose('ack'));
    const tags = Array.from({ length: 1_000 }, (_, n) => `c${n}`);
    const consume = (tag: string): Buffer => amqp.consume(1, 'orders', tag, { noWait: true });
    for (const tag of tags) link.client(Buffer.concat([consume(tag), amqp.cancel(1, tag, true)]));
    // One is cancelled before the broker could answer that it consumes.
    link.client(Buffer.concat([amqp.consume(1, 'orders', 'early'), amqp.cancel(1, 'early', true)])).upstream(amqp.consumeOk(1, 'early'));
    const bites = (tag: string, number: number): boolean => {
      link.clear();
      return up(link.upstream(amqp.deliver(1, tag, number, 'm'))).length > 0;
    };
    assert.deepEqual([bites('c999', 1), bites('early', 2), bites('c0', 3)], [true, true, false]);
    link.client(consume('c0'));
    assert.equal(bites('c0', 4), true, 'it consumes again');
    for (const tag of tags.slice(1)) link.client(Buffer.concat([consume(tag), amqp.cancel(1, tag, true)]));
    assert.deepEqual([bites('early', 5), bites('c0', 6), bites('c', 7)], [false, true, true]);
  });

  it('is not understood when it is another version, or encrypted, and passes', () => {
    for (const [first, why] of [['AMQP\0\x01\0\0', /0-9-1/], ['\x16\x03\x01\x02', /TLS/], ['GET / HTTP/1.1\r\n', /0-9-1/]] as const) {
      const link = linkWith({ errorChance: 1 }).client(Buffer.from(first, 'latin1'));
      link.upstream(Buffer.from('whatever')).client(amqp.publish(1, 'k', 'b'));
      assert.match(link.toldNotUnderstood.join(), why);
      assert.deepEqual(link.upstreamGot, Buffer.concat([Buffer.from(first, 'latin1'), amqp.publish(1, 'k', 'b')]));
      assert.equal(link.clientGot.toString(), 'whatever');
    }
  });

  it('goes on untouched once frames have lost their ends, with what waited in front', () => {
    const link = talking({ latencyChance: 1, latencyMs: 600_000 });
    const bad = Buffer.from(amqp.ack(1, 1));
    bad[bad.length - 1] = 7;
    link.client(amqp.publish(1, 'orders', 'held')).client(bad).client(amqp.ack(1, 2));
    assert.deepEqual(link.upstreamGot, Buffer.concat([amqp.publish(1, 'orders', 'held'), bad, amqp.ack(1, 2)]));
    link.session.closed();
  });

  it('withholds a delivery, tells the broker, and numbers what follows for the client', () => {
    const link = talking(lose('ack', { everyNth: 3 }));
    link.upstream(deliveries(1, 7));
    assert.deepEqual(up(link), ['1 ack 3', '1 ack 6']);
    assert.deepEqual(down(link).filter((line) => /deliver|body/.test(line)), [1, 2, 4, 5, 7].flatMap((n, index) => [`1 deliver ${index + 1}`, `1 body m${n}`]));
    link.clear();
    link.client(Buffer.concat([amqp.ack(1, 3), amqp.reject(1, 4), amqp.ack(1, 5, true), amqp.ack(1, 5)]));
    assert.deepEqual(up(link), ['1 ack 4', '1 reject 5', '1 ack 7 multiple', '1 ack 6'], 'what is settled already is as unknown to the broker');
  });

  it('settles no message on its way with "all so far"', () => {
    const link = talking(lose('ack', { everyNth: 3 }));
    link.upstream(deliveries(1, 2)).client(amqp.ack(1, 0, true)).upstream(deliveries(3, 3)).client(amqp.ack(1, 0, true));
    assert.deepEqual(up(link), ['1 ack 2 multiple', '1 ack 3'], 'with nothing left to settle, nothing is said');
  });

  it('withholds nothing of which it cannot know whether the broker still waits for it, and finds out', () => {
    const link = talking();
    link.upstream(deliveries(1, 1)).client(amqp.ack(1, 0, true)).clear();
    link.route.effects.install([{ policy: policy({ protocol: 'rabbitmq', ...lose('nack') }), slot: 0 }]);
    link.upstream(deliveries(2, 3));
    assert.deepEqual(up(link), ['1 flow']);
    assert.equal(down(link).filter((line) => line.includes('deliver')).length, 2);
    link.upstream(amqp.flowOk(1)).upstream(deliveries(4, 4));
    assert.deepEqual(up(link), ['1 flow', '1 nack 4']);
    assert.equal(down(link).length, 6, 'neither the answer nor the delivery reaches the client');
    link.client(amqp.flow(1)).upstream(amqp.flowOk(1));
    assert.equal(down(link).at(-1), '1 flow-ok', 'its own answer does');
  });

  it('answers basic.get with nothing when its message is withheld', () => {
    const link = talking(lose('requeue'));
    link.client(Buffer.concat([amqp.get(1, 'orders'), amqp.get(1, 'other')])).upstream(Buffer.concat([amqp.getOk(1, 1, 'a'), amqp.getOk(1, 2, 'b')]));
    assert.deepEqual(down(link), ['1 get-empty', '1 get-ok 1', '1 header 1', '1 body b']);
    assert.equal(up(link).at(-1), '1 nack 1 requeue');
  });

  it('says nothing to a broker that waits for nothing', () => {
    const link = talking(lose('ack'));
    link.client(Buffer.concat([amqp.open(2), amqp.consume(2, 'orders', 'n', { noAck: true })])).upstream(amqp.consumeOk(2, 'n')).clear();
    link.upstream(amqp.deliver(2, 'n', 1, 'x'));
    assert.deepEqual([up(link), down(link)], [[], []]);
  });

  it('touches nothing within a transaction but to delay it', () => {
    const link = talking(lose('ack'), { target: 'orders', dropConnection: true });
    link.client(Buffer.concat([amqp.txSelect(1), amqp.publish(1, 'orders', 'x')])).upstream(deliveries(1, 1));
    assert.equal(up(link).at(-1), '1 body x');
    assert.equal(down(link).at(-1), '1 body m1');
    assert.equal(link.wasReset, false);
  });

  it('protects what begins with amq. or reply_', () => {
    const link = talking({ errorChance: 1, ignored: ['amq.', 'reply_'], extra: { effect: 'ack' } });
    for (const key of ['amq.gen-1', 'reply_7', 'AMQ.x']) link.client(amqp.publish(1, key, 'p'));
    assert.equal(up(link).filter((line) => line.includes('body')).length, 3);
    link.client(amqp.publish(1, 'replying', 'p'));
    assert.equal(up(link).filter((line) => line.includes('body')).length, 3);
  });

  it('matches headers and conditions', () => {
    const headers = { 'X-Tier': amqp.textField('free'), n: Buffer.concat([Buffer.from('I'), amqp.u32(7)]), baggage: amqp.textField('chaos=on') };
    const withheld = (over: Partial<WirePolicy>): boolean => {
      const link = talking({ errorChance: 1, extra: { effect: 'ack' }, ...over });
      link.client(amqp.publish(1, 'orders.eu', 'p', headers, 'shop'));
      return link.upstreamGot.length === 0;
    };
    assert.ok(withheld({ matchHeaders: { 'x-tier': 'free', n: '7' } }));
    assert.ok(!withheld({ matchHeaders: { 'x-tier': 'gold' } }));
    assert.ok(!withheld({ matchHeaders: { 'x-other': '' } }));
    assert.ok(withheld({ target: 'orders.*' }));
    assert.ok(withheld({ target: 'orders*' }));
    assert.ok(!withheld({ target: 'order*' }));
    assert.ok(!withheld({ target: 'orders' }));
    for (const when of ["rabbitmq.exchange == 'shop'", "rabbitmq.headers['X-Tier'] == 'free'", "rabbitmq.action == 'publish'", "baggage['chaos'] == 'on'", "rabbitmq.routing_key.startsWith('orders')", "rabbitmq.queue == ''"]) {
      assert.ok(withheld({ when }), when);
      assert.ok(!withheld({ when: `!(${when})` }), `not ${when}`);
    }
  });
});
