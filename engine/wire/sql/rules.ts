import { BYTE, isWord } from './bytes.ts';

/** What a statement does to transactions. */
export const KIND = {
  /** Nothing: a query, a change, DDL, SET; savepoints too, for they only exist within one. */
  other: 0,
  /** BEGIN, START TRANSACTION: the first statement of a transaction, before which nothing has happened. */
  begin: 1,
  /** COMMIT, END, ROLLBACK, ABORT, also of a prepared transaction or to a savepoint, PREPARE TRANSACTION, and UNLOCK TABLES. */
  end: 2,
} as const;
export type Kind = (typeof KIND)[keyof typeof KIND];

/**
 * What may be done to a statement, by both dialects:
 * - one that ends a transaction is never judged: whoever sent it must learn how it went;
 * - within a transaction it may be delayed and no more: failing or cutting it would cut the transaction;
 * - anything else may fail, BEGIN too.
 */
export const TOUCH = { never: 0, delay: 1, all: 2 } as const;
export type Touch = (typeof TOUCH)[keyof typeof TOUCH];

/** @param inTransaction whether a transaction is open, or may be for all that is known. */
export function touchOf(kind: Kind, inTransaction: boolean): Touch {
  if (kind === KIND.end) return TOUCH.never;
  return inTransaction ? TOUCH.delay : TOUCH.all;
}

const FIRST: readonly { readonly words: Buffer; readonly kind: Kind }[] = [
  { words: Buffer.from('BEGIN'), kind: KIND.begin },
  { words: Buffer.from('START TRANSACTION'), kind: KIND.begin },
  { words: Buffer.from('COMMIT'), kind: KIND.end },
  { words: Buffer.from('ROLLBACK'), kind: KIND.end },
  { words: Buffer.from('END'), kind: KIND.end },
  { words: Buffer.from('ABORT'), kind: KIND.end },
  { words: Buffer.from('PREPARE TRANSACTION'), kind: KIND.end },
  // XA START opens one, and what belongs to it must not fail either: all of XA is left alone.
  { words: Buffer.from('XA'), kind: KIND.end },
  // A lock that could not be given back would stay with a pooled connection.
  { words: Buffer.from('UNLOCK TABLES'), kind: KIND.end },
];

/** What the normalised statement in bytes[start, end) does. */
export function kindOf(bytes: Uint8Array, start: number, end: number): Kind {
  for (let i = 0; i < FIRST.length; i++) {
    const { words, kind } = FIRST[i] as (typeof FIRST)[number];
    if (bytes[start] === words[0] && begins(bytes, start, end, words)) return kind;
  }
  return KIND.other;
}
function begins(bytes: Uint8Array, start: number, end: number, words: Uint8Array): boolean {
  if (end - start < words.length || (end - start > words.length && isWord(bytes[start + words.length]))) return false;
  for (let i = 1; i < words.length; i++) if (bytes[start + i] !== words[i]) return false;
  return true;
}

/** The first word of the normalised statement in bytes[start, end), brackets before it left out: `SELECT`; '' when there is none. */
export function verbOf(bytes: Buffer, start: number, end: number): string {
  let from = start;
  while (from < end && (bytes[from] === BYTE.open || bytes[from] === BYTE.space)) from++;
  let to = from;
  while (to < end && to - from < LONGEST_VERB && isWord(bytes[to])) to++;
  return bytes.toString('latin1', from, to);
}
/** No verb of SQL is longer. */
const LONGEST_VERB = 32;
