import type { Turn } from '../wire/replay.ts';
import { FLAG, message, type MessageOptions, packed, query, reply } from '../wire/mongo/messages.ts';

const client = (...bytes: readonly Buffer[]): Turn => ({ from: 'client', bytes: Buffer.concat(bytes) });
const upstream = (...bytes: readonly Buffer[]): Turn => ({ from: 'upstream', bytes: Buffer.concat(bytes) });
const find = (id: number, over: object = {}): Buffer =>
  message({ find: 'orders', filter: { total: { $gt: 5 } }, ...over, $db: 'shop' }, { id });
const insert = (id: number, over: MessageOptions = {}): Buffer =>
  message(
    { insert: 'orders', $db: 'shop' },
    { id, sequence: { name: 'documents', documents: [{ a: 1 }, { b: 'text' }] }, ...over },
  );
const results = (to: number, over: MessageOptions = {}): Buffer =>
  message(
    {
      cursor: {
        firstBatch: [
          { _id: 1, total: 3, to: { city: 'x' } },
          { _id: 2, list: [{ n: 1 }, { n: 2 }] },
        ],
        id: 7n,
        ns: 'shop.orders',
      },
      ok: 1,
    },
    { id: to + 100, to, ...over },
  );
const done = (to: number): Buffer => message({ n: 2, ok: 1 }, { id: to + 100, to });

export const protocol = 'mongo';
export const policies = [
  { errorChance: 1, extra: { failure: 'remove-documents', share: 0.5 } },
  { errorChance: 1, extra: { failure: 'null-fields', fields: ['total', 'to.city', 'list.n'] } },
  { errorChance: 1, extra: { failure: 'null-fields' } },
  { errorChance: 1, extra: { failure: 'write-concern' } },
  { target: 'insert', errorChance: 1, extra: { failure: 'write', retryable: 'yes', labels: ['a'] } },
  { target: 'shop.*', errorChance: 0.5, when: "mongo.collection == 'orders' && baggage['a'] == 'b'" },
];

export const seeds = (): Turn[][] => [
  [
    client(query({ isMaster: 1, helloOk: true })),
    upstream(reply({ ismaster: true, ok: 1 }, 1)),
    client(
      message({ saslStart: 1, mechanism: 'SCRAM-SHA-256', payload: Buffer.from('n,,n=user'), $db: 'admin' }, { id: 2 }),
    ),
    upstream(message({ ok: 1 }, { to: 2 })),
    client(find(3)),
    upstream(results(3)),
    client(message({ getMore: 7n, collection: 'orders', $db: 'shop' }, { id: 4 })),
    upstream(results(4)),
  ],
  [
    client(insert(1)),
    upstream(done(1)),
    client(insert(2, { sequenceFirst: true, flags: FLAG.checksum })),
    upstream(done(2)),
    client(insert(3, { flags: FLAG.moreToCome }), find(4)),
    upstream(results(4, { flags: FLAG.checksum })),
    client(
      find(5, { comment: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', baggage: 'a=b' } }),
      insert(6),
      find(7),
    ),
    upstream(results(5), done(6), results(7)),
  ],
  (['noop', 'snappy', 'zlib', 'zstd'] as const).flatMap((by, i) => [
    client(packed(find(i * 2 + 1), by)),
    upstream(packed(results(i * 2 + 1), by)),
    client(packed(insert(i * 2 + 2, { flags: i % 2 === 0 ? 0 : FLAG.moreToCome }), by)),
    ...(i % 2 === 0 ? [upstream(packed(done(i * 2 + 2), by))] : []),
  ]),
  [
    client(
      message(
        { hello: 1, topologyVersion: { counter: 0n }, maxAwaitTimeMS: 500, $db: 'admin' },
        { id: 1, flags: 0x1_0000 },
      ),
    ),
    upstream(
      message({ ok: 1 }, { id: 10, to: 1, flags: FLAG.moreToCome }),
      message({ ok: 1 }, { id: 11, to: 10, flags: FLAG.moreToCome }),
      message({ ok: 1 }, { id: 12, to: 11 }),
    ),
    client(message({ getMore: 7n, collection: 'orders', $db: 'shop' }, { id: 2, flags: 0x1_0000 })),
    upstream(results(2, { flags: FLAG.moreToCome }), results(102)),
  ],
  [
    client(find(1, { txnNumber: 1n, startTransaction: true, autocommit: false })),
    upstream(results(1)),
    client(message({ commitTransaction: 1, txnNumber: 1n, autocommit: false, $db: 'admin' }, { id: 2 })),
    upstream(done(2)),
  ],
];
