import { isMap, isScalar, isSeq, type Node, type Pair, type Scalar, type YAMLMap, type YAMLSeq } from 'yaml';
import { snake } from '../../engine/contract/sections.ts';
import { fieldsAt } from './catalogue.ts';
import { find, type Found, keyOf, type Path, read, readNode, type Source } from './document.ts';
import {
  type Change,
  columnOf,
  contentEnd,
  dashOf,
  eolOf,
  isFirstOnLine,
  isFlow,
  lastComma,
  lineEnd,
  lineStart,
  startOf,
} from './places.ts';
import { type Leaf, type Plain, Raw, writeAfterKey, writeBlock, writeFlow, writeKey, writeLeaf } from './scalar.ts';

/**
 * What a form writes, as changes of the text: the characters of the value and nothing else. Lines that are not meant
 * stay as they are, to the byte; comments, order, quotes and empty lines with them. Removal is in remove.ts.
 */

const pad = (columns: number): string => ' '.repeat(columns);

/**
 * Gives a field a value, and writes the field (and what it stands in) when it is not there.
 * @param style how the text was written when the person began to type; the present way when absent.
 * @returns no change when the value is there already, or when a mapping or list stands in its place.
 */
export function set(source: Source, path: Path, value: Leaf, style?: Scalar.Type): readonly Change[] {
  const found = find(source, path);
  if (found.missing > 0) return put(source, path, value);
  const { node } = found;
  if (isMap(node) || isSeq(node)) return [];
  const { text, style: before } = readNode(node);
  if (before !== undefined && text === (value instanceof Raw ? value.text : value)) return [];
  const flow = isFlow(found.parent);
  const { text: all } = source;
  const column = found.pair !== null ? columnOf(all, startOf(found.pair)) : columnOf(all, node?.range?.[0] ?? 0) - 2;
  const eol = eolOf(all);
  const written = writeLeaf(value, { flow, indent: Math.max(1, column + 2), style: style ?? before, eol });
  if (!isScalar(node) || before === undefined) return [fillScalar(source, found, written)];
  const [from = 0, to = from] = node.range ?? [];
  return [replaced(all, from, to, written, before === 'BLOCK_LITERAL' || before === 'BLOCK_FOLDED', eol)];
}

/** Puts a written scalar in the place of another; the comment of its line stays on it. */
function replaced(text: string, from: number, to: number, written: string, wasBlock: boolean, eol: string): Change {
  const [head = '', ...body] = written.split(eol);
  if (wasBlock) {
    const comment = /\s#.*$/.exec(text.slice(from, lineEnd(text, from)))?.[0].trimEnd() ?? '';
    const end = text[to - 1] === '\n' ? eol : '';
    return { from, to, insert: [head + comment, ...body].join(eol) + end };
  }
  if (body.length === 0) return { from, to, insert: written };
  const rest = lineEnd(text, to);
  return { from, to: rest, insert: [head + text.slice(to, rest).trimEnd(), ...body].join(eol) };
}

/** Writes a scalar where a key or a dash has none. */
function fillScalar(source: Source, { parent, pair, node }: Found, written: string): Change {
  const { text } = source;
  const at = afterMark(source, parent, pair, node);
  // A key in brackets may stand without its colon.
  const lead = pair !== null && !hasColon(pair) ? ': ' : ' ';
  const { insert, ...where } = replaced(text, at, at, written, false, eolOf(text));
  return { ...where, insert: lead + insert };
}
const hasColon = (pair: Pair): boolean => pair.srcToken?.sep?.some(({ type }) => type === 'map-value-ind') === true;

/** Right after the colon or dash that awaits a value. */
function afterMark({ text }: Source, parent: Found['parent'], pair: Pair | null, node: Node | null): number {
  const colon = pair?.srcToken?.sep?.find(({ type }) => type === 'map-value-ind');
  if (colon !== undefined) return colon.offset + 1;
  if (pair !== null) return (pair.key as Node).range?.[1] ?? 0;
  if (isSeq(parent) && !isFlow(parent)) return dashOf(parent, parent.items.indexOf(node)) + 1;
  return node?.range?.[0] ?? text.length;
}

