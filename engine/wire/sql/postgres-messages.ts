/**
 * The messages of PostgreSQL's protocol 3 that are looked at (PostgreSQL documentation, "55.7. Message Formats"). After the
 * startup each is a type byte and a length that counts itself, in four bytes.
 */

/** Messages of a client, by their type byte. */
export const CLIENT = {
  bind: 0x42, close: 0x43, describe: 0x44, execute: 0x45, functionCall: 0x46, flush: 0x48, parse: 0x50, query: 0x51, sync: 0x53,
  copyDone: 0x63, copyFail: 0x66,
} as const;

/** Messages of a server. */
export const SERVER = { error: 0x45, copyIn: 0x47, keyData: 0x4b, ready: 0x5a } as const;

/** Where the message of a type byte begins: type and length. */
export const HEADER = 5;

/** What the second four bytes of a connection are. */
export const STARTUP = {
  /** The major version, in the upper two bytes. */
  version: 3,
  cancel: 80_877_102,
  ssl: 80_877_103,
  gss: 80_877_104,
  /** MAX_STARTUP_PACKET_LENGTH of the server. */
  longest: 10_000,
} as const;

/** The status that comes with ReadyForQuery: idle, and not in a transaction. */
export const IDLE = 0x49;

/** Names are shorter than this, as a rule: a search in native code would only have begun. */
const NEAR = 64;
/** Where the text that begins at bytes[at] ends: its zero byte; -1 when that is not before `end`. */
export function textEnd(bytes: Buffer, at: number, end: number): number {
  const near = Math.min(end, at + NEAR);
  for (let i = at; i < near; i++) if (bytes[i] === 0) return i;
  const zero = near === end ? -1 : bytes.indexOf(0, near);
  return zero < 0 || zero >= end ? -1 : zero;
}

/** The parameters of a startup message whose names and values begin at bytes[at]. */
export function startupParameters(bytes: Buffer, at: number, end: number): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (let from = at; from < end && bytes[from] !== 0; ) {
    const name = textEnd(bytes, from, end);
    const value = name < 0 ? -1 : textEnd(bytes, name + 1, end);
    if (value < 0) break;
    found.set(bytes.toString('utf8', from, name), bytes.toString('utf8', name + 1, value));
    from = value + 1;
  }
  return found;
}

/** What an ErrorResponse says. */
export interface PostgresError {
  readonly sqlstate: string;
  readonly message: string;
}

/**
 * Conditions after which a server ends the connection: shut down or crashed, not ready, database dropped, idle for too long
 * (PostgreSQL documentation, "Appendix A").
 */
const FATAL = /^57P0[1-5]$/;
export const isFatal = ({ sqlstate }: PostgresError): boolean => FATAL.test(sqlstate);

/** What a server says of a statement that its client cancelled: query_canceled, in the words of its ProcessInterrupts(). */
export const CANCELLED: PostgresError = { sqlstate: '57014', message: 'canceling statement due to user request' };

/** An ErrorResponse with severity, SQLSTATE and message. */
export function errorResponse({ sqlstate, message }: PostgresError, fatal: boolean): Buffer {
  const severity = fatal ? 'FATAL' : 'ERROR';
  // A zero byte would end the field, and with it the frame.
  const fields = Buffer.from(`S${severity}\0V${severity}\0C${sqlstate}\0M${message.replaceAll('\0', ' ')}\0\0`);
  const head = Buffer.from([SERVER.error, 0, 0, 0, 0]);
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}

/** ReadyForQuery, idle. */
export const READY = Buffer.from([SERVER.ready, 0, 0, 0, 5, IDLE]);

/** The portal that a refused Execute names instead of its own. Nobody has it, so the server answers with an error of its own. */
const NO_PORTAL = 'firebreak refused this statement';
/**
 * Sent to the server in the place of a refused Execute: it fails there too, so that what came before it in its pipeline is
 * rolled back and what comes behind is skipped to the Sync, in the server's own order. Its error is replaced by the one
 * that was chosen.
 */
export const FAILING_EXECUTE = executeOf(NO_PORTAL);
/** The same in the place of a refused Query. */
export const FAILING_QUERY = Buffer.concat([FAILING_EXECUTE, Buffer.from([CLIENT.sync, 0, 0, 0, 4])]);
/** Whether an ErrorResponse is the answer to one of these. */
export const answersFailing = (bytes: Buffer): boolean => bytes.includes(NO_PORTAL);

function executeOf(portal: string): Buffer {
  const message = Buffer.alloc(HEADER + portal.length + 1 + 4);
  message[0] = CLIENT.execute;
  message.writeInt32BE(message.length - 1, 1);
  message.write(portal, HEADER, 'latin1');
  return message;
}
