/** What a regular expression consists of, over bytes of UTF-8 whose ASCII letters are capitals. */
export type Node =
  /** One byte of those that are 1 in the set of 256. */
  | { readonly kind: 'byte'; readonly set: Uint8Array }
  | { readonly kind: 'all-of'; readonly nodes: readonly Node[] }
  | { readonly kind: 'any-of'; readonly nodes: readonly Node[] }
  | { readonly kind: 'repeat'; readonly node: Node; readonly min: number; readonly max: number }
  | { readonly kind: 'assert'; readonly what: Assertion };
/** `boundary`: of a word of ASCII letters, digits, `_`, and whatever is beyond ASCII. */
export type Assertion = 'start' | 'end' | 'boundary' | 'inside';

/** Why a text is no regular expression of this kind; its message completes "because ...". */
export class BadPattern extends Error {}

export const EMPTY: Node = { kind: 'all-of', nodes: [] };
export const asserts = (what: Assertion): Node => ({ kind: 'assert', what });

const where = (holds: (char: string) => boolean): Uint8Array =>
  Uint8Array.from({ length: 128 }, (_, byte) => (holds(String.fromCharCode(byte)) ? 1 : 0));
const matching = (pattern: RegExp): Uint8Array => where((char) => pattern.test(char));

/** Sets of ASCII. */
export const DIGITS = matching(/\d/);
export const SPACES = matching(/[\t\n\f\r ]/);
export const WORDS = matching(/\w/);
export const POSIX: Readonly<Record<string, Uint8Array>> = {
  alnum: matching(/[0-9A-Za-z]/), alpha: matching(/[A-Za-z]/), blank: matching(/[\t ]/), digit: DIGITS, lower: matching(/[a-z]/),
  punct: matching(/[!-/:-@[-`{-~]/), space: matching(/[\t-\r ]/), upper: matching(/[A-Z]/), word: WORDS, xdigit: matching(/[0-9A-Fa-f]/),
};

/** The classes that an escape stands for. */
export const ESCAPED: Readonly<Record<string, () => Node>> = {
  d: () => classNode(DIGITS, [], false), D: () => classNode(DIGITS, [], true),
  s: () => classNode(SPACES, [], false), S: () => classNode(SPACES, [], true),
  w: () => classNode(WORDS, [], false), W: () => classNode(WORDS, [], true),
  b: () => asserts('boundary'), B: () => asserts('inside'), A: () => asserts('start'), z: () => asserts('end'),
};

const byteNode = (...ranges: readonly (readonly [number, number])[]): Node => {
  const set = new Uint8Array(256);
  for (const [from, to] of ranges) set.fill(1, from, to + 1);
  return { kind: 'byte', set };
};
const CONTINUES: Node = { kind: 'repeat', node: byteNode([0x80, 0xbf]), min: 0, max: Infinity };
/** Any character beyond ASCII: its first byte and those that continue it. A text need not be UTF-8: then any byte is one. */
const BEYOND: Node = { kind: 'any-of', nodes: [{ kind: 'all-of', nodes: [byteNode([0xc0, 0xff]), CONTINUES] }, byteNode([0x80, 0xbf])] };
export const ANY: Node = { kind: 'any-of', nodes: [byteNode([0, 0x7f]), BEYOND] };

/** One character, in either case. */
export function charNode(char: string): Node {
  const code = char.codePointAt(0) as number;
  if (code < 0x80) return byteNode([upper(code), upper(code)]);
  const forms = [...new Set([char, char.toUpperCase(), char.toLowerCase()])].map(sequenceOf);
  return forms.length === 1 ? (forms[0] as Node) : { kind: 'any-of', nodes: forms };
}
const sequenceOf = (text: string): Node => ({ kind: 'all-of', nodes: [...new TextEncoder().encode(text)].map((byte) => byteNode([byte, byte])) });
const upper = (code: number): number => (code >= 0x61 && code <= 0x7a ? code - 32 : code);

/** One character of the set (of ASCII) or of the singles, or any other one. */
export function classNode(ascii: Uint8Array, singles: Iterable<string>, negated: boolean): Node {
  const set = new Uint8Array(256);
  const beyond: string[] = [];
  for (let code = 0; code < 128; code++) if (ascii[code] === 1) set[upper(code)] = 1;
  for (const char of singles) {
    const code = char.codePointAt(0) as number;
    if (code < 0x80) set[upper(code)] = 1;
    else beyond.push(char);
  }
  if (!negated) {
    const one: Node = { kind: 'byte', set };
    return beyond.length === 0 ? one : { kind: 'any-of', nodes: [one, ...beyond.map(charNode)] };
  }
  if (beyond.length > 0) throw new BadPattern(`[^${beyond[0]}] leaves out a letter beyond ASCII, which is not understood`);
  const others = set.map((flag, byte) => (byte < 0x80 ? 1 - flag : 0));
  return { kind: 'any-of', nodes: [{ kind: 'byte', set: others }, BEYOND] };
}
