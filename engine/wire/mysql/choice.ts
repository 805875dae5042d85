import { isWord } from '../sql/bytes.ts';
import type { Statements } from '../sql/normalise.ts';
import type { SqlContext } from '../sql/subject.ts';

/** The database that a command chooses, with its last USE. */
export interface Choice {
  readonly database: string;
  /** Which of its statements does, from 0. */
  readonly index: number;
}

const USE = Buffer.from('USE');
/** So much of a USE is read, with the comments in front of it, in bytes; a name has 64 characters at most. */
export const LONGEST_USE = 1_024;
const GAP = String.raw`(?:\s|/\*(?:[^*]|\*(?!/))*\*/|(?:--\s|#)[^\n]*\n)*`;
const NAMED = new RegExp(`^${GAP}use${GAP}(?:\`((?:[^\`]|\`\`)+)\`|"((?:[^"]|"")+)"|([\\w$\\u0080-\\uffff]+))`, 'i');

/** What the statements choose that were read last, while their bytes are still there. */
export function chosenBy(statements: Statements): Choice | undefined {
  const { bytes, count, truncated } = statements;
  for (let index = truncated ? count - 2 : count - 1; index >= 0; index--) {
    const at = statements.start(index);
    if (bytes[at] !== USE[0] || bytes[at + 1] !== USE[1] || bytes[at + 2] !== USE[2] || isWord(bytes[at + 3])) continue;
    const [, ticked, quoted, plain] = NAMED.exec(statements.raw(index, LONGEST_USE).toString('utf8')) ?? [];
    const database = ticked?.replaceAll('``', '`') ?? quoted?.replaceAll('""', '"') ?? plain;
    if (database !== undefined) return { database, index };
  }
  return undefined;
}

/**
 * Whether the SQL may begin with a USE of which `there` bytes are to be seen at `at`, for when nobody else looks at it. Behind
 * white space or a comment it may.
 */
export function mayBeUse(bytes: Uint8Array, at: number, there: number): boolean {
  for (let i = 0; i < Math.min(there, USE.length); i++) {
    const byte = bytes[at + i] as number;
    if (i === 0 && (byte <= SPACE || byte === SLASH || byte === HASH || byte === DASH)) return true;
    if ((byte & UPPER_CASE) !== USE[i]) return false;
  }
  return true;
}
const [SPACE, SLASH, HASH, DASH] = [0x20, 0x2f, 0x23, 0x2d] as const;
const UPPER_CASE = 0xdf;

/** Who the connection is and which database it is in: what was asked for last, until the server refuses it. */
export class Chosen implements SqlContext {
  user = '';
  database = '';
  /** What the server has agreed to. */
  #sure: SqlContext = { user: '', database: '' };
  #asked: (SqlContext & { readonly index: number })[] = [];

  /** As the client logs in: nothing else happens until the server agrees. */
  begins(user: string, database: string): void {
    this.#sure = { user, database };
    this.#asked = [];
    this.#is(this.#sure);
  }
  /** A command that chooses goes to the server. */
  asks(user: string, database: string, index: number): void {
    this.#asked.push({ user, database, index });
    this.#is({ user, database });
  }
  /** The oldest of these is answered: so many of its statements went well, Infinity for all. */
  answered(results: number): void {
    const asked = this.#asked.shift();
    if (asked === undefined) return;
    if (asked.index < results) this.#sure = asked;
    this.#is(this.#asked.at(-1) ?? this.#sure);
  }
  #is({ user, database }: SqlContext): void {
    this.user = user;
    this.database = database;
  }
}
