/**
 * The numbers of the MySQL client/server protocol: MySQL Source Code Documentation, "Client/Server Protocol", and MariaDB
 * Server Documentation, "Client/Server Protocol", where the two differ.
 */

/** Capability Flags: what both ends must have set. */
export const CAPABILITY = {
  /** Set by MySQL; a MariaDB server leaves it out and has flags of its own beyond 32 bits (`EXTENDED`). */
  mysql: 0x1,
  connectWithDatabase: 0x8,
  compress: 0x20,
  protocol41: 0x200,
  tls: 0x800,
  secureConnection: 0x8000,
  multiStatements: 0x1_0000,
  lengthOfAuthData: 0x20_0000,
  /** A result set ends with an OK packet instead of an EOF packet, and its columns end by their number. */
  deprecateEof: 0x100_0000,
  optionalMetadata: 0x200_0000,
  zstd: 0x400_0000,
  queryAttributes: 0x800_0000,
} as const;

/** MariaDB's own capability flags, counted from bit 32. */
export const EXTENDED = { cacheMetadata: 0x10 } as const;

/** Status Flags, as OK and EOF packets tell them. */
export const STATUS = {
  inTransaction: 0x1,
  autocommit: 0x2,
  moreResults: 0x8,
  cursorExists: 0x40,
  noBackslashEscapes: 0x200,
  /** MariaDB only. */
  ansiQuotes: 0x8000,
} as const;

/** First byte of a packet of the server. */
export const PACKET = { ok: 0x00, moreAuthData: 0x01, localInfile: 0xfb, eof: 0xfe, error: 0xff } as const;

/** A longer payload goes on in the next packet. */
export const MAX_PAYLOAD = 0xff_ffff;
/** Three bytes of length, one of the sequence. */
export const HEADER = 4;
/** An EOF packet is shorter; a row may begin with the same byte. */
export const EOF_LIMIT = 9;
/** The number of an ERR packet that is no error but MariaDB's progress report; the answer follows. */
export const PROGRESS = 0xffff;

/** First byte of a packet of the client, in the command phase. */
export const COMMAND = {
  quit: 0x01,
  initDb: 0x02,
  query: 0x03,
  fieldList: 0x04,
  createDb: 0x05,
  dropDb: 0x06,
  refresh: 0x07,
  shutdown: 0x08,
  statistics: 0x09,
  processInfo: 0x0a,
  processKill: 0x0c,
  debug: 0x0d,
  ping: 0x0e,
  changeUser: 0x11,
  binlogDump: 0x12,
  tableDump: 0x13,
  registerReplica: 0x15,
  prepare: 0x16,
  execute: 0x17,
  longData: 0x18,
  close: 0x19,
  reset: 0x1a,
  setOption: 0x1b,
  fetch: 0x1c,
  binlogDumpGtid: 0x1e,
  resetConnection: 0x1f,
  bulkExecute: 0xfa,
} as const;

/** What answers a command. */
export const REPLY = {
  none: 0,
  /** The exchange that ends with OK or ERR; the client has its part in it. */
  auth: 1,
  /** One packet: OK, EOF or ERR. */
  simple: 2,
  /** One packet of text. */
  text: 3,
  /** OK, ERR, the wish for a file, or result sets. */
  result: 4,
  prepared: 5,
  /** Rows without a head, of a cursor. */
  rows: 6,
  fields: 7,
  /** One packet that the client did not ask for and must not see. */
  swallowed: 8,
  /** What follows is no exchange of commands any more (replication). */
  stream: 9,
  unknown: 10,
} as const;
export type Reply = (typeof REPLY)[keyof typeof REPLY];

const REPLIES = new Uint8Array(256).fill(REPLY.unknown);
for (const code of [COMMAND.quit, COMMAND.longData, COMMAND.close]) REPLIES[code] = REPLY.none;
for (const code of [COMMAND.initDb, COMMAND.createDb, COMMAND.dropDb, COMMAND.refresh, COMMAND.shutdown]) REPLIES[code] = REPLY.simple;
for (const code of [COMMAND.processKill, COMMAND.debug, COMMAND.ping, COMMAND.registerReplica]) REPLIES[code] = REPLY.simple;
for (const code of [COMMAND.reset, COMMAND.setOption, COMMAND.resetConnection]) REPLIES[code] = REPLY.simple;
for (const code of [COMMAND.query, COMMAND.processInfo, COMMAND.execute, COMMAND.bulkExecute]) REPLIES[code] = REPLY.result;
for (const code of [COMMAND.binlogDump, COMMAND.tableDump, COMMAND.binlogDumpGtid]) REPLIES[code] = REPLY.stream;
REPLIES[COMMAND.statistics] = REPLY.text;
REPLIES[COMMAND.changeUser] = REPLY.auth;
REPLIES[COMMAND.prepare] = REPLY.prepared;
REPLIES[COMMAND.fetch] = REPLY.rows;
REPLIES[COMMAND.fieldList] = REPLY.fields;
/** What answers the command that begins with this byte. */
export const replyTo = (code: number): Reply => (REPLIES[code] ?? REPLY.unknown) as Reply;

/** Commands that carry a statement, or stand for one: those that policies judge. */
export const isStatement = (code: number): boolean =>
  code === COMMAND.query || code === COMMAND.execute || code === COMMAND.bulkExecute || code === COMMAND.initDb;

/** The three bytes of a payload's length. */
export const lengthAt = (bytes: Uint8Array, at: number): number =>
  (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
/** Two bytes, the lower first. */
export const int2At = (bytes: Uint8Array, at: number): number => (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
/** Four bytes, the lower first, as an unsigned number. */
export const int4At = (bytes: Uint8Array, at: number): number => (int2At(bytes, at) | (int2At(bytes, at + 2) << 16)) >>> 0;

/** How many bytes the length-encoded integer takes that begins with this byte. */
export const lengthSize = (first: number): number => (first < 0xfb ? 1 : first === 0xfc ? 3 : first === 0xfd ? 4 : first === 0xfe ? 9 : 1);
/** The length-encoded integer at bytes[at]; beyond 2^32 only roughly. */
export function lengthEncodedAt(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  if (first < 0xfb) return first;
  if (first === 0xfc) return int2At(bytes, at + 1);
  if (first === 0xfd) return lengthAt(bytes, at + 1);
  return first === 0xfe ? int4At(bytes, at + 1) + int4At(bytes, at + 5) * 0x1_0000_0000 : 0;
}
