import { FNV_OFFSET, FNV_PRIME } from '../../kernel/hash.ts';
import { MISSES } from './misses.ts';

/**
 * What the wire must know of single commands (https://redis.io/docs/latest/commands/): where the key stands, and which
 * of them change how the connection is to be read. A command that is not here (of a module, or renamed) is taken for an
 * ordinary one with its key in front.
 */

/** What a command means to the connection. Plain numbers, because this is the hot path. */
export const ROLE = {
  plain: 0,
  /** Sets the connection up: judged only by policies that name it, because what follows relies on it. */
  setup: 1,
  /** Only clears away: never judged. */
  cleanup: 2,
  multi: 3,
  exec: 4,
  discard: 5,
  reset: 6,
  hello: 7,
  select: 8,
  client: 9,
  subscribe: 10,
  unsubscribe: 11,
  monitor: 12,
  /** The connection becomes a replica's. */
  replica: 13,
} as const;

/** Where the key stands, as the number of the argument; or one of these. */
export const KEY = { none: 0, afterStreams: -1, afterCount: -2 } as const;

const ROLES: Readonly<Record<keyof typeof ROLE, string>> = {
  plain: '',
  setup: 'auth readonly readwrite asking acl command',
  cleanup: 'quit unwatch replconf',
  multi: 'multi',
  exec: 'exec',
  discard: 'discard',
  reset: 'reset',
  hello: 'hello',
  select: 'select',
  client: 'client',
  subscribe: 'subscribe psubscribe ssubscribe',
  unsubscribe: 'unsubscribe punsubscribe sunsubscribe',
  monitor: 'monitor',
  replica: 'sync psync',
};

/** Where the key of each command stands; a channel counts as one. */
const KEYS: readonly (readonly [at: number, names: string])[] = [
  [
    1,
    'append bitfield bitfield_ro bitpos blmove blpop brpop brpoplpush bzpopmax bzpopmin copy decr decrby del expire expireat geoadd georadius ' +
      'georadiusbymember geosearchstore getdel getex getset hdel hincrby hincrbyfloat hmset hset hsetnx incr incrby incrbyfloat lcs linsert lmove lpop ' +
      'lpush lpushx lrem lset ltrim move mset msetnx persist pexpire pexpireat pfadd pfmerge psetex publish rename renamenx restore rpop rpoplpush ' +
      'rpush rpushx sadd sdiffstore set setbit setex setnx setrange sinterstore smove sort spop spublish srem sunionstore touch unlink watch xack xadd ' +
      'xautoclaim xclaim xdel xpending xsetid xtrim zadd zdiffstore zincrby zinterstore zpopmax zpopmin zrangestore zrem zremrangebylex ' +
      'zremrangebyrank zremrangebyscore zunionstore',
  ],
  [
    KEY.none,
    'ping echo info config time dbsize flushall flushdb save bgsave bgrewriteaof lastsave shutdown slaveof replicaof role wait waitaof failover ' +
      'debug slowlog latency cluster script function module keys scan randomkey swapdb pubsub lolwut hello auth select client acl command quit ' +
      'unwatch replconf multi exec discard reset readonly readwrite asking monitor sync psync',
  ],
  [2, 'object memory xinfo xgroup bitop zunion zinter zdiff sintercard zintercard lmpop zmpop'],
  [3, 'blmpop bzmpop migrate'],
  [KEY.afterStreams, 'xread xreadgroup'],
  [KEY.afterCount, 'eval evalsha eval_ro evalsha_ro fcall fcall_ro'],
];

/** Where the keys behind the first one stand: up to this argument (-1 = the last, -2 = the one before it), or one of these. */
export const LAST = { none: 0, counted: -3, half: -4 } as const;
/**
 * The commands of several keys: the last of them, how many arguments one is behind the other, and which argument says how
 * many there are. Where SORT and GEORADIUS store is not looked at.
 */
const SEVERAL: readonly (readonly [last: number, step: number, countAt: number, names: string])[] = [
  [-1, 1, 0, 'del unlink exists touch mget watch sinter sunion sdiff sinterstore sunionstore sdiffstore pfcount pfmerge bitop subscribe psubscribe ssubscribe'],
  [-1, 2, 0, 'mset msetnx'],
  [-2, 1, 0, 'blpop brpop bzpopmax bzpopmin'],
  [2, 1, 0, 'rename renamenx copy lmove blmove rpoplpush brpoplpush smove lcs geosearchstore zrangestore'],
  [LAST.counted, 1, 1, 'zunion zinter zdiff sintercard zintercard lmpop zmpop'],
  [LAST.counted, 1, 2, 'blmpop bzmpop eval evalsha eval_ro evalsha_ro fcall fcall_ro zunionstore zinterstore zdiffstore'],
  [LAST.half, 1, 0, 'xread xreadgroup'],
];

