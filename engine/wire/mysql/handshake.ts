import { CAPABILITY, EXTENDED, int2At, int4At, lengthEncodedAt, lengthSize } from './protocol.ts';
import type { Agreed } from './responses.ts';

/** The protocol version of all servers since MySQL 3.21. */
const VERSION = 10;
/** Longest greeting that is read; what comes behind it are credentials. */
export const GREETING_LIMIT = 512;

/** What a server says first (HandshakeV10). */
export interface Greeting {
  readonly capabilities: number;
  readonly extended: number;
  readonly status: number;
}

/** The greeting in bytes[at, end), or undefined when it is none that this version knows. */
export function greetingOf(bytes: Uint8Array, at: number, end: number): Greeting | undefined {
  const flags = flagsAt(bytes, at, end);
  if (flags < 0) return undefined;
  const low = int2At(bytes, flags);
  if (flags + 18 > end) return { capabilities: low, extended: 0, status: 0 };
  const capabilities = (low | (int2At(bytes, flags + 5) << 16)) >>> 0;
  // Flags, character set, status, flags, length of the challenge, six bytes that are reserved, MariaDB's own flags.
  return {
    capabilities,
    extended: (capabilities & CAPABILITY.mysql) === 0 ? int4At(bytes, flags + 14) : 0,
    status: int2At(bytes, flags + 3),
  };
}

/** Where the first two bytes of the capabilities lie in the greeting in bytes[at, end); -1 when it is none. */
export function flagsAt(bytes: Uint8Array, at: number, end: number): number {
  if (bytes[at] !== VERSION) return -1;
  const version = bytes.indexOf(0, at);
  // Behind the version: 4 bytes of the thread's id, 8 of the challenge, one of zero.
  const flags = version + 1 + 13;
  return version < 0 || flags + 2 > end ? -1 : flags;
}

/** What a client answers (HandshakeResponse41, or SSLRequest). Nothing of its credentials. */
export interface Answered {
  readonly kind: 'login' | 'tls' | 'unknown';
  readonly agreed: Agreed;
  readonly compressed: boolean;
  readonly queryAttributes: boolean;
  readonly multiStatements: boolean;
  readonly user: string;
  readonly database: string;
}

/** An SSLRequest is as long as what comes before the user's name. */
export const FIXED = 32;

export function answerOf(bytes: Buffer, at: number, end: number, greeting: Greeting): Answered {
  const client = end - at >= 4 ? int4At(bytes, at) : 0;
  const has = (flag: number): boolean => (client & greeting.capabilities & flag) !== 0;
  const extended = end - at >= FIXED && (client & CAPABILITY.mysql) === 0 ? int4At(bytes, at + 28) & greeting.extended : 0;
  const known = (client & CAPABILITY.protocol41) !== 0 && end - at >= FIXED;
  const tls = known && (client & CAPABILITY.tls) !== 0 && end - at === FIXED;
  return {
    kind: !known ? 'unknown' : tls ? 'tls' : 'login',
    agreed: {
      deprecateEof: has(CAPABILITY.deprecateEof),
      optionalMetadata: has(CAPABILITY.optionalMetadata),
      cacheMetadata: (extended & EXTENDED.cacheMetadata) !== 0,
    },
    compressed: has(CAPABILITY.compress) || has(CAPABILITY.zstd),
    queryAttributes: has(CAPABILITY.queryAttributes),
    multiStatements: has(CAPABILITY.multiStatements),
    ...(known && !tls ? namesOf(bytes, at + FIXED, end, client) : { user: '', database: '' }),
  };
}

/** The user, and behind the credentials the database. */
function namesOf(bytes: Buffer, at: number, end: number, client: number): { user: string; database: string } {
  const userEnd = zero(bytes, at, end);
  const user = bytes.toString('utf8', at, userEnd);
  if ((client & CAPABILITY.connectWithDatabase) === 0) return { user, database: '' };
  let next = userEnd + 1;
  if (next >= end) return { user, database: '' };
  if ((client & CAPABILITY.lengthOfAuthData) !== 0) next += lengthSize(bytes[next] as number) + lengthEncodedAt(bytes, next);
  else if ((client & CAPABILITY.secureConnection) !== 0) next += 1 + (bytes[next] as number);
  else next = zero(bytes, next, end) + 1;
  return { user, database: next < end ? bytes.toString('utf8', next, zero(bytes, next, end)) : '' };
}
/** The same of COM_CHANGE_USER: the length of the credentials is one byte, and a database always follows. */
export function othersOf(bytes: Buffer, at: number, end: number): { user: string; database: string } {
  return namesOf(bytes, at, end, CAPABILITY.connectWithDatabase | CAPABILITY.secureConnection);
}
function zero(bytes: Buffer, at: number, end: number): number {
  const found = bytes.indexOf(0, at);
  return found < 0 || found > end ? end : found;
}
