import { BYTE, isDigit, isWhite, isWord } from './bytes.ts';
import type { Dialect } from './dialect.ts';

/**
 * Where what is quoted from bytes[at] on ends (behind its closing quote), `end` when it never closes, or `at` when
 * nothing quoted begins there. Texts, quoted names and dollar quotes alike.
 */
export function quotedEnd(bytes: Uint8Array, at: number, end: number, start: number, dialect: Dialect): number {
  const byte = bytes[at] as number;
  if (byte === BYTE.quote) return closing(bytes, at, end, dialect.backslashEscapes || hasPrefixE(bytes, at, start));
  if (byte === BYTE.doubleQuote) return closing(bytes, at, end, dialect.doubleQuotedTexts && dialect.backslashEscapes);
  if (byte === BYTE.backtick && dialect.doubleQuotedTexts) return closing(bytes, at, end, false);
  if (byte === BYTE.dollar && dialect.dollarQuotes && !(at > start && isWord(bytes[at - 1]))) return dollarEnd(bytes, at, end);
  return at;
}

/** Whether what is quoted at bytes[at] is a value, not a name. */
export const isText = (byte: number, dialect: Dialect): boolean =>
  byte === BYTE.quote || byte === BYTE.dollar || (byte === BYTE.doubleQuote && dialect.doubleQuotedTexts);

/** A doubled quote stands for itself: it reads as the end of one text and the beginning of the next, which is as good. */
function closing(bytes: Uint8Array, at: number, end: number, escapes: boolean): number {
  const quote = bytes[at] as number;
  for (let i = at + 1; i < end; i++) {
    const byte = bytes[i] as number;
    if (byte === quote) {
      if (bytes[i + 1] !== quote || i + 1 >= end) return i + 1;
      i++;
    } else if (escapes && byte === BYTE.backslash) i++;
  }
  return end;
}

/** `E'...'`, and not a name that ends in E. */
function hasPrefixE(bytes: Uint8Array, at: number, start: number): boolean {
  const prefix = bytes[at - 1];
  return at > start && (prefix === BYTE.upperE || prefix === BYTE.upperE + 32) && !(at - 1 > start && isWord(bytes[at - 2]));
}

/** `$$...$$` or `$tag$...$tag$`; a tag is a name without a dollar sign. `$1` is a parameter. */
function dollarEnd(bytes: Uint8Array, at: number, end: number): number {
  if (isDigit(bytes[at + 1])) return at;
  let open = at + 1;
  while (open < end && bytes[open] !== BYTE.dollar && isWord(bytes[open])) open++;
  if (open >= end || bytes[open] !== BYTE.dollar) return at;
  const length = open + 1 - at;
  for (let i = open + 1; i + length <= end; i++) {
    if (bytes[i] === BYTE.dollar && same(bytes, i, at, length)) return i + length;
  }
  return end;
}

function same(bytes: Uint8Array, a: number, b: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (bytes[a + i] !== bytes[b + i]) return false;
  return true;
}

/** Where a comment that begins at bytes[at] ends, `end` when it never does, or `at` when none begins there. */
export function commentEnd(bytes: Uint8Array, at: number, end: number, dialect: Dialect): number {
  const byte = bytes[at] as number;
  if (byte === BYTE.dash && bytes[at + 1] === BYTE.dash && at + 1 < end) {
    return dialect.dashesNeedSpace && at + 2 < end && !isWhite(bytes[at + 2]) ? at : lineEnd(bytes, at, end, dialect);
  }
  if (byte === BYTE.hash && dialect.hashComments) return lineEnd(bytes, at, end, dialect);
  if (byte !== BYTE.slash || bytes[at + 1] !== BYTE.star || at + 1 >= end) return at;
  if (dialect.executableComments && executableStart(bytes, at, end) > at) return at;
  let depth = 1;
  for (let i = at + 2; i + 1 < end; i++) {
    if (bytes[i] === BYTE.star && bytes[i + 1] === BYTE.slash) {
      i++;
      if (--depth === 0) return i + 1;
    } else if (dialect.nestedComments && bytes[i] === BYTE.slash && bytes[i + 1] === BYTE.star) {
      i++;
      depth++;
    }
  }
  return end;
}

// The longest version number of an executable comment, as in `/*!080013`.
const VERSION_DIGITS = 6;

// Behind the `/*!` (of MariaDB, `/*M!`) at bytes[at] and the version number that may follow; `at` when there is none.
export function executableStart(bytes: Uint8Array, at: number, end: number): number {
  if (bytes[at] !== BYTE.slash || bytes[at + 1] !== BYTE.star) return at;
  let behind = at + 2;
  if (bytes[behind] === BYTE.upperM) behind++;
  if (bytes[behind] !== BYTE.bang || behind >= end) return at;
  behind++;
  for (let digits = 0; digits < VERSION_DIGITS && behind < end && isDigit(bytes[behind]); digits++) behind++;
  return behind;
}

function lineEnd(bytes: Uint8Array, at: number, end: number, { returnsEndLines }: Dialect): number {
  for (let i = at; i < end; i++) if (bytes[i] === BYTE.newline || (returnsEndLines && bytes[i] === BYTE.return)) return i;
  return end;
}
