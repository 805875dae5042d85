import { isMap, isScalar, type Pair, parseDocument, type Scalar } from 'yaml';

/** Writes values as YAML. */

/** A value that is written as it is typed: a number, a duration, `true`. What plain YAML cannot hold is quoted. */
export class Raw {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}
export type Plain = string | Raw | readonly Plain[] | { readonly [key: string]: Plain };
export type Leaf = string | Raw;

/** Where a scalar will stand: what it may not contain differs. */
export interface Place {
  readonly flow: boolean;
  /** Columns before the lines of a block scalar. */
  readonly indent: number;
  /** How the value before it was written; kept where it can hold the new one. */
  readonly style?: Scalar.Type | undefined;
  readonly eol?: string;
}

/** The text of a scalar; a block scalar comes without its last line's end. */
export function writeLeaf(value: Leaf, { flow, indent, style, eol = '\n' }: Place): string {
  if (value instanceof Raw) {
    const { text } = value;
    if (text !== '' && reads(text, flow, ({ source, type }) => type === 'PLAIN' && source === text)) return text;
    return writeLeaf(text, { flow, indent, eol });
  }
  const same = ({ value: read }: Scalar): boolean => read === value;
  const block =
    style === 'BLOCK_LITERAL' || style === 'BLOCK_FOLDED' || (style !== 'QUOTE_DOUBLE' && value.includes('\n'));
  const literal = block && !flow ? literalOf(value, indent) : undefined;
  if (literal !== undefined && readsBlock(literal, value)) return literal.replaceAll('\n', eol);
  const single = `'${value.replaceAll("'", "''")}'`;
  const oneLine = !/[\n\r]/.test(value);
  const candidates = style === 'QUOTE_DOUBLE' ? [] : style === 'QUOTE_SINGLE' ? [single] : [value, single];
  // A text with quotes inside reads better in the other kind.
  if (!(style === 'QUOTE_SINGLE') && !value.includes('"') && !value.includes('\\'))
    candidates.splice(1, 0, doubleOf(value));
  const fits = oneLine ? candidates.find((text) => text !== '' && reads(text, flow, same)) : undefined;
  return fits ?? doubleOf(value);
}

/** JSON is YAML, but for characters that JSON leaves bare and a YAML stream may not hold. */
const doubleOf = (value: string): string =>
  JSON.stringify(value).replace(
    /[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

function literalOf(value: string, indent: number): string | undefined {
  if (!/\S/.test(value) || /[\r\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/.test(value))
    return undefined;
  const body = value.replace(/\n$/, '');
  // Trailing empty lines and a first line with blanks would need signs that few people know.
  if (body.endsWith('\n') || /^[ \t\n]/.test(body)) return undefined;
  const pad = ' '.repeat(indent);
  const lines = body.split('\n').map((line) => (line === '' ? '' : pad + line));
  return [`|${value.endsWith('\n') ? '' : '-'}`, ...lines].join('\n');
}

function reads(text: string, flow: boolean, right: (scalar: Scalar) => boolean): boolean {
  const node = valueOf(flow ? `{ k: ${text} }` : `k: ${text}\n`);
  return node !== undefined && right(node);
}
const readsBlock = (text: string, value: string): boolean => valueOf(`k: ${text}\nl: 1\n`)?.value === value;

function valueOf(yaml: string): Scalar | undefined {
  const { contents, errors, warnings } = parseDocument(yaml, { prettyErrors: false, logLevel: 'silent' });
  if (errors.length + warnings.length > 0 || !isMap(contents)) return undefined;
  const { value, key } = contents.items[0] as Pair;
  // A comment or a tag would mean that part of the text is not in the value.
  return isScalar(key) &&
    key.value === 'k' &&
    isScalar(value) &&
    value.comment == null &&
    value.tag === undefined &&
    value.anchor === undefined
    ? value
    : undefined;
}

/** A key of a mapping, quoted where it must be. */
export const writeKey = (key: string): string => {
  const { contents, errors } = parseDocument(`${key}: 1\n`, { prettyErrors: false, logLevel: 'silent' });
  const plain = errors.length === 0 && isMap(contents) && contents.items.length === 1 && /^[\w][\w.\-/]*$/.test(key);
  const first = plain ? (contents.items[0] as Pair).key : undefined;
  return isScalar(first) && first.value === key ? key : doubleOf(key);
};

const isLeaf = (value: Plain): value is Leaf => typeof value === 'string' || value instanceof Raw;
const isList = (value: Plain): value is readonly Plain[] => Array.isArray(value);

/** A value in one line, for inside brackets. */
export function writeFlow(value: Plain): string {
  if (isLeaf(value)) return writeLeaf(value, { flow: true, indent: 0 });
  if (isList(value)) return value.length === 0 ? '[]' : `[${value.map(writeFlow).join(', ')}]`;
  const pairs = Object.entries(value).map(([key, inner]) => `${writeKey(key)}: ${writeFlow(inner)}`);
  return pairs.length === 0 ? '{}' : `{ ${pairs.join(', ')} }`;
}

/** What follows `key:`, in lines of their own where it has several; `column` is that of the key. Begins with a blank or a line's end. */
export function writeAfterKey(value: Plain, column: number, eol: string): string {
  if (isLeaf(value)) return ` ${writeLeaf(value, { flow: false, indent: column + 2, eol })}`;
  if ((isList(value) ? value : Object.keys(value)).length === 0) return ` ${writeFlow(value)}`;
  return `${eol}${' '.repeat(column + 2)}${writeBlock(value, column + 2, eol)}`;
}

/** A value whose first line begins at `column`; the first line's indentation is the caller's. */
export function writeBlock(value: Plain, column: number, eol: string): string {
  const next = `${eol}${' '.repeat(column)}`;
  if (isLeaf(value)) return writeLeaf(value, { flow: false, indent: column, eol });
  if (isList(value))
    return value.length === 0 ? '[]' : value.map((item) => `- ${writeBlock(item, column + 2, eol)}`).join(next);
  const pairs = Object.entries(value);
  return pairs.length === 0
    ? '{}'
    : pairs.map(([key, inner]) => `${writeKey(key)}:${writeAfterKey(inner, column, eol)}`).join(next);
}
