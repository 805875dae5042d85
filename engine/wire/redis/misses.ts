/**
 * What a server answers when there is nothing at the key, for each read of which a miss can be made
 * (https://redis.io/docs/latest/develop/reference/protocol-spec/, and the page of each command). Not here are commands
 * that write, that wait, or whose answer does not depend on a key.
 */

/** The shape of an answer that says "nothing there". */
type Shape =
  | 'nil' | 'zero' | 'gone' | 'empty text' | 'none' | 'empty list' | 'empty map' | 'empty set' | 'cursor' | 'nil, or an empty list with a count'
  | 'nil list with a score' | 'nil without options' | 'nils' | 'nil lists' | 'zeros';

const SHAPES: readonly (readonly [Shape, string])[] = [
  ['nil', 'get hget lindex zscore geodist dump'],
  ['zero', 'exists strlen hlen hstrlen hexists llen scard sismember zcard zcount zlexcount xlen pfcount getbit bitcount sintercard zintercard'],
  ['gone', 'ttl pttl expiretime pexpiretime'],
  ['empty text', 'getrange substr'],
  ['none', 'type'],
  [
    'empty list',
    'lrange hkeys hvals zrange zrevrange zrangebyscore zrevrangebyscore zrangebylex zrevrangebylex xrange xrevrange keys geosearch ' +
      'georadius_ro georadiusbymember_ro sort_ro zdiff zinter zunion',
  ],
  ['empty map', 'hgetall'],
  ['empty set', 'smembers sinter sunion sdiff'],
  ['cursor', 'scan hscan sscan zscan'],
  ['nil, or an empty list with a count', 'srandmember hrandfield zrandmember'],
  ['nil list with a score', 'zrank zrevrank'],
  ['nil without options', 'lpos'],
  ['nils', 'mget hmget zmscore geohash'],
  ['nil lists', 'geopos'],
  ['zeros', 'smismember'],
];

/** Each read that can miss, in lower case, and what its miss looks like. */
export const MISSES: Readonly<Record<string, Shape>> = Object.fromEntries(
  SHAPES.flatMap(([shape, names]) => names.split(' ').map((name) => [name, shape] as const)),
);

/** More arguments than this no server takes in one command (networking.c, `processMultibulkBuffer`, before 7.0). */
const MOST_ARGS = 1_048_576;
/** Its arguments are all keys; the others have one key before what they ask of it. */
const ALL_KEYS = 'mget';

/** Whether a miss can be made of the command (in lower case) with so many arguments behind its name. */
export function mayMiss(name: string, args: number): boolean {
  if (args < 1 || args > MOST_ARGS || !Object.hasOwn(MISSES, name)) return false;
  const shape = MISSES[name];
  if (shape === 'nil without options') return args === 2;
  return (shape !== 'nils' && shape !== 'nil lists' && shape !== 'zeros') || asked(name, args) > 0;
}

/**
 * What the server would say if nothing were at the key. Only for what `mayMiss`.
 * @param version of RESP, 2 or 3.
 */
export function missAnswer(name: string, args: number, version: number): Buffer {
  return Buffer.from(answerOf(MISSES[name] ?? 'nil', args, asked(name, args), version === 3), 'latin1');
}
const asked = (name: string, args: number): number => (name === ALL_KEYS ? args : args - 1);

function answerOf(shape: Shape, args: number, items: number, resp3: boolean): string {
  const nil = resp3 ? '_\r\n' : '$-1\r\n';
  const nilList = resp3 ? '_\r\n' : '*-1\r\n';
  const list = (item: string): string => `*${items}\r\n${item.repeat(items)}`;
  switch (shape) {
    case 'nil':
    case 'nil without options':
      return nil;
    case 'zero':
      return ':0\r\n';
    case 'gone':
      return ':-2\r\n';
    case 'empty text':
      return '$0\r\n\r\n';
    case 'none':
      return '+none\r\n';
    case 'empty list':
      return '*0\r\n';
    case 'empty map':
      return resp3 ? '%0\r\n' : '*0\r\n';
    case 'empty set':
      return resp3 ? '~0\r\n' : '*0\r\n';
    case 'cursor':
      return '*2\r\n$1\r\n0\r\n*0\r\n';
    case 'nil, or an empty list with a count':
      return args > 1 ? '*0\r\n' : nil;
    case 'nil list with a score':
      return args > 2 ? nilList : nil;
    case 'nils':
      return list(nil);
    case 'nil lists':
      return list(nilList);
    case 'zeros':
      return list(':0\r\n');
  }
}