/** Writes a value at a path that is not in the file, with whatever it stands in. */
export function put(source: Source, path: Path, value: Plain): readonly Change[] {
  const found = find(source, path);
  if (found.missing === 0) return [];
  const known = path.slice(0, path.length - found.missing);
  const [first = '', ...rest] = path.slice(known.length);
  const camel = speaksCamel(source, found.node);
  const word = (step: string | number): string => (camel ? String(step) : snake(String(step)));
  const nested = rest.reduceRight<Plain>(
    (inner, step) => (typeof step === 'number' ? [inner] : { [word(step)]: inner }),
    value,
  );
  if (typeof first === 'number') return insertItem(source, known, first, nested);
  return addPair(source, known, word(first), nested);
}

/** Adds an entry to a mapping with free keys; it and what it stands in are written when they are not there. */
export function addEntry(source: Source, path: Path, key: string, value: Leaf): readonly Change[] {
  return find(source, path).missing > 0 ? put(source, path, { [key]: value }) : addPair(source, path, key, value);
}

/** Writes the key of an entry anew. */
export function rename(source: Source, path: Path, key: string): readonly Change[] {
  const { pair, missing } = find(source, path);
  const range = (pair?.key as Node | null | undefined)?.range;
  if (missing > 0 || pair === null || range == null || (isScalar(pair.key) && pair.key.value === key)) return [];
  return [{ from: range[0], to: range[1], insert: writeKey(key) }];
}

/** A file that spells its fields in camelCase gets new ones in camelCase. */
function speaksCamel({ root }: Source, near: Node | null): boolean {
  const keys = [...(isMap(near) ? near.items : []), ...(root?.items ?? []), ...firstPolicy(root)].map(
    (pair) => keyOf(pair) ?? '',
  );
  const first = keys.find((key) => /[a-z][A-Z]|[a-z]_[a-z]/.test(key));
  return first !== undefined && !first.includes('_');
}
function firstPolicy(root: YAMLMap | null): readonly Pair[] {
  const list = root?.items.find((pair) => keyOf(pair) === 'policies')?.value;
  const policy: unknown = isSeq(list) ? list.items[0] : undefined;
  return isMap(policy) ? policy.items : [];
}

function addPair(source: Source, path: Path, key: string, value: Plain): readonly Change[] {
  const { text, root } = source;
  const eol = eolOf(text);
  const found = find(source, path);
  const { node } = found;
  if (root === null) {
    const lead = text === '' || text.endsWith('\n') ? '' : eol;
    return [
      { from: text.length, to: text.length, insert: `${lead}${writeKey(key)}:${writeAfterKey(value, 0, eol)}${eol}` },
    ];
  }
  if (!isMap(node)) return node === null || isScalar(node) ? fillCompound(source, found, { [key]: value }) : [];
  if (isFlow(node)) return flowInsert(source, found, node, `${writeKey(key)}: ${writeFlow(value)}`, { [key]: value });
  const before = predecessor(source, path, node, key);
  const first = node.items[0];
  if (first === undefined) return [];
  const column = columnOf(text, startOf(first));
  const line = `${writeKey(key)}:${writeAfterKey(value, column, eol)}`;
  if (before === undefined)
    return [{ from: startOf(first), to: startOf(first), insert: `${line}${eol}${pad(column)}` }];
  // Sections stand apart.
  const gap = path.length === 0 && line.includes('\n') ? eol : '';
  return [lineAfter(text, contentEnd(before), gap + pad(column) + line, eol)];
}

/** A new line after the one in which something ends. */
function lineAfter(text: string, end: number, line: string, eol: string): Change {
  // What ends at the start of a line is a block scalar; its last line is the one before.
  if (end > 0 && text[end - 1] === '\n') return { from: end, to: end, insert: line + eol };
  const at = lineEnd(text, end);
  return { from: at, to: at, insert: eol + line };
}

/** The entry after which a key stands in the order of the catalogue: the last one of a mapping that the catalogue does not know. */
function predecessor(source: Source, path: Path, map: YAMLMap, key: string): Pair | undefined {
  const order = fieldsAt(path, (where) => read(source, [...where, 'type']).text)?.map(({ name }) => snake(name));
  const rank = (word: string): number => order?.indexOf(snake(word)) ?? -1;
  if (rank(key) === -1) return map.items.at(-1);
  let best: Pair | undefined;
  let most = -1;
  for (const pair of map.items) {
    const own = rank(keyOf(pair) ?? '');
    if (own >= most && own < rank(key) && own !== -1) [best, most] = [pair, own];
  }
  return best;
}

