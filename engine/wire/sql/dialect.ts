/** How a dialect of SQL writes what is not code: comments, texts, quoted names. Only what the normaliser must know. */
export interface Dialect {
  /** A comment within a comment needs an end of its own. */
  readonly nestedComments: boolean;
  /** `-- ` is a comment only before white space; otherwise `--` always is. */
  readonly dashesNeedSpace: boolean;
  /** A carriage return ends a line, and a comment with it, as a newline does. */
  readonly returnsEndLines: boolean;
  /** `#` begins a comment that ends with its line. */
  readonly hashComments: boolean;
  /** The content of a comment that opens with an exclamation mark is code. */
  readonly executableComments: boolean;
  /** `$tag$ ... $tag$` is a text. */
  readonly dollarQuotes: boolean;
  /** A backslash escapes the next byte in a text; otherwise only in a text with the prefix E. */
  readonly backslashEscapes: boolean;
  /** `"..."` is a text; otherwise it is a name. */
  readonly doubleQuotedTexts: boolean;
}

/** PostgreSQL, "4.1. Lexical Structure", with standard_conforming_strings on (its default). */
export const POSTGRES: Dialect = {
  nestedComments: true,
  dashesNeedSpace: false,
  returnsEndLines: true,
  hashComments: false,
  executableComments: false,
  dollarQuotes: true,
  backslashEscapes: false,
  doubleQuotedTexts: false,
};

/** MySQL Reference Manual, "11.1.1 String Literals" and "11.7 Comments", in its default SQL mode. */
export const MYSQL: Dialect = {
  nestedComments: false,
  dashesNeedSpace: true,
  returnsEndLines: false,
  hashComments: true,
  executableComments: true,
  dollarQuotes: false,
  backslashEscapes: true,
  doubleQuotedTexts: true,
};
