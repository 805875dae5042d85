import type { Turn } from '../wire/replay.ts';

const client = (text: string): Turn => ({ from: 'client', bytes: Buffer.from(text, 'latin1') });
const upstream = (text: string): Turn => ({ from: 'upstream', bytes: Buffer.from(text, 'latin1') });

export const protocol = 'http';
export const mayWait = true;
export const policies = [
  { throttleRate: 1 },
  { target: '/a*', errorChance: 1, errorCode: 204, matchHeaders: { 'x-a': 'b' } },
];

export const seeds = (): Turn[][] => [
  [
    client('GET /a/b?c=d HTTP/1.1\r\nHost: a\r\nX-A: b\r\n\r\n'),
    upstream('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'),
    client('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n'),
    upstream('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'),
  ],
  [
    client('POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n'),
    upstream('HTTP/1.1 100 Continue\r\n\r\n'),
    client('5;x=y\r\nhello\r\n0\r\nT: v\r\n\r\n'),
    upstream('HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n'),
  ],
  [
    client(
      'GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nPOST /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc',
    ),
    upstream(
      'HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\nHTTP/1.0 200 OK\r\n\r\nuntil the end',
    ),
  ],
  [
    client('GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
    upstream('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x02hi'),
    client('\x81\x82aaaa\x09\x08'),
  ],
];
