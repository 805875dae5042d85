import type { Turn } from '../wire/replay.ts';
import {
  authenticated,
  bind,
  cancelRequest,
  close,
  complete,
  describe,
  execute,
  flush,
  message,
  notice,
  parse,
  query,
  ready,
  run,
  serverError,
  sslRequest,
  startup,
  sync,
} from '../wire/sql/raw.ts';

/** Conversations with a PostgreSQL server for the fuzzer to spoil: every way in which answers and messages do not simply alternate. */

export const protocol = 'sql' as const;
export const policies = [
  { target: 'select', errorChance: 1, extra: { sqlstate: '57P01' } },
  { target: 'connect', scope: 'connect', errorChance: 0.5 },
  { target: '^(UPDATE|INSERT).*', errorChance: 0.7, errorBody: 'no', when: '!sql.in_transaction' },
];

const client = (...messages: readonly Buffer[]): Turn => ({ from: 'client', bytes: Buffer.concat(messages) });
const upstream = (...messages: readonly Buffer[]): Turn => ({ from: 'upstream', bytes: Buffer.concat(messages) });
const hello = (): Turn[] => [
  client(startup('u', 'd')),
  upstream(authenticated, message('S', Buffer.from('a\0b\0')), message('K', Buffer.alloc(8)), ready()),
];
const row = message('D', Buffer.alloc(6));

export const seeds = (): Turn[][] => [
  [
    ...hello(),
    client(query("SELECT 'a;b' /* c */; UPDATE t SET a = 1")),
    upstream(row, complete(), complete('UPDATE 1'), ready()),
    client(message('X')),
  ],
  [
    client(sslRequest),
    upstream(Buffer.from('N')),
    ...hello(),
    client(parse('SELECT $1', 's'), describe('s'), flush),
    upstream(message('1'), message('t', Buffer.alloc(2)), message('n')),
    client(bind('s', 'p'), execute('p', 2), execute('p', 2), sync),
    upstream(message('2'), row, message('s'), row, complete(), ready()),
    client(close('s'), sync),
    upstream(message('3'), ready()),
  ],
  [
    ...hello(),
    client(run('INSERT INTO t VALUES (1)'), run('UPDATE t SET a = 1'), sync, query('SELECT 1'), run('SELECT 2'), sync),
    upstream(
      message('1'),
      message('2'),
      complete('INSERT 0 1'),
      serverError('34000', 'portal "firebreak refused this statement" does not exist'),
      ready(),
    ),
    upstream(notice, row, complete(), ready(), message('1'), message('2'), row, complete(), ready()),
  ],
  [
    ...hello(),
    client(query('BEGIN')),
    upstream(complete('BEGIN'), ready('T')),
    client(query('UPDATE t SET a = 2')),
    upstream(serverError('40001'), ready('E')),
    client(query('ROLLBACK')),
    upstream(complete('ROLLBACK'), ready('I')),
  ],
  [
    ...hello(),
    client(query('COPY t FROM STDIN')),
    upstream(message('G', Buffer.alloc(3))),
    client(message('d', Buffer.alloc(300, 'x')), message('c')),
    upstream(complete('COPY 1'), ready()),
    client(run('COPY t FROM STDIN'), sync),
    upstream(message('1'), message('2'), message('G', Buffer.alloc(3))),
    client(message('d', Buffer.from('1')), message('f', Buffer.from('no\0')), sync),
    upstream(serverError('57014'), ready()),
  ],
  [
    client(sslRequest),
    upstream(Buffer.from('S')),
    client(Buffer.from('\x16\x03\x01\x00\x05hello', 'latin1')),
    upstream(Buffer.from('\x16\x03\x03', 'latin1')),
  ],
  [client(cancelRequest)],
];
