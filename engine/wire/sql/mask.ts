import { BYTE, isDigit, isWord } from './bytes.ts';
import type { Dialect } from './dialect.ts';
import { isText, quotedEnd } from './quoted.ts';

/** So much of a statement is shown, in characters. */
const SHOWN = 2_048;

/** The shape of the normalised statement in bytes[start, end): each text and number in it is `?`. For people and conditions. */
export function shapeOf(bytes: Buffer, start: number, end: number, dialect: Dialect): string {
  const parts: string[] = [];
  let length = 0;
  let from = start;
  const keep = (to: number): void => {
    if (to <= from) return;
    parts.push(bytes.toString('utf8', from, to));
    length += to - from;
  };
  let stop = end;
  for (let at = start; at < stop && length + at - from < SHOWN; ) {
    const behind = literalEnd(bytes, at, end, start, dialect);
    if (behind > at) {
      keep(withoutPrefix(bytes, at, from));
      parts.push('?');
      length++;
      from = at = behind;
      if (isDoubtful(bytes, start, behind, dialect)) stop = behind;
    } else at = Math.max(at + 1, quotedEnd(bytes, at, end, start, dialect));
  }
  keep(Math.min(stop, from + Math.max(0, SHOWN - length)));
  const text = parts.join('');
  return text.length > SHOWN ? text.slice(0, SHOWN) : text;
}

/**
 * Whether a text has ended here only if a backslash does not escape its quote, which servers may be told otherwise
 * (PostgreSQL: standard_conforming_strings): then what follows may be a value still.
 */
const isDoubtful = (bytes: Uint8Array, start: number, behind: number, { backslashEscapes }: Dialect): boolean =>
  !backslashEscapes && behind - start > 2 && bytes[behind - 1] === BYTE.quote && bytes[behind - 2] === BYTE.backslash;

/** Where the text or number that begins at bytes[at] ends, or `at` when none does. */
function literalEnd(bytes: Uint8Array, at: number, end: number, start: number, dialect: Dialect): number {
  const byte = bytes[at] as number;
  if (isText(byte, dialect)) return quotedEnd(bytes, at, end, start, dialect);
  const begins = isDigit(byte) || (byte === BYTE.dot && isDigit(bytes[at + 1]));
  if (!begins || (at > start && isWord(bytes[at - 1]))) return at;
  let behind = at + 1;
  while (behind < end && (isWord(bytes[behind]) || bytes[behind] === BYTE.dot || isExponentSign(bytes, behind))) behind++;
  return behind;
}
/** The sign in `1E-5`. */
const isExponentSign = (bytes: Uint8Array, at: number): boolean =>
  (bytes[at] === BYTE.dash || bytes[at] === BYTE.plus) && bytes[at - 1] === BYTE.upperE && isDigit(bytes[at + 1]) && isDigit(bytes[at - 2]);

/** `E'..'`, `B'..'`, `X'..'`, `N'..'` and `U&'..'`: the letters belong to the text. */
function withoutPrefix(bytes: Uint8Array, at: number, from: number): number {
  if (bytes[at] !== BYTE.quote) return at;
  const length = bytes[at - 1] === BYTE.ampersand ? 2 : 1;
  const first = at - length;
  const letter = first >= from ? String.fromCharCode(bytes[first] as number) : '';
  const fits = length === 2 ? letter === 'U' : letter !== '' && 'EBXN'.includes(letter);
  return fits && !(first > from && isWord(bytes[first - 1])) ? first : at;
}
