import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeLink } from '../../../test/wire/fake-link.ts';
import { policy } from '../../../test/wire/parts.ts';
import * as amqp from '../../../test/wire/rabbitmq/words.ts';
import type { WirePolicy } from '../../policy/snapshot.ts';
import { AmqpSession } from './amqp.ts';

/** A connection with channels 1 and 2 open and a consumer of `orders` on each; what was said for that is forgotten. */
function talking(...policies: Partial<WirePolicy>[]): FakeLink {
  const link = new FakeLink('rabbitmq', (of) => new AmqpSession(of), policies.map((one) => policy({ protocol: 'rabbitmq', ...one })));
  const both = (frames: (channel: number) => Buffer): Buffer => Buffer.concat([frames(1), frames(2)]);
  link.client(Buffer.concat([amqp.GREETING, both(amqp.open), both((n) => amqp.consume(n, 'orders', `c${n}`))]));
  link.upstream(Buffer.concat([both(amqp.openOk), both((n) => amqp.consumeOk(n, `c${n}`))])).clear();
  return link;
}
const up = (link: FakeLink): string[] => amqp.told(link.upstreamGot);
const down = (link: FakeLink): string[] => amqp.told(link.clientGot);
const removeAll = (link: FakeLink): void => link.route.effects.install([]);
const fail = (effect: string, over: Partial<WirePolicy> = {}): Partial<WirePolicy> => ({ target: 'bad', errorChance: 1, errorCode: 404, errorBody: 'no such thing', extra: { effect }, ...over });
/** Waits for something that the next turns of the loop bring about. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}
const LIMIT = { timeout: 60_000 };

describe('amqp latency', LIMIT, () => {
  it('holds a channel in one direction, in order, and nothing else', async () => {
    const link = talking({ target: 'slow', latencyChance: 1, latencyMs: 30 });
    link.client(Buffer.concat([amqp.publish(1, 'slow', 'a'), amqp.publish(1, 'fast', 'b'), amqp.ack(1, 9), amqp.publish(2, 'fast', 'c'), amqp.heartbeat]));
    link.upstream(amqp.deliver(1, 'c1', 1, 'd'));
    assert.deepEqual(up(link), ['2 publish fast', '2 header 1', '2 body c', 'heartbeat']);
    assert.equal(down(link).at(-1), '1 body d');
    link.clear();
    await until(() => link.upstreamGot.length > 0);
    assert.deepEqual(up(link), ['1 publish slow', '1 header 1', '1 body a', '1 publish fast', '1 header 1', '1 body b', '1 ack 9']);
    assert.equal(link.totals.policy(0).latencies, 1);
    assert.ok(link.totals.policy(0).meanDelay >= 29, String(link.totals.policy(0).meanDelay));
  });

  it('lets no end of the connection overtake what waits', async () => {
    const link = talking({ target: 'slow', latencyChance: 1, latencyMs: 30 });
    link.client(Buffer.concat([amqp.publish(1, 'slow', 'a'), amqp.publish(1, 'slow', 'b'), amqp.close(0)]));
    link.session.clientEnded();
    assert.deepEqual([up(link), link.upstreamOver], [[], false]);
    await until(() => link.upstreamOver);
    assert.deepEqual(up(link).filter((line) => !line.includes('header')), ['1 publish slow', '1 body a', '1 publish slow', '1 body b', '0 close 200']);
  });

  it('lets deliveries go at once when the broker ends the connection', () => {
    for (const end of ['close', 'end'] as const) {
      const link = talking({ target: 'orders', latencyChance: 1, latencyMs: 600_000 });
      link.upstream(Buffer.concat([amqp.deliver(1, 'c1', 1, 'a'), amqp.deliver(1, 'c1', 2, 'b')]));
      assert.equal(link.clientGot.length, 0);
      if (end === 'close') link.upstream(amqp.close(0, 320, 'CONNECTION_FORCED'));
      else link.session.upstreamEnded();
      assert.deepEqual(down(link).filter((line) => /body|close/.test(line)), ['1 body a', '1 body b', ...(end === 'close' ? ['0 close 320 CONNECTION_FORCED'] : [])]);
      assert.equal(link.clientOver, end === 'end');
      link.session.closed();
    }
  });

  it('stops reading at the limit, streams what is larger, and goes on in the middle of a frame', async () => {
    const link = talking({ target: 'slow', latencyChance: 1, latencyMs: 40 });
    const large = amqp.publish(1, 'slow', 'x'.repeat(100_000));
    link.client(large.subarray(0, 60_000));
    assert.equal(link.session.full, false);
    link.client(large.subarray(60_000)).client(amqp.publish(1, 'fast', 'y'.repeat(90_000)).subarray(0, 50_000));
    assert.equal(link.session.full, true);
    await until(() => !link.session.full);
    link.client(amqp.publish(1, 'fast', 'y'.repeat(90_000)).subarray(50_000));
    assert.deepEqual(link.upstreamGot, Buffer.concat([large, amqp.publish(1, 'fast', 'y'.repeat(90_000))]));
  });

  it('reads on to the end of a frame under way, though all that may be held is held, once what waits is due', async () => {
    const link = talking({ target: 'slow', latencyChance: 1, latencyMs: 20 });
    const large = amqp.publish(2, 'fast', 'z'.repeat(5_000));
    const slow = amqp.publish(1, 'slow', 'x'.repeat(150_000));
    let asked = 0;
    link.drained = () => asked++;
    link.client(Buffer.concat([slow, large.subarray(0, 3_000)]));
    assert.equal(link.session.full, true);
    await until(() => asked > 0);
    assert.deepEqual([link.session.full, link.upstreamGot.length], [false, 3_000]);
    link.client(large.subarray(3_000));
    assert.deepEqual(link.upstreamGot, Buffer.concat([large, slow]));
  });

  it('puts nothing within a frame of another channel', async () => {
    const link = talking({ target: 'slow', latencyChance: 1, latencyMs: 20 }, { target: 'orders', errorChance: 1, extra: { effect: 'ack' } });
    const large = amqp.publish(2, 'fast', 'z'.repeat(5_000));
    link.client(Buffer.concat([amqp.publish(1, 'slow', 'a'), large.subarray(0, 3_000)]));
    link.upstream(amqp.deliver(1, 'c1', 1, 'lost'));
    await until(() => link.totals.policy(0).latencies === 1);
    assert.equal(link.upstreamGot.length, 3_000, 'the frame under way is not finished');
    link.client(large.subarray(3_000));
    assert.deepEqual(up(link), ['2 publish fast', '2 header 5000', '2 body 5000', '1 ack 1', '1 publish slow', '1 header 1', '1 body a']);
  });

  it('puts nothing within a content of the same channel', () => {
    const link = talking({ target: 'orders', errorChance: 1, extra: { effect: 'nack' } });
    const parts = [amqp.publishing(1, 'fast'), amqp.frame(2, 1, amqp.u16(60), amqp.u16(0), amqp.u64(2), amqp.u16(0)), amqp.frame(3, 1, Buffer.from('p')), amqp.frame(3, 1, Buffer.from('q'))];
    parts.forEach((part, index) => {
      link.client(part);
      if (index < 3) link.upstream(amqp.deliver(1, 'c1', index + 1, 'lost'));
    });
    assert.deepEqual(up(link), ['1 nack 1', '1 publish fast', '1 header 2', '1 body p', '1 body q', '1 nack 2', '1 nack 3']);
  });
});

describe('amqp errors', LIMIT, () => {
  it('of a channel: what was under way arrives, then the error; both ends agree that it is closed, and it can be opened again', () => {
    const link = talking(fail('channel'));
    link.client(Buffer.concat([amqp.get(1, 'q'), amqp.publish(1, 'bad', 'x'), amqp.publish(1, 'more', 'y'), amqp.ack(1, 1), amqp.publish(2, 'good', 'z')]));
    assert.deepEqual(up(link), ['1 60.70', '1 close 200', '2 publish good', '2 header 1', '2 body z']);
    link.upstream(Buffer.concat([amqp.getEmpty(1), amqp.deliver(1, 'c1', 1, 'too late'), amqp.deliver(2, 'c2', 1, 'e'), amqp.closeOk(1)]));
    assert.deepEqual(down(link), ['1 get-empty', '2 deliver 1', '2 header 1', '2 body e', '1 close 404 NOT_FOUND - no such thing']);
    assert.deepEqual([...link.clientGot.subarray(-5, -1)], [0, 60, 0, 40], 'basic.publish is what failed');
    link.clear();
    removeAll(link);
    link.client(amqp.publish(1, 'unheard', 'x')).client(Buffer.concat([amqp.closeOk(1), amqp.open(1), amqp.publish(1, 'heard', 'x')]));
    assert.deepEqual(up(link), ['1 open', '1 publish heard', '1 header 1', '1 body x']);
    link.upstream(amqp.openOk(1));
    assert.deepEqual(down(link), ['1 open-ok']);
  });

  it('of a channel that the client is closing itself: its own close is answered', () => {
    const link = talking(fail('channel'));
    link.client(Buffer.concat([amqp.publish(1, 'bad', 'x'), amqp.close(1)])).upstream(amqp.closeOk(1));
    assert.deepEqual([up(link), down(link)], [['1 close 200'], ['1 close-ok']]);
  });

  it('of a channel whose close crosses that of the client: each is answered', () => {
    const link = talking(fail('channel'));
    link.client(amqp.publish(1, 'bad', 'x')).upstream(amqp.closeOk(1)).client(Buffer.concat([amqp.close(1), amqp.closeOk(1), amqp.open(1)]));
    assert.deepEqual(down(link), ['1 close 404 NOT_FOUND - no such thing', '1 close-ok']);
    assert.deepEqual(up(link), ['1 close 200', '1 open']);
  });

  it('of a channel that the broker is closing itself: its reason is told, and nothing twice', () => {
    const link = talking(fail('channel'));
    link.client(amqp.publish(1, 'bad', 'x')).upstream(amqp.close(1, 406, 'PRECONDITION_FAILED'));
    link.client(Buffer.concat([amqp.closeOk(1), amqp.open(1)])).upstream(Buffer.concat([amqp.closeOk(1), amqp.openOk(1)]));
    assert.deepEqual(down(link), ['1 close 406 PRECONDITION_FAILED', '1 open-ok']);
    assert.deepEqual(up(link), ['1 close 200', '1 close-ok', '1 open']);
  });

  it('of a delivery: it does not arrive, nor do those behind it', () => {
    const link = talking(fail('channel', { target: 'orders', errorCode: 0, errorBody: '' }));
    link.upstream(Buffer.concat([amqp.deliver(1, 'c1', 1, 'a'), amqp.deliver(1, 'c1', 2, 'b'), amqp.closeOk(1)]));
    assert.deepEqual([up(link), down(link)], [['1 close 200'], ['1 close 541 INTERNAL_ERROR']]);
  });

  it('of a channel leave nothing waiting in it, wherever a message was cut', () => {
    const message = amqp.publish(1, 'slow', 'never');
    for (let cut = 1; cut <= message.length; cut++) {
      const link = talking({ target: 'slow', latencyChance: 1, latencyMs: 600_000 }, fail('channel', { target: 'orders' }));
      link.client(message.subarray(0, cut)).upstream(amqp.deliver(1, 'c1', 1, 'a')).client(message.subarray(cut));
      link.client(amqp.publish(2, 'fast', 'x')).upstream(amqp.closeOk(1));
      assert.deepEqual(up(link), ['1 close 200', '2 publish fast', '2 header 1', '2 body x'], `cut at ${cut}`);
      assert.deepEqual(down(link), ['1 close 404 NOT_FOUND - no such thing']);
      link.client(Buffer.concat([amqp.closeOk(1), amqp.open(1), amqp.publish(1, 'slow', 'again')]));
      assert.equal(up(link).at(-1), '1 open', 'a message after that is judged anew');
      link.session.closed();
    }
  });

  it('of a channel let the client be heard again, whose messages had filled what may be held', () => {
    const link = talking({ target: 'slow', latencyChance: 1, latencyMs: 600_000 }, fail('channel', { target: 'orders' }));
    link.client(amqp.publish(1, 'slow', 'x'.repeat(150_000)));
    let asked = 0;
    link.drained = () => asked++;
    assert.ok(link.session.full);
    link.upstream(amqp.deliver(1, 'c1', 1, 'a'));
    assert.deepEqual([link.session.full, asked], [false, 1]);
    link.session.closed();
  });

  it('of a channel finish a message that has begun to pass', () => {
    const message = amqp.publish(1, 'fast', 'begun');
    for (let cut = 1; cut < message.length; cut++) {
      const link = talking({ target: 'slow', latencyChance: 1, latencyMs: 600_000 }, fail('channel', { target: 'orders' }));
      link.client(message.subarray(0, cut)).upstream(amqp.deliver(1, 'c1', 1, 'a')).client(message.subarray(cut)).upstream(amqp.closeOk(1));
      const whole = ['1 publish fast', '1 header 5', '1 body begun', '1 close 200'];
      assert.deepEqual(up(link), up(link).length === 1 ? ['1 close 200'] : whole, `cut at ${cut}`);
      link.session.closed();
    }
  });

  it('of a connection: the broker is asked to close it, the client hears the error, and its answer ends it', () => {
    const link = talking(fail('connection', { errorCode: 320, errorBody: "broker forced connection closure with reason 'shutdown'" }));
    link.client(Buffer.concat([amqp.publish(1, 'bad', 'x'), amqp.publish(2, 'good', 'y')])).upstream(Buffer.concat([amqp.deliver(2, 'c2', 1, 'late'), amqp.heartbeat, amqp.closeOk(0)]));
    link.session.upstreamEnded();
    assert.deepEqual(up(link), ['0 close 200']);
    assert.deepEqual(down(link), ['heartbeat', "0 close 320 CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"]);
    assert.equal(link.closing, false, 'the client is given time to answer');
    link.client(amqp.closeOk(0));
    assert.equal(link.closing, true);
  });

  it('of a connection that the broker cuts: the client hears the error all the same', () => {
    const link = talking(fail('connection'));
    link.client(amqp.publish(1, 'bad', 'x'));
    link.session.upstreamEnded();
    assert.deepEqual(down(link), ['0 close 404 NOT_FOUND - no such thing']);
  });

  it('carry at most as much text as fits, cut between characters', () => {
    const link = talking(fail('channel', { errorCode: 999, errorBody: 'ü'.repeat(300) }));
    link.client(amqp.publish(1, 'bad', 'x')).upstream(amqp.closeOk(1));
    assert.deepEqual(down(link), [`1 close 999 ${'ü'.repeat(127)}`]);
  });

  it('and drops are counted, and a drop is a reset after which nothing is done to what came with it', () => {
    const link = talking(fail('channel', { target: 'all', dropConnection: true, when: "rabbitmq.routing_key == 'bad' || rabbitmq.action == 'deliver'" }));
    link.client(amqp.publish(2, 'good', 'x')).client(Buffer.concat([amqp.publish(1, 'bad', 'x'), amqp.publish(1, 'bad', 'y')]));
    assert.deepEqual([link.wasReset, link.totals.policy(0).drops, link.totals.route(0, 'r').requests], [true, 1, 2]);
    assert.equal(up(link).length, 3);
  });
});
