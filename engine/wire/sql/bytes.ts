/** The bytes that SQL is made of, for the normaliser and for what masks its texts. */
export const BYTE = {
  tab: 0x09, newline: 0x0a, return: 0x0d, space: 0x20, bang: 0x21, doubleQuote: 0x22, hash: 0x23, dollar: 0x24, ampersand: 0x26, quote: 0x27, open: 0x28, star: 0x2a,
  plus: 0x2b, dash: 0x2d, dot: 0x2e, slash: 0x2f, semicolon: 0x3b, question: 0x3f, upperE: 0x45, upperM: 0x4d, backslash: 0x5c, backtick: 0x60,
} as const;

/** Part of a name or number: a letter, a digit, `_`, `$`, or a byte beyond ASCII. */
const WORD = new Uint8Array(256);
/** SPACE, tab, line ends, vertical tab, form feed, and what ends a C string. */
const WHITE = new Uint8Array(256);
/** Each byte, letters of ASCII in upper case. */
export const UPPER = Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 0x61 && byte <= 0x7a ? byte - 32 : byte));
/** What can begin no comment, text, quoted name or gap, and end no statement: most of every statement. */
const PLAIN = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  if (byte >= 0x80 || /[\w$]/.test(String.fromCharCode(byte))) WORD[byte] = 1;
  if (byte === BYTE.space || byte === 0 || (byte >= BYTE.tab && byte <= 0x0d)) WHITE[byte] = 1;
  PLAIN[byte] = WHITE[byte] === 1 || '\'"`$-#/*;'.includes(String.fromCharCode(byte)) ? 0 : 1;
}
export const isPlain = (byte: number): boolean => PLAIN[byte] === 1;
export const isWord = (byte: number | undefined): boolean => byte !== undefined && WORD[byte] === 1;
export const isWhite = (byte: number | undefined): boolean => byte !== undefined && WHITE[byte] === 1;
export const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;
