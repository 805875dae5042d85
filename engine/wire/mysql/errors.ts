import type { Verdict } from '../effects.ts';
import { HEADER, PACKET } from './protocol.ts';

/** One error of the server. */
export interface ServerError {
  readonly number: number;
  /** SQLSTATE: five characters. */
  readonly state: string;
  readonly message: string;
}

/** Longest message of an error, in bytes (MYSQL_ERRMSG_SIZE). */
const LONGEST = 512;
/** What a policy that names neither number nor SQLSTATE answers: ER_UNKNOWN_ERROR; at a connect, ER_CON_COUNT_ERROR. */
export const STATEMENT_FAILED = 1105;
export const CONNECT_FAILED = 1040;
const UNKNOWN_STATE = 'HY000';

/**
 * The SQLSTATE that goes with an error number (MySQL Error Message Reference, "Server Error Message Reference"; MariaDB has
 * the same); all others have HY000. Of several numbers with the same SQLSTATE, the first is what the SQLSTATE alone means.
 */
const STATES: readonly (readonly [number: number, state: string])[] = [
  [1213, '40001'], [1040, '08004'], [1045, '28000'], [1158, '08S01'], [1062, '23000'], [1064, '42000'], [1146, '42S02'], [1054, '42S22'],
  [1317, '70100'], [1406, '22001'], [1264, '22003'], [1365, '22012'], [1292, '22007'], [1050, '42S01'], [1792, '25006'], [1568, '25001'],
  [1046, '3D000'], [1053, '08S01'], [1159, '08S01'], [1160, '08S01'], [1161, '08S01'], [1152, '08S01'], [1184, '08S01'], [1043, '08S01'],
  [1048, '23000'], [1451, '23000'], [1452, '23000'], [1044, '42000'], [1049, '42000'], [1142, '42000'], [1203, '42000'], [1226, '42000'],
];
/** SQLSTATEs of PostgreSQL, by what MySQL answers when the same happens: one file may strike both. */
const MEANS: Readonly<Record<string, number>> = {
  '53300': 1040, '40P01': 1213, '57014': 1317, '55P03': 1205, '57P01': 1053, '57P03': 1053, '42P01': 1146, '42601': 1064, '23505': 1062, '53100': 1021,
};

/**
 * The error of a policy: number and SQLSTATE as it says, and the one that it leaves out by the other.
 * @param usual the number when the policy names neither.
 */
export function errorOf({ refusal, extra, policy }: Extract<Verdict, { act: 'fail' }>, usual: number): ServerError {
  const asked = typeof extra?.['sqlstate'] === 'string' ? extra['sqlstate'] : '';
  const number = refusal.code > 0 ? refusal.code : asked === '' ? usual : numberOf(asked);
  const text = Buffer.from(refusal.body).toString('utf8');
  return {
    number,
    state: asked !== '' ? asked : (STATES.find(([one]) => one === number)?.[1] ?? UNKNOWN_STATE),
    message: text === '' ? `fault injected by policy ${policy}` : text,
  };
}
const numberOf = (state: string): number => STATES.find(([, one]) => one === state)?.[0] ?? MEANS[state] ?? STATEMENT_FAILED;

/** Errors behind which a server closes the connection: ER_SERVER_SHUTDOWN, ER_NORMAL_SHUTDOWN, network errors, ER_CONNECTION_KILLED. */
const LAST_WORDS = new Set([1053, 1077, 1158, 1159, 1160, 1161, 1184, 1927, 4031]);
export const endsConnection = (number: number): boolean => LAST_WORDS.has(number);

/** ERR packet. */
export function errorPacket({ number, state, message }: ServerError, sequence: number): Buffer {
  const text = Buffer.from(message, 'utf8').subarray(0, LONGEST);
  const packet = Buffer.alloc(HEADER + 9 + text.length);
  packet.writeUIntLE(packet.length - HEADER, 0, 3);
  packet[3] = sequence & 0xff;
  packet[HEADER] = PACKET.error;
  packet.writeUInt16LE(number, HEADER + 1);
  packet.write(`#${state.padEnd(5, '0').slice(0, 5)}`, HEADER + 3, 'latin1');
  text.copy(packet, HEADER + 9);
  return packet;
}
