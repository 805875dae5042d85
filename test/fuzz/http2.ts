import {
  ACK,
  data,
  get,
  goaway,
  headers,
  OPENING,
  post,
  rstStream,
  setting,
  settings,
  windowUpdate,
} from '../wire/http2/frames.ts';
import type { Turn } from '../wire/replay.ts';

const client = (...frames: Buffer[]): Turn => ({ from: 'client', bytes: Buffer.concat(frames) });
const upstream = (...frames: Buffer[]): Turn => ({ from: 'upstream', bytes: Buffer.concat(frames) });
const OK = [[':status', '200']] as const;

export const protocol = 'http';
/** What is left of it when a mutation takes its preface is HTTP/1.1, whose upgrades wait. */
export const mayWait = true;
export const policies = [
  { target: '/a*', errorChance: 0.5, errorBody: 'x'.repeat(70_000) },
  { target: '/b', errorChance: 1, errorCode: 101 },
  { errorChance: 0.5, matchHeaders: { 'x-a': 'b' }, when: "request.path != '/c' && baggage['a'] == ''" },
  { throttleRate: 1 },
];

export const seeds = (): Turn[][] => [
  [
    client(
      OPENING,
      headers(1, get('/a/b', [['x-a', 'b']]), { indexed: true, end: true }),
      headers(3, [], { known: [62, 63, 64, 65, 66], end: true }),
    ),
    upstream(settings(), ACK, headers(1, OK, { indexed: true }), data(1, 'hello', { end: true })),
    client(
      ACK,
      headers(5, post('/b'), { indexed: true, padding: 9, priority: true, pieces: 20 }),
      data(5, Buffer.alloc(300), { padding: 50 }),
      data(5, '', { end: true }),
    ),
    upstream(
      headers(3, [], { known: [62], end: true }),
      headers(5, OK, { pieces: 3 }),
      data(5, Buffer.alloc(5_000)),
      headers(5, [['x-t', '1']], { end: true }),
    ),
  ],
  [
    client(
      OPENING,
      setting(1, 0),
      setting(4, 100),
      windowUpdate(0, 1_000_000),
      headers(1, post('/a')),
      data(1, Buffer.alloc(20_000)),
    ),
    upstream(setting(1, 65_536), setting(4, 1_000_000), ACK, windowUpdate(1, 5_000), windowUpdate(0, 5_000)),
    client(
      ACK,
      Buffer.from([0, 0, 2, 1, 5, 0, 0, 0, 3, 0x20, 0x82]),
      headers(5, get('/c'), { end: true }),
      data(1, 'rest', { end: true }),
      rstStream(5, 8),
    ),
    upstream(
      headers(1, OK),
      data(1, Buffer.alloc(16_384)),
      data(1, Buffer.alloc(16_384), { end: true }),
      rstStream(3, 7),
      goaway(3, 0),
    ),
    client(windowUpdate(0, 40_000), windowUpdate(1, 40_000), goaway(0, 0)),
  ],
];
