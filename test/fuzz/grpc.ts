import { ACK, call, data, headers, message, OPENING, rstStream, settings, windowUpdate } from '../wire/http2/frames.ts';
import type { Turn } from '../wire/replay.ts';

const client = (...frames: Buffer[]): Turn => ({ from: 'client', bytes: Buffer.concat(frames) });
const upstream = (...frames: Buffer[]): Turn => ({ from: 'upstream', bytes: Buffer.concat(frames) });
const OK = [
  [':status', '200'],
  ['content-type', 'application/grpc'],
] as const;
const DONE = [
  ['grpc-status', '0'],
  ['grpc-message', ''],
] as const;
const many = Buffer.concat([message(3), message(0), message(700), message(20), message(1)]);

export const protocol = 'grpc';
const LOSES = { errorChance: 0.5, extra: { dropMessage: true } };
export const policies = [
  { ...LOSES, scope: 'message' },
  { ...LOSES, scope: 'stream:to-client', target: '/p.S/*' },
  { ...LOSES, errorChance: 1, everyNth: 3, scope: 'message:to-server' },
  { errorChance: 0.3, errorCode: 3, errorBody: '%é', scope: 'message' },
  { latencyChance: 0.5, latencyMs: 60_000, scope: 'message' },
  { dropConnection: true, everyNth: 5, scope: 'message:to-client', when: "grpc.method == 'M'" },
];

export const seeds = (): Turn[][] => [
  [
    client(
      OPENING,
      headers(1, call('/p.S/M'), { indexed: true }),
      data(1, many.subarray(0, 7)),
      data(1, many.subarray(7), { padding: 30, end: true }),
    ),
    upstream(
      settings(),
      ACK,
      headers(1, OK, { indexed: true }),
      data(1, many),
      data(1, many.subarray(0, 400)),
      data(1, many.subarray(400)),
      headers(1, DONE, { indexed: true, end: true }),
    ),
    client(
      ACK,
      headers(3, [], { known: [62, 63, 64, 65, 66, 67] }),
      data(3, message(5), { end: true }),
      windowUpdate(0, 99),
      windowUpdate(3, 99),
    ),
    upstream(headers(3, [], { known: [64, 65] }), data(3, message(9)), headers(3, [], { known: [62, 63], end: true })),
  ],
  [
    client(
      OPENING,
      headers(1, call('/p.S/Bidi')),
      headers(3, call('/p.S/M')),
      data(1, message(20_000).subarray(0, 16_000)),
    ),
    upstream(settings(), headers(1, OK), headers(3, [...OK, ...DONE], { end: true, pieces: 5 })),
    client(data(1, message(20_000).subarray(16_000)), data(1, message(1)), data(3, message(2), { end: true })),
    upstream(
      data(1, many, { padding: 0 }),
      rstStream(3, 0),
      windowUpdate(1, 16_000),
      data(1, message(4), { padding: 3 }),
    ),
    client(rstStream(1, 8), headers(5, call('/p.S/M'), { end: true })),
    upstream(headers(1, DONE, { end: true }), headers(5, [...OK, ...DONE], { end: true })),
  ],
];
