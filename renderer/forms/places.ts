import { type CST, isMap, isScalar, isSeq, type Node, type Pair, type YAMLMap, type YAMLSeq } from 'yaml';

/** Where things stand in a text: lines, ends of values, comments. Offsets count UTF-16 units, as everywhere in the page. */

/** A change of a text. Several together are given in the order of the text and do not overlap. */
export interface Change {
  readonly from: number;
  readonly to: number;
  readonly insert: string;
}

/** The text after changes that came together. */
export function applied(text: string, changes: readonly Change[]): string {
  let result = '';
  let at = 0;
  for (const { from, to, insert } of changes) {
    result += text.slice(at, from) + insert;
    at = to;
  }
  return result + text.slice(at);
}

export const eolOf = (text: string): string => (text.includes('\r\n') ? '\r\n' : '\n');
export const lineStart = (text: string, at: number): number => text.lastIndexOf('\n', at - 1) + 1;
/** Before the characters that end the line. */
export function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  if (end === -1) return text.length;
  return end > at && text[end - 1] === '\r' ? end - 1 : end;
}
/** The beginning of the next line, or the end of the text. */
export function nextLine(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end === -1 ? text.length : end + 1;
}
export const columnOf = (text: string, at: number): number => at - lineStart(text, at);
/** Whether nothing but blanks stands before it on its line. */
export const isFirstOnLine = (text: string, at: number): boolean => text.slice(lineStart(text, at), at).trim() === '';

export type Collection = YAMLMap | YAMLSeq;
export const isFlow = (node: unknown): boolean => (isMap(node) || isSeq(node)) && node.flow === true;

/** Where the content of a value ends, without the comments and empty lines after it. A block scalar ends at the start of a line. */
export function contentEnd(node: Node | Pair | null): number {
  if (node === null) return 0;
  if ('key' in node) {
    const { key, value, srcToken } = node as Pair<Node, Node | null>;
    const colon = srcToken?.sep?.find(({ type }) => type === 'map-value-ind');
    return Math.max(key?.range?.[1] ?? 0, colon === undefined ? 0 : colon.offset + 1, contentEnd(value));
  }
  if (!isScalar(node) && !isFlow(node) && (isMap(node) || isSeq(node))) {
    const last = node.items.at(-1);
    // A dash without a value ends after the dash.
    const dash = isSeq(node) ? dashOf(node, node.items.length - 1) + 1 : 0;
    if (last !== undefined) return Math.max(dash, contentEnd(last as Node | Pair | null));
  }
  return node.range?.[1] ?? 0;
}
export const startOf = (pair: Pair): number => (pair.key as Node | null)?.range?.[0] ?? 0;

/** The items of the token behind a collection that hold something, in step with its nodes. */
function tokensOf(node: Collection): readonly CST.CollectionItem[] {
  const token = node.srcToken as CST.BlockSequence | CST.BlockMap | CST.FlowCollection | undefined;
  return (token?.items ?? []) as readonly CST.CollectionItem[];
}
/** Where the dash of an item of a block list is. */
export function dashOf(list: YAMLSeq, index: number): number {
  let seen = -1;
  for (const { start } of tokensOf(list)) {
    const dash = start.find(({ type }) => type === 'seq-item-ind');
    if (dash !== undefined && ++seen === index) return dash.offset;
  }
  return (list.items[index] as Node | undefined)?.range?.[0] ?? 0;
}
/** The comma after the last item in brackets, when there is one. */
export function lastComma(node: Collection): number | undefined {
  const last = tokensOf(node).at(-1);
  return last?.key === undefined && last?.value === undefined
    ? last?.start.find(({ type }) => type === 'comma')?.offset
    : undefined;
}

/** A comment, without the blanks around it. */
export interface Comment {
  readonly offset: number;
  readonly text: string;
}

/** Every comment of a token and below it that lies in [from, to), in order. */
export function commentsIn(token: unknown, from: number, to: number): readonly Comment[] {
  const found: Comment[] = [];
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(walk);
    if (typeof value !== 'object' || value === null) return;
    const { type, offset, source } = value as { type?: string; offset?: number; source?: string };
    if (type === 'comment' && offset !== undefined && source !== undefined) {
      if (offset >= from && offset < to) found.push({ offset, text: source.trimEnd() });
      return;
    }
    for (const part of ['start', 'props', 'key', 'sep', 'value', 'items', 'end'])
      walk((value as Record<string, unknown>)[part]);
  };
  walk(token);
  return found.sort((a, b) => a.offset - b.offset);
}
