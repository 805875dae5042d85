import type { Link } from '../session.ts';
import type { Answers } from './answers.ts';
import type { CommandScanner } from './commands.ts';
import type { Opening } from './opening.ts';
import type { Prepared, PreparedStatements } from './prepared.ts';
import { COMMAND, HEADER, int4At, lengthEncodedAt, lengthSize, MAX_PAYLOAD, REPLY } from './protocol.ts';
import type { Responses } from './responses.ts';

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

/** What becomes of the executions of one connection beyond their answers. */
export class Executions {
  readonly #link: Link;
  readonly #prepared: PreparedStatements;
  readonly #responses: Responses;
  readonly #answers: Answers;
  readonly #opening: Opening;

  constructor(link: Link, prepared: PreparedStatements, responses: Responses, answers: Answers, opening: Opening) {
    this.#link = link;
    this.#prepared = prepared;
    this.#responses = responses;
    this.#answers = answers;
    this.#opening = opening;
  }

  /**
   * The command that the scanner found is refused, after all before it is answered: keeps the types that it tells, and
   * takes back the values that were sent ahead.
   */
  refused(statement: Prepared | undefined, bytes: Buffer, { at, length, code }: CommandScanner, end: number): void {
    if (statement === undefined || code !== COMMAND.execute) return;
    const place = placeOf(bytes, at, Math.min(end, at + length), statement.parameters, this.#opening.queryAttributes);
    if (place !== undefined && bytes[place.flag] === 1) {
      statement.types = Buffer.from(bytes.subarray(place.flag + 1, place.end));
      this.#prepared.owing = true;
    }
    if (!statement.longData) return;
    statement.longData = false;
    this.#link.toUpstream(resetOf(int4At(bytes, at + 1)));
    // The server's next packet answers this, and the client did not ask for it.
    this.#responses.expect(REPLY.swallowed, true);
    this.#answers.picking = true;
  }

  /**
   * The command that the scanner found goes to the server. If a refused execution kept types from it, its beginning is
   * sent with them here: returns where the rest of it goes on, or undefined when it is good as it is.
   */
  goesOn(statement: Prepared | undefined, bytes: Buffer, { start, at, length, split, code }: CommandScanner, end: number): number | undefined {
    if (statement === undefined || code !== COMMAND.execute) return undefined;
    statement.longData = false;
    const { types } = statement;
    if (types === undefined) return undefined;
    const place = placeOf(bytes, at, Math.min(end, at + length), statement.parameters, this.#opening.queryAttributes);
    if (place === undefined || split || length + types.length >= MAX_PAYLOAD) return undefined;
    statement.types = undefined;
    if (bytes[place.flag] === 1) return undefined;
    const head = Buffer.concat([bytes.subarray(start, place.flag), FOLLOW, types]);
    head.writeUIntLE(length + types.length, 0, 3);
    this.#link.toUpstream(head);
    return place.flag + 1;
  }
}
const FOLLOW = Buffer.from([1]);

/** COM_STMT_RESET: the server forgets values that were sent ahead. */
function resetOf(id: number): Buffer {
  const packet = Buffer.alloc(HEADER + 5);
  packet[0] = 5;
  packet[HEADER] = COMMAND.reset;
  packet.writeUInt32LE(id, HEADER + 1);
  return packet;
}
