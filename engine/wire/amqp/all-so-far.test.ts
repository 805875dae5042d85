import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeLink } from '../../../test/wire/fake-link.ts';
import { policy } from '../../../test/wire/parts.ts';
import * as amqp from '../../../test/wire/rabbitmq/words.ts';
import type { WirePolicy } from '../../policy/snapshot.ts';
import { AmqpSession } from './amqp.ts';

const ALL = amqp.ack(1, 0, true);
const up = (link: FakeLink): string[] => amqp.told(link.upstreamGot);
const deliver = (tag: number): Buffer => amqp.deliver(1, 'c1', tag, `m${tag}`);
const FAILING = { target: 'bad', errorChance: 1, errorCode: 404 };

/**
 * A client that had settled all so far before there was a policy; of 2, which has come since, nobody can say whether the
 * broker waits for it. The policy is not aimed at deliveries unless it says so.
 */
function doubting(over: Partial<WirePolicy> = {}): FakeLink {
  const link = new FakeLink('rabbitmq', (of) => new AmqpSession(of));
  link.client(Buffer.concat([amqp.GREETING, amqp.open(1), amqp.consume(1, 'orders', 'c1')]));
  link.upstream(Buffer.concat([amqp.openOk(1), amqp.consumeOk(1, 'c1')]));
  link.upstream(deliver(1)).client(ALL).upstream(deliver(2));
  assert.equal(up(link).at(-1), '1 ack 0 multiple', 'as it came');
  link.clear();
  link.route.effects.install([{ policy: policy({ protocol: 'rabbitmq', ...FAILING, ...over }), slot: 0 }]);
  return link;
}
/** The same, and the client settles 2 with all so far. */
function putOff(over: Partial<WirePolicy> = {}): FakeLink {
  const link = doubting(over).client(ALL);
  assert.deepEqual(up(link), ['1 flow']);
  return link;
}