/** Longer than any command; what is longer is no command that this knows. */
const LONGEST_NAME = 32;

interface Entry {
  readonly name: Buffer;
  readonly role: number;
  readonly key: number;
  readonly canMiss: boolean;
}

const known = new Map<string, { role: number; key: number }>();
const entryOf = (name: string): { role: number; key: number } => {
  const entry = known.get(name) ?? { role: ROLE.plain, key: 1 };
  known.set(name, entry);
  return entry;
};
for (const name of Object.keys(MISSES)) entryOf(name);
for (const [at, names] of KEYS) for (const name of names.split(' ')) entryOf(name).key = at;
for (const [role, names] of Object.entries(ROLES)) {
  for (const name of names.split(' ')) if (name !== '') entryOf(name).role = ROLE[role as keyof typeof ROLE];
}

/** Number 0 is every command that is not known. */
const ENTRIES: readonly Entry[] = [
  { name: Buffer.alloc(0), role: ROLE.plain, key: 1, canMiss: false },
  ...[...known].map(([name, { role, key }]) => ({ name: Buffer.from(name), role, key, canMiss: Object.hasOwn(MISSES, name) })),
];
const NAMES: readonly string[] = ENTRIES.map(({ name }) => name.toString());
const ROLE_OF = Uint8Array.from(ENTRIES, ({ role }) => role);
const KEY_OF = Int8Array.from(ENTRIES, ({ key }) => key);
const CAN_MISS = Uint8Array.from(ENTRIES, ({ canMiss }) => (canMiss ? 1 : 0));
const LAST_OF = new Int8Array(ENTRIES.length);
const STEP_OF = new Uint8Array(ENTRIES.length);
const COUNT_AT = new Uint8Array(ENTRIES.length);
for (const [last, step, countAt, names] of SEVERAL) {
  for (const name of names.split(' ')) {
    const number = NAMES.indexOf(name);
    LAST_OF[number] = last;
    STEP_OF[number] = step;
    COUNT_AT[number] = countAt;
  }
}

/** An open-addressing table of at least four times as many slots as commands: most look-ups end at the first. */
const SLOTS = new Int16Array(2_048);
const MASK = SLOTS.length - 1;
const hashOf = (bytes: Uint8Array, start: number, end: number): number => {
  let hash = FNV_OFFSET | 0;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ ((bytes[i] as number) | 0x20), FNV_PRIME);
  return hash ^ (hash >>> 15);
};
ENTRIES.forEach(({ name }, number) => {
  if (number === 0) return;
  let slot = hashOf(name, 0, name.length) & MASK;
  while (SLOTS[slot] !== 0) slot = (slot + 1) & MASK;
  SLOTS[slot] = number;
});

/** The number of the command named bytes[start, end), in any case; 0 when it is not known. */
export function commandAt(bytes: Uint8Array, start: number, end: number): number {
  if (end - start > LONGEST_NAME) return 0;
  for (let slot = hashOf(bytes, start, end) & MASK; ; slot = (slot + 1) & MASK) {
    const number = SLOTS[slot] as number;
    if (number === 0) return 0;
    const { name } = ENTRIES[number] as Entry;
    if (name.length !== end - start) continue;
    let i = 0;
    while (i < name.length && name[i] === foldedAt(bytes, start + i)) i++;
    if (i === name.length) return number;
  }
}
const foldedAt = (bytes: Uint8Array, at: number): number => {
  const byte = bytes[at] as number;
  return byte >= 65 && byte <= 90 ? byte | 0x20 : byte;
};

export const roleOf = (command: number): number => ROLE_OF[command] as number;
/** The number of the argument that is the first key, or one of KEY. */
export const keyOf = (command: number): number => KEY_OF[command] as number;
/** What says which argument is its last key; LAST.none: it has no more than one. */
export const lastKeyOf = (command: number): number => LAST_OF[command] as number;
export const keyStepOf = (command: number): number => STEP_OF[command] as number;
/** The argument that says how many keys there are, where one does. */
export const countAtOf = (command: number): number => COUNT_AT[command] as number;
/** Whether it is a read that a miss can be made of; whether with these arguments, `missAnswer` says. */
export const canMiss = (command: number): boolean => CAN_MISS[command] === 1;
/** In lower case; '' for 0. */
export const nameOf = (command: number): string => NAMES[command] as string;

/** Whether policies must name this command to judge it. */
export function isSetup(name: string): boolean {
  const bytes = Buffer.from(name);
  const role = roleOf(commandAt(bytes, 0, bytes.length));
  return role === ROLE.setup || role === ROLE.hello || role === ROLE.select || role === ROLE.client;
}
