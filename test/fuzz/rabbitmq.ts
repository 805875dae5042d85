import * as amqp from '../wire/rabbitmq/words.ts';
import type { Turn } from '../wire/replay.ts';

/** Conversations with a RabbitMQ for the fuzzer to spoil: several channels, both directions, everything that is counted. */

export const protocol = 'rabbitmq' as const;
export const policies = [
  ...['channel', 'connection', 'ack', 'nack', 'requeue'].map((effect) => ({
    errorChance: 0.4,
    errorCode: 404,
    errorBody: 'no',
    extra: { effect },
  })),
  { target: 'orders', errorChance: 1, matchHeaders: { 'x-tier': 'free' }, extra: { effect: 'ack' } },
  {
    errorChance: 1,
    everyNth: 2,
    when: "rabbitmq.headers['x-tier'] == 'free' && rabbitmq.action == 'deliver'",
    extra: { effect: 'nack' },
  },
];

const client = (...frames: readonly Buffer[]): Turn => ({ from: 'client', bytes: Buffer.concat(frames) });
const upstream = (...frames: readonly Buffer[]): Turn => ({ from: 'upstream', bytes: Buffer.concat(frames) });
const headers = {
  'x-tier': amqp.textField('free'),
  n: Buffer.concat([Buffer.from('I'), amqp.u32(7)]),
  deep: Buffer.concat([Buffer.from('F'), amqp.table({ a: Buffer.from('V') })]),
};

const opening = (): Turn[] => [
  client(amqp.GREETING),
  upstream(
    amqp.method(
      0,
      10,
      10,
      amqp.u8(0),
      amqp.u8(9),
      amqp.table({ product: amqp.textField('RabbitMQ') }),
      amqp.long('PLAIN'),
      amqp.long('en_US'),
    ),
  ),
  client(amqp.method(0, 10, 11, amqp.table({}), amqp.short('PLAIN'), amqp.long('\0guest\0guest'), amqp.short('en_US'))),
  upstream(amqp.method(0, 10, 30, amqp.u16(2047), amqp.u32(131_072), amqp.u16(60))),
  client(
    amqp.method(0, 10, 31, amqp.u16(2047), amqp.u32(131_072), amqp.u16(60)),
    amqp.method(0, 10, 40, amqp.short('/'), amqp.short(''), amqp.u8(0)),
  ),
  upstream(amqp.method(0, 10, 41, amqp.short(''))),
  client(amqp.open(1), amqp.open(2)),
  upstream(amqp.openOk(1), amqp.openOk(2)),
];

export const seeds = (): Turn[][] => [
  [
    ...opening(),
    client(
      amqp.confirmSelect(1),
      amqp.publish(1, 'orders', 'one', headers),
      amqp.publish(2, 'other', 'x'.repeat(300)),
      amqp.publish(1, 'orders', ''),
      amqp.heartbeat,
    ),
    upstream(amqp.method(1, 85, 11), amqp.ack(1, 1), amqp.heartbeat, amqp.nack(1, 2, true)),
    client(amqp.publish(1, 'a', 'b'), amqp.publish(1, 'a', 'c'), amqp.publish(1, 'a', 'd')),
    upstream(amqp.ack(1, 5, true)),
  ],
  [
    ...opening(),
    client(
      amqp.consume(1, 'orders', 'c1'),
      amqp.consume(2, 'orders', 'c2', { noAck: true, noWait: true }),
      amqp.get(2, 'orders'),
    ),
    upstream(
      amqp.consumeOk(1, 'c1'),
      amqp.deliver(1, 'c1', 1, 'a', headers),
      amqp.deliver(2, 'c2', 1, 'b'),
      amqp.getOk(2, 2, 'c'),
      amqp.deliver(1, 'c1', 2, 'd'),
    ),
    client(
      amqp.ack(1, 1),
      amqp.nack(1, 2, true, true),
      amqp.reject(2, 2),
      amqp.ack(1, 0, true),
      amqp.recover(1),
      amqp.flow(1),
    ),
    upstream(
      amqp.deliver(1, 'c1', 3, 'e'.repeat(900), headers),
      amqp.flowOk(1),
      amqp.getEmpty(2),
      amqp.method(1, 60, 30, amqp.short('c1'), amqp.u8(1)),
    ),
    client(amqp.close(1)),
    upstream(amqp.closeOk(1), amqp.close(2, 404, 'NOT_FOUND')),
    client(amqp.closeOk(2), amqp.open(1)),
    upstream(amqp.openOk(1)),
    client(amqp.close(0)),
    upstream(amqp.closeOk(0)),
  ],
  [
    ...opening(),
    client(
      amqp.txSelect(1),
      amqp.publishing(1, 'orders'),
      amqp.publish(2, 'orders', 'between'),
      amqp.content(1, 'y'.repeat(40), headers, 9),
    ),
    upstream(
      amqp.method(1, 90, 11),
      amqp.method(2, 60, 50, amqp.u16(312), amqp.short('NO_ROUTE'), amqp.short(''), amqp.short('orders')),
      amqp.content(2, 'between'),
    ),
    client(amqp.frame(1, 1, amqp.u16(50), amqp.u16(10), amqp.u16(0), amqp.short(''), amqp.u8(16), amqp.table({}))),
    upstream(amqp.declareOk(1, 'amq.gen-1'), amqp.close(0, 320, 'CONNECTION_FORCED')),
    client(amqp.closeOk(0)),
  ],
  [
    ...opening(),
    client(amqp.consume(1, 'orders', 'c1')),
    upstream(amqp.consumeOk(1, 'c1'), amqp.deliver(1, 'c1', 1, 'a')),
    client(amqp.recover(1), amqp.ack(1, 0, true)),
    upstream(amqp.deliver(1, 'c1', 2, 'b'), amqp.deliver(1, 'c1', 3, 'c', headers)),
    client(amqp.ack(1, 0, true), amqp.publish(1, 'orders', 'd'), amqp.nack(1, 0, true, true)),
    upstream(amqp.flowOk(1), amqp.deliver(1, 'c1', 4, 'e'), amqp.flowOk(1), amqp.deliver(1, 'c1', 5, 'f')),
    client(amqp.ack(1, 3), amqp.ack(1, 0, true), amqp.ack(1, 5, true), amqp.get(1, 'orders')),
    upstream(amqp.flowOk(1), amqp.getOk(1, 6, 'g'), amqp.flowOk(1)),
    client(amqp.ack(1, 0, true), amqp.close(0)),
    upstream(amqp.closeOk(0)),
  ],
];