describe('all so far, said when it is not known what the broker waits for', () => {
  it('is put off until the broker has answered twice, and names what has come in between', () => {
    const link = putOff().upstream(deliver(3));
    link.upstream(amqp.flowOk(1)).upstream(deliver(4));
    assert.deepEqual(up(link), ['1 flow', '1 flow'], '4 is known, and 3 is not');
    link.upstream(amqp.flowOk(1));
    assert.deepEqual(up(link).slice(2), ['1 ack 4 multiple']);
    link.client(ALL).upstream(deliver(5)).client(ALL);
    assert.deepEqual(up(link).slice(3), ['1 ack 5 multiple'], 'and from then on is never in doubt');
  });

  it('is said as it was, and asked behind, when nothing came in between', () => {
    const link = putOff().upstream(amqp.flowOk(1)).upstream(amqp.flowOk(1));
    assert.deepEqual(up(link), ['1 flow', '1 flow', '1 ack 0 multiple', '1 flow']);
    link.upstream(amqp.flowOk(1)).upstream(deliver(3)).client(ALL);
    assert.deepEqual(up(link).slice(4), ['1 ack 3 multiple']);
  });

  it('is said at once when the client says it again and one can be named', () => {
    const link = putOff().upstream(amqp.flowOk(1)).upstream(deliver(3)).client(ALL).upstream(amqp.flowOk(1));
    assert.deepEqual(up(link), ['1 flow', '1 flow', '1 ack 3 multiple'], 'once');
  });

  it('is put off once, however often it is said', () => {
    const link = putOff();
    for (let tag = 3; tag < 50; tag++) link.upstream(deliver(tag)).client(ALL);
    assert.deepEqual(up(link), ['1 flow']);
    link.upstream(amqp.flowOk(1)).upstream(deliver(50)).upstream(amqp.flowOk(1));
    assert.deepEqual(up(link), ['1 flow', '1 flow', '1 ack 50 multiple']);
  });

  it('is no reason to spare what is certain', () => {
    const link = putOff({ target: 'orders', extra: { effect: 'nack' } }).upstream(deliver(3));
    link.upstream(amqp.flowOk(1)).upstream(deliver(4)).upstream(amqp.flowOk(1));
    assert.deepEqual(up(link), ['1 flow', '1 flow', '1 nack 4', '1 ack 0 multiple', '1 flow']);
    assert.deepEqual(amqp.told(link.clientGot).filter((line) => line.includes('body')), ['1 body m3'], '4 never came');
  });

  it('goes in front of whatever the client asks next', () => {
    const frames = [amqp.get(1, 'orders'), amqp.close(1), amqp.close(0), amqp.recover(1), amqp.txSelect(1), amqp.flow(1), amqp.consume(1, 'other', 'c2'), amqp.cancel(1, 'c1')];
    for (const frame of frames) {
      const link = putOff().client(frame);
      assert.deepEqual(up(link), ['1 flow', '1 ack 0 multiple', '1 flow', ...amqp.told(frame)]);
    }
    const certain = putOff().upstream(amqp.flowOk(1)).upstream(deliver(3)).client(amqp.get(1, 'orders'));
    assert.deepEqual(up(certain).slice(2, 3), ['1 ack 3 multiple']);
  });

  it('goes in front of the end, be it the client\'s or a failure', () => {
    const ended = putOff();
    ended.session.clientEnded();
    assert.deepEqual([up(ended), ended.upstreamOver], [['1 flow', '1 ack 0 multiple', '1 flow'], true]);
    for (const [effect, close] of [['channel', '1 close 200'], ['connection', '0 close 200']] as const) {
      const link = putOff({ extra: { effect } }).client(amqp.publish(1, 'bad', 'x'));
      assert.deepEqual(up(link), ['1 flow', '1 ack 0 multiple', '1 flow', close]);
    }
    const lost = putOff().client(Buffer.from('no frame of AMQP'));
    assert.deepEqual(amqp.told(lost.upstreamGot.subarray(0, -16)), ['1 flow', '1 ack 0 multiple', '1 flow']);
  });

  it('stands within no message that the client publishes, and holds none up', () => {
    const link = putOff().upstream(amqp.flowOk(1));
    const message = amqp.publish(1, 'good', 'x'.repeat(100));
    link.client(message.subarray(0, 80)).upstream(amqp.flowOk(1)).client(message.subarray(80));
    assert.deepEqual(up(link), ['1 flow', '1 flow', ...amqp.told(message), '1 ack 0 multiple', '1 flow']);
  });

  it('is not said again by what comes too late to be settled otherwise', () => {
    const link = putOff().upstream(deliver(3)).upstream(amqp.flowOk(1)).upstream(deliver(4)).upstream(amqp.flowOk(1));
    link.client(Buffer.concat([amqp.ack(1, 3), amqp.nack(1, 4, true, true)]));
    assert.deepEqual(up(link), ['1 flow', '1 flow', '1 ack 4 multiple'], 'it took 3 and 4 with it, as it may have for any client');
    link.client(amqp.ack(1, 2));
    assert.equal(up(link).at(-1), '1 ack 2', 'what the client itself has settled is unknown to the broker, and it shall say so');
  });

  it('leaves single messages alone, is part of a larger settlement, and gives way to one of another kind', () => {
    assert.deepEqual(up(putOff().upstream(deliver(3)).client(amqp.ack(1, 3))), ['1 flow', '1 ack 3']);
    const larger = putOff().upstream(deliver(3)).client(amqp.ack(1, 3, true)).upstream(amqp.flowOk(1));
    assert.deepEqual(up(larger), ['1 flow', '1 ack 3 multiple']);
    const other = putOff().upstream(deliver(3)).client(amqp.nack(1, 0, true, true));
    assert.deepEqual(up(other), ['1 flow', '1 ack 0 multiple', '1 flow'], 'which may have been in time for 3');
    const upTo = putOff().upstream(deliver(3)).client(amqp.nack(1, 3, true));
    assert.deepEqual(up(upTo), ['1 flow', '1 ack 0 multiple', '1 flow']);
    const twice = putOff().client(amqp.ack(1, 2));
    assert.deepEqual(up(twice), ['1 flow', '1 ack 0 multiple', '1 flow', '1 ack 2'], 'an error of the client stays one');
  });

  it('passes as it came once no policy is left, without what was put off', () => {
    const link = putOff().upstream(deliver(3));
    link.route.effects.install([]);
    link.client(ALL).upstream(amqp.flowOk(1)).upstream(deliver(4)).client(ALL);
    assert.deepEqual(up(link), ['1 flow', '1 ack 0 multiple', '1 ack 0 multiple']);
  });

  it('is nothing that a single message can be called: that passes, for the broker to refuse', () => {
    const link = doubting().client(Buffer.concat([amqp.ack(1, 0), amqp.reject(1, 0), amqp.nack(1, 0)]));
    assert.deepEqual(up(link), ['1 ack 0', '1 reject 0', '1 nack 0']);
  });

  it('names the last as long as the numbers differ, but for a transaction, of which nobody knows how it ends', () => {
    const link = doubting({ target: 'orders', everyNth: 2, extra: { effect: 'ack' } });
    link.upstream(deliver(3)).upstream(amqp.flowOk(1)).upstream(Buffer.concat([4, 5, 6].map(deliver)));
    assert.deepEqual(up(link).slice(0, 2), ['1 flow', '1 ack 5']);
    link.route.effects.install([]);
    link.client(ALL);
    assert.equal(up(link).at(-1), '1 ack 6 multiple');
    link.client(amqp.txSelect(1)).upstream(deliver(7)).client(ALL);
    assert.equal(up(link).at(-1), '1 ack 0 multiple');
  });

  it('has an end, too, when the client asks for the same', () => {
    const link = putOff().client(amqp.flow(1));
    assert.deepEqual(up(link), ['1 flow', '1 ack 0 multiple', '1 flow', '1 flow']);
    link.clear();
    for (let n = 0; n < 3; n++) link.upstream(amqp.flowOk(1));
    assert.deepEqual(amqp.told(link.clientGot), ['1 flow-ok'], 'two of the answers were for the wire');
  });
});
