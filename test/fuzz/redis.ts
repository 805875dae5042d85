import type { Turn } from '../wire/replay.ts';

/** Conversations with a Redis server for the fuzzer to spoil: every way in which answers and commands do not simply alternate. */

export const protocol = 'redis' as const;
export const policies = [
  { target: 'all', scope: 'read', errorChance: 0.5, extra: { miss: true } },
  { target: 'set*', errorChance: 1, errorBody: 'OOM no' },
  { target: 'multi*', errorChance: 0.5 },
  { target: 'client*', scope: 'setup', errorChance: 0.5 },
];

const client = (text: string): Turn => ({ from: 'client', bytes: Buffer.from(text, 'latin1') });
const upstream = (text: string): Turn => ({ from: 'upstream', bytes: Buffer.from(text, 'latin1') });
/** A command as clients write it. */
export const command = (...words: readonly string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word, 'latin1')}\r\n${word}\r\n`).join('')}`;

export const seeds = (): Turn[][] => [
  [
    client(command('GET', 'a')),
    upstream('$3\r\none\r\n'),
    client(command('GET', 'b')),
    upstream('-MOVED 3999 127.0.0.1:6381\r\n'),
    client(command('SET', 'a', 'x'.repeat(300))),
    upstream('+OK\r\n'),
  ],
  [
    client(
      command('MGET', 'a', 'b') + command('HGETALL', 'h') + 'PING\r\n\r\nset "k 1" \'v\'\r\n' + command('INCR', 'n'),
    ),
    upstream('*2\r\n$1\r\n1\r\n$-1\r\n*4\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$0\r\n\r\n+PONG\r\n+OK\r\n:-12\r\n'),
  ],
  [
    client(command('HELLO', '3', 'AUTH', 'default', 'secret')),
    upstream('%3\r\n$6\r\nserver\r\n$5\r\nredis\r\n$5\r\nproto\r\n:3\r\n$7\r\nmodules\r\n*0\r\n'),
    client(
      command('GET', 'a') +
        command('SMEMBERS', 's') +
        command('ZSCORE', 'z', 'm') +
        command('DEBUG', 'PROTOCOL', 'attrib'),
    ),
    upstream(
      '_\r\n~2\r\n$1\r\na\r\n$1\r\nb\r\n,1.5\r\n|1\r\n$3\r\nttl\r\n:3600\r\n$4\r\nSome\r\n>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n',
    ),
    client(
      command('DEBUG', 'PROTOCOL', 'verbatim') +
        command('DEBUG', 'PROTOCOL', 'bignum') +
        command('DEBUG', 'PROTOCOL', 'true'),
    ),
    upstream('=29\r\ntxt:This is a verbatim\nstring\r\n(1234567999999999999999999999999999999\r\n#t\r\n'),
  ],
  [
    client(command('MULTI') + command('SET', 'a', '1') + command('GET', 'a') + command('EXEC') + command('WATCH', 'a')),
    upstream('+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n$1\r\n1\r\n+OK\r\n'),
    client(command('MULTI') + command('NOSUCH') + command('EXEC') + command('MULTI') + command('DISCARD')),
    upstream(
      '+OK\r\n-ERR unknown command\r\n-EXECABORT Transaction discarded because of previous errors.\r\n+OK\r\n+OK\r\n',
    ),
  ],
  [
    client(command('SUBSCRIBE', 'a', 'b') + command('PSUBSCRIBE', 'c*')),
    upstream(
      '*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n',
    ),
    upstream(
      '*3\r\n$10\r\npsubscribe\r\n$2\r\nc*\r\n:3\r\n*4\r\n$8\r\npmessage\r\n$2\r\nc*\r\n$2\r\ncd\r\n$2\r\nho\r\n',
    ),
    client(command('PING') + command('UNSUBSCRIBE') + command('PUNSUBSCRIBE', 'c*') + command('GET', 'a')),
    upstream(
      '*2\r\n$4\r\npong\r\n$0\r\n\r\n*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:2\r\n*3\r\n$11\r\nunsubscribe\r\n$1\r\nb\r\n:1\r\n',
    ),
    upstream('*3\r\n$12\r\npunsubscribe\r\n$2\r\nc*\r\n:0\r\n$3\r\none\r\n'),
  ],
  [
    client(command('HELLO', '3')),
    upstream('%1\r\n$5\r\nproto\r\n:3\r\n'),
    client(
      command('SUBSCRIBE', 'a') + command('GET', 'k') + command('UNSUBSCRIBE') + command('RESET') + command('GET', 'k'),
    ),
    upstream(
      '>3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n>3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n_\r\n>3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n+RESET\r\n$-1\r\n',
    ),
  ],
  [
    client(
      command('CLIENT', 'REPLY', 'SKIP') +
        command('SET', 'a', '1') +
        command('GET', 'a') +
        command('CLIENT', 'REPLY', 'OFF') +
        command('GET', 'a'),
    ),
    upstream('$1\r\n1\r\n'),
    client(command('CLIENT', 'REPLY', 'ON') + command('SELECT', '3') + command('SELECT', '99') + command('QUIT')),
    upstream('+OK\r\n+OK\r\n-ERR DB index is out of range\r\n+OK\r\n'),
  ],
  [
    client(command('MONITOR')),
    upstream('+OK\r\n+1700000000.123456 [0 127.0.0.1:5000] "GET" "a"\r\n'),
    client(
      command('RESET') +
        command('EVAL', 'return 1', '1', 'k') +
        command('XREAD', 'COUNT', '1', 'STREAMS', 's', '0') +
        command('BLPOP', 'q', '1'),
    ),
    upstream('+1700000000.123457 [0 127.0.0.1:5000] "reset"\r\n+RESET\r\n:1\r\n*-1\r\n*2\r\n$1\r\nq\r\n$1\r\nx\r\n'),
  ],
];
