import { gzipSync } from 'node:zlib';
import { answer, batch, request } from '../../engine/wire/kafka/test-talk.ts';
import type { Turn } from '../wire/replay.ts';

const client = (...frames: Buffer[]): Turn => ({ from: 'client', bytes: Buffer.concat(frames) });
const upstream = (...frames: Buffer[]): Turn => ({ from: 'upstream', bytes: Buffer.concat(frames) });
const bare = Buffer.alloc(0);

export const protocol = 'kafka';
export const policies = [
  { target: 'orders', errorChance: 0.5, errorCode: 7, errorBody: 'no disk' },
  { scope: 'record', errorChance: 0.5 },
  { scope: 'record', latencyChance: 0.5, latencyMs: 60_000, when: "kafka.key == 'k'" },
  { errorChance: 0.5, matchHeaders: { tier: 'vip' } },
];

const records = Buffer.concat([
  batch(0, [
    {
      key: 'k',
      value: 'a',
      headers: { tier: 'vip', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
    },
    { value: 'b' },
  ]),
  batch(2, [{ value: 'c' }, { key: 'k', value: 'd' }], 1, (bytes) => gzipSync(bytes)),
]);
const topics = (...names: string[]) => names.map((topic) => ({ topic, partitions: [{ partition: 0, records }] }));
const ids = [{ topicId: Buffer.alloc(16, 7), partitions: [{ partition: 0, records }] }];
const metadata = (version: number, correlation: number): Buffer =>
  answer(3, version, correlation, {
    brokers: [
      { id: 1, host: '127.0.0.1', port: 9092, rack: null },
      { id: 2, host: '127.0.0.1', port: 9093, rack: 'b' },
    ],
    topics: [
      {
        topic: 'orders',
        topicId: Buffer.alloc(16, 7),
        partitions: [{ partition: 0, leaderId: 1, replicas: [1, 2], isr: [1], offline: [2] }],
      },
    ],
  });

export const seeds = (): Turn[][] => [
  [
    client(request(18, 3, 1, Buffer.from('0472656b0231000000', 'hex')), request(3, 12, 2, Buffer.from([1, 0, 0, 0]))),
    upstream(Buffer.from('000000060000000100230000', 'hex').subarray(0, 10), metadata(12, 2)),
    client(
      request(0, 9, 3, { acks: -1, topics: topics('orders', 'bills') }),
      request(0, 3, 4, { acks: 0, topics: topics('orders') }),
    ),
    upstream(answer(0, 9, 3, { topics: topics('orders', 'bills').map((topic) => ({ ...topic })) })),
    client(request(1, 13, 5, bare), request(1, 11, 6, bare), request(1, 4, 7, bare)),
    upstream(
      answer(1, 13, 5, { topics: ids }),
      answer(1, 11, 6, { topics: topics('orders', '__consumer_offsets') }),
      answer(1, 4, 7, { topics: topics('bills') }),
    ),
  ],
  [
    client(
      request(17, 1, 1, Buffer.from('0005504c41494e', 'hex')),
      request(36, 1, 2, Buffer.from('0000000700610062006300', 'hex')),
    ),
    upstream(Buffer.from('0000000c00000001000000000000000000000010000000020000ffff00000000', 'hex').subarray(0, 16)),
    client(request(10, 3, 3, bare), request(11, 6, 4, bare), request(14, 4, 5, bare), request(12, 4, 6, bare)),
    upstream(
      answer(10, 3, 3, { host: 'a', port: 1 }),
      answer(11, 6, 4, { memberId: 'm' }),
      answer(14, 4, 5, {}),
      answer(12, 4, 6, {}),
    ),
    client(
      request(8, 8, 7, {
        group: 'g',
        topics: [{ topic: 'orders', partitions: [{ partition: 0, offset: 5n, metadata: null }] }],
      }),
    ),
    client(
      request(9, 8, 8, bare),
      request(2, 6, 9, bare),
      request(22, 4, 10, bare),
      request(13, 5, 11, bare),
      request(60, 0, 12, bare),
    ),
    upstream(
      answer(8, 8, 7, { topics: topics('orders') }),
      answer(9, 8, 8, { groups: [{ group: 'g', topics: topics('orders') }] }),
    ),
    upstream(
      answer(2, 6, 9, { topics: topics('orders') }),
      answer(22, 4, 10, {}),
      answer(13, 5, 11, {}),
      answer(60, 0, 12, {}),
    ),
  ],
];