/** Writes a mapping or list where a key or a dash has no value. */
function fillCompound(source: Source, found: Found, value: Plain): readonly Change[] {
  const { text } = source;
  const eol = eolOf(text);
  const { parent, pair, node } = found;
  const at = afterMark(source, parent, pair, node);
  if (isFlow(parent))
    return [{ from: at, to: at, insert: `${pair !== null && !hasColon(pair) ? ':' : ''} ${writeFlow(value)}` }];
  const column = (pair !== null ? columnOf(text, startOf(pair)) : columnOf(text, at - 1)) + 2;
  const end = lineEnd(text, at);
  // Behind the comment of the line, if it has one.
  if (pair !== null || text.slice(at, end).trim() !== '')
    return [{ from: end, to: end, insert: eol + pad(column) + writeBlock(value, column, eol) }];
  return [{ from: at, to: end, insert: ` ${writeBlock(value, column, eol)}` }];
}

/** Puts an item or entry behind the last one in brackets. `block` is what to write instead of empty brackets. */
function flowInsert(
  source: Source,
  found: Found,
  node: YAMLMap | YAMLSeq,
  written: string,
  block: Plain,
): readonly Change[] {
  const { text } = source;
  const [from = 0, to = from] = node.range ?? [];
  const last = node.items.at(-1) as Node | Pair | null | undefined;
  if (last === undefined) {
    const compound = typeof block === 'object' && !(block instanceof Raw) && written.startsWith('{');
    if (
      compound &&
      found.pair !== null &&
      !isFlow(found.parent) &&
      /^[[{]\s*[\]}]$/.test(text.slice(from, to)) &&
      !text.slice(from, to).includes('\n')
    ) {
      const eol = eolOf(text);
      const column = columnOf(text, startOf(found.pair));
      const end = lineEnd(text, to);
      return [{ from: from - 1, to: end, insert: text.slice(to, end).trimEnd() + writeAfterKey(block, column, eol) }];
    }
    const inside = isMap(node) ? ` ${written} ` : written;
    // Comments inside empty brackets stand before the new item.
    return text.slice(from + 1, to - 1).trim() === ''
      ? [{ from: from + 1, to: to - 1, insert: inside }]
      : [{ from: to - 1, to: to - 1, insert: inside.trimStart() }];
  }
  const end = contentEnd(last);
  const begin = 'key' in (last ?? {}) ? startOf(last as Pair) : ((last as Node).range?.[0] ?? end);
  const lead = isFirstOnLine(text, begin) ? eolOf(text) + pad(columnOf(text, begin)) : ' ';
  const comma = lastComma(node);
  if (comma !== undefined) return [{ from: comma + 1, to: comma + 1, insert: `${lead}${written},` }];
  return [{ from: end, to: end, insert: `,${lead}${written}` }];
}

/** Puts an item into a list, which is written when it is not there. @param index where it will stand. */
export function insertItem(source: Source, path: Path, index: number, value: Plain): readonly Change[] {
  const found = find(source, path);
  if (found.missing > 0) return put(source, path, [value]);
  const { node } = found;
  const { text } = source;
  const eol = eolOf(text);
  if (!isSeq(node)) return node === null || isScalar(node) ? fillCompound(source, found, [value]) : [];
  if (isFlow(node)) return flowInsert(source, found, node, writeFlow(value), [value]);
  const column = columnOf(text, dashOf(node, 0));
  const item = `${pad(column)}- ${writeBlock(value, column + 2, eol)}`;
  if (index <= 0) {
    const from = lineStart(text, dashOf(node, 0));
    if (isFirstOnLine(text, dashOf(node, 0))) return [{ from, to: from, insert: item + eol }];
  }
  const after = Math.min(Math.max(index, 1), node.items.length) - 1;
  return [lineAfter(text, endOfItem(node, after), (standApart(text, node) ? eol : '') + item, eol)];
}

/** Where an item of a block list ends. */
export const endOfItem = (list: YAMLSeq, index: number): number =>
  Math.max(dashOf(list, index) + 1, contentEnd((list.items[index] ?? null) as Node | null));

/** Whether empty lines lie between the items of a list. */
function standApart(text: string, list: YAMLSeq): boolean {
  const last = list.items.length - 1;
  return last > 0 && /\n[ \t]*\r?\n/.test(text.slice(endOfItem(list, last - 1) - 1, dashOf(list, last)));
}
