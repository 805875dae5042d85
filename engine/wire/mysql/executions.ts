import { COMMAND, HEADER, lengthEncodedAt, lengthSize, MAX_PAYLOAD } from './protocol.ts';
import type { CommandScanner } from './commands.ts';
import type { Prepared } from './prepared.ts';

/**
 * A COM_STMT_EXECUTE that is refused here never reaches the server, but the client takes it that a server has read it: the
 * types of the parameters, which it then never tells again, and the values that it sent ahead. So the types are put into the
 * next execution, and the values are taken back.
 */

/** The command, the statement's number, flags and the iteration count stand before the parameters. */
const FIXED = 10;
/** Behind the command and the number: PARAMETER_COUNT_AVAILABLE. */
const COUNT_AVAILABLE = 0x08;

/** Where the payload of an execution says whether types follow, and where they end if they do. */
interface TypesPlace {
  readonly flag: number;
  readonly end: number;
}

/** @param end where the bytes end that are there; undefined: no parameters, or not all of it is there. */
function placeOf(bytes: Uint8Array, at: number, end: number, parameters: number, named: boolean): TypesPlace | undefined {
  let count = parameters;
  let next = at + FIXED;
  if (next >= end) return undefined;
  if (named && (parameters > 0 || ((bytes[at + 5] as number) & COUNT_AVAILABLE) !== 0)) {
    count = lengthEncodedAt(bytes, next);
    next += lengthSize(bytes[next] as number);
  }
  const flag = next + Math.ceil(count / 8);
  if (count === 0 || flag >= end) return undefined;
  if (bytes[flag] !== 1) return { flag, end: flag + 1 };
  next = flag + 1;
  for (let i = 0; i < count && next < end; i++) {
    next += 2;
    if (named) next += lengthSize(bytes[next] as number) + lengthEncodedAt(bytes, next);
  }
  return next <= end ? { flag, end: next } : undefined;
}

/** The execution that the scanner found is refused: keeps the types that it tells. */
export function keepTypes(statement: Prepared, bytes: Buffer, { at, length }: CommandScanner, end: number, named: boolean): void {
  const place = placeOf(bytes, at, Math.min(end, at + length), statement.parameters, named);
  if (place !== undefined && bytes[place.flag] === 1) statement.types = Buffer.from(bytes.subarray(place.flag + 1, place.end));
}

/**
 * The execution that the scanner found goes to the server. Its beginning with the types that a refused one told, and where
 * the rest of it goes on; undefined when it is good as it is.
 */
export function withTypes(
  statement: Prepared, bytes: Buffer, { start, at, length, split }: CommandScanner, end: number, named: boolean,
): { readonly head: Buffer; readonly next: number } | undefined {
  const { types } = statement;
  if (types === undefined) return undefined;
  const place = placeOf(bytes, at, Math.min(end, at + length), statement.parameters, named);
  if (place === undefined || split || length + types.length >= MAX_PAYLOAD) return undefined;
  statement.types = undefined;
  if (bytes[place.flag] === 1) return undefined;
  const head = Buffer.concat([bytes.subarray(start, place.flag), FOLLOW, types]);
  head.writeUIntLE(length + types.length, 0, 3);
  return { head, next: place.flag + 1 };
}
const FOLLOW = Buffer.from([1]);

/** COM_STMT_RESET: the server forgets values that were sent ahead. */
export function resetOf(id: number): Buffer {
  const packet = Buffer.alloc(HEADER + 5);
  packet[0] = 5;
  packet[HEADER] = COMMAND.reset;
  packet.writeUInt32LE(id, HEADER + 1);
  return packet;
}
