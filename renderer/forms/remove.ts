import { isMap, isSeq, type Node, type Pair, type YAMLMap, type YAMLSeq } from 'yaml';
import { find, length, parse, type Path, type Source } from './document.ts';
import { endOfItem, set } from './edit.ts';
import {
  applied,
  type Change,
  columnOf,
  commentsIn,
  contentEnd,
  dashOf,
  eolOf,
  isFirstOnLine,
  isFlow,
  lineEnd,
  lineStart,
  nextLine,
  startOf,
} from './places.ts';

/**
 * Takes away, moves and copies what a form shows, as changes of the text. The comments of a field that is taken away stay
 * as lines of their own; those inside an item of a list go with it.
 */

/** Takes a field, an entry or an item away. No change when it is not there. */
export function remove(source: Source, path: Path): readonly Change[] {
  const { parent, pair, node, missing } = find(source, path);
  if (missing > 0) return [];
  if (isMap(parent) && pair !== null)
    return isFlow(parent)
      ? fromBrackets(source, parent, parent.items.indexOf(pair))
      : fromMapping(source, parent, pair);
  const last = path.at(-1);
  if (!isSeq(parent) || typeof last !== 'number') return [];
  return isFlow(parent) ? fromBrackets(source, parent, last) : fromList(source, parent, last, node);
}

/** Takes an entry or an item away, and the field it stands in when it was the last. */
export function removeEntry(source: Source, path: Path): readonly Change[] {
  const owner = path.slice(0, -1);
  return remove(source, length(source, owner) > 1 ? path : owner);
}

function fromMapping({ text }: Source, map: YAMLMap, pair: Pair): readonly Change[] {
  const eol = eolOf(text);
  const start = startOf(pair);
  const indent = ' '.repeat(columnOf(text, start));
  const end = contentEnd(pair);
  const block = text[end - 1] === '\n';
  const stop = block ? end : lineEnd(text, end);
  const kept = commentsIn([pair.srcToken?.key, pair.srcToken?.sep, pair.srcToken?.value], start, stop).map(
    (comment) => comment.text,
  );
  if (isFirstOnLine(text, start)) {
    const lines = kept.map((comment) => indent + comment + eol).join('');
    const from = lineStart(text, start);
    const to = block ? end : nextLine(text, stop);
    if (lines !== '') return [{ from, to, insert: to === stop && !block ? lines.slice(0, -eol.length) : lines }];
    // The last line of a text that ends without a line's end takes the one before it along.
    const lead = to === text.length && !text.endsWith('\n') && from > 0 ? from - eol.length : from;
    return [{ from: lead, to: withoutDoubleGap(text, from, to), insert: '' }];
  }
  // It shares its line with a dash: what follows moves up to it.
  const next = map.items[map.items.indexOf(pair) + 1];
  if (kept.length === 0 && next !== undefined) {
    const between = text.slice(stop, startOf(next));
    if (!between.includes('#')) return [{ from: start, to: startOf(next), insert: '' }];
  }
  return [{ from: start, to: stop, insert: kept.join(eol + indent) + (block ? eol : '') }];
}

function fromList({ text }: Source, list: YAMLSeq, index: number, node: Node | null): readonly Change[] {
  const dash = dashOf(list, index);
  const end = endOfItem(list, index);
  const from = lineStart(text, dash);
  if (!isFirstOnLine(text, dash))
    return [{ from: dash + 1, to: Math.max(dash + 1, node === null ? 0 : end), insert: '' }];
  const to = text[end - 1] === '\n' ? end : nextLine(text, end);
  const lead = to === text.length && !text.endsWith('\n') && from > 0 ? from - eolOf(text).length : from;
  return [{ from: lead, to: withoutDoubleGap(text, from, to), insert: '' }];
}

/** The end of what is removed, with the empty line after it when there is one before it too. */
function withoutDoubleGap(text: string, from: number, to: number): number {
  const before = text.slice(lineStart(text, Math.max(0, from - 1)), Math.max(0, from - 1));
  const after = text.slice(to, nextLine(text, to));
  return from > 0 && before.trim() === '' && after.endsWith('\n') && after.trim() === '' ? to + after.length : to;
}

const beginOf = (item: unknown): number =>
  item === null ? 0 : 'key' in (item as object) ? startOf(item as Pair) : ((item as Node).range?.[0] ?? 0);

function fromBrackets({ text }: Source, owner: YAMLMap | YAMLSeq, index: number): readonly Change[] {
  const item = owner.items[index] as Node | Pair;
  const [start, end] = [beginOf(item), contentEnd(item)];
  const token = 'key' in item ? [(item as Pair).srcToken?.sep, (item as Pair).srcToken?.value] : item.srcToken;
  const indent = eolOf(text) + ' '.repeat(columnOf(text, start));
  const kept = commentsIn(token, start, end)
    .map(({ text: comment }) => comment + indent)
    .join('');
  const next = owner.items[index + 1];
  const previous = owner.items[index - 1] as Node | Pair | undefined;
  const comma = /^[^,]*?,/.exec(
    uncommented(text.slice(end, next === undefined ? owner.range?.[1] : beginOf(next))),
  )?.[0].length;
  if (next !== undefined) {
    const clear = !text.slice(end, beginOf(next)).includes('#');
    return [{ from: start, to: clear ? beginOf(next) : end + (comma ?? 0), insert: kept }];
  }
  if (
    previous !== undefined &&
    comma === undefined &&
    kept === '' &&
    !text.slice(contentEnd(previous), start).includes('#')
  ) {
    return [{ from: contentEnd(previous), to: end, insert: '' }];
  }
  const blanks = /^[ \t]*/.exec(text.slice(end + (comma ?? 0)))?.[0].length ?? 0;
  return [{ from: start, to: end + (comma ?? 0) + (previous === undefined && kept === '' ? blanks : 0), insert: kept }];
}
/** The same text with blanks in the place of comments. */
const uncommented = (text: string): string => text.replace(/(^|\s)#.*/g, (comment) => ' '.repeat(comment.length));

/** Puts an item of a list in another place. Comments right above an item go with it; those apart stay. */
export function move(source: Source, path: Path, from: number, to: number): readonly Change[] {
  const { node, missing } = find(source, path);
  if (missing > 0 || !isSeq(node) || from === to || from < 0 || to < 0 || Math.max(from, to) >= node.items.length)
    return [];
  const { text } = source;
  const parts = node.items.map((item, index) =>
    isFlow(node) ? { from: beginOf(item), to: contentEnd(item as Node) } : blockOf(text, node, index),
  );
  const order = parts.map((_, index) => index);
  order.splice(to, 0, ...order.splice(from, 1));
  const eol = eolOf(text);
  const body = (index: number): string => {
    const { from: begin = 0, to: end = 0 } = parts[index] ?? {};
    return text.slice(begin, end);
  };
  return parts.flatMap((part, index) => {
    const insert = body(order[index] ?? index);
    if (insert === body(index)) return [];
    // The last line of a text may end without a line's end.
    const whole = isFlow(node) ? insert : insert.replace(/\r?\n$/, '') + (/\n$/.test(body(index)) ? eol : '');
    return [{ from: part.from, to: part.to, insert: whole }];
  });
}

/** The lines of an item of a block list, with the comments right above it. */
function blockOf(text: string, list: YAMLSeq, index: number): { readonly from: number; readonly to: number } {
  const end = endOfItem(list, index);
  let from = lineStart(text, dashOf(list, index));
  // The first item may share its line with a key; then nothing above it is its own.
  while (
    index > 0 &&
    from > 0 &&
    /^[ \t]*#/.test(text.slice(lineStart(text, from - 1), from)) &&
    lineStart(text, from - 1) >= endOfItem(list, index - 1)
  ) {
    from = lineStart(text, from - 1);
  }
  return { from, to: text[end - 1] === '\n' ? end : nextLine(text, end) };
}

/** Copies an item of a list behind itself; the copy gets another name. */
export function duplicate(source: Source, path: Path, index: number, name: string): readonly Change[] {
  const { node, missing } = find(source, path);
  if (missing > 0 || !isSeq(node)) return [];
  const { text } = source;
  const eol = eolOf(text);
  const flow = isFlow(node);
  const item = node.items[index];
  const [from, to] = flow
    ? [beginOf(item), contentEnd(item as Node)]
    : [lineStart(text, dashOf(node, index)), endOfItem(node, index)];
  const body = text.slice(from, to);
  const lone = parse(flow ? `items: [${body}]` : `items:${eol}${body}`);
  if (!lone.ok) return [];
  const renamed = applied(lone.source.text, set(lone.source, ['items', 0, 'name'], name));
  if (flow) return [{ from: to, to, insert: `, ${renamed.slice('items: ['.length, -1)}` }];
  const copy = renamed.slice(`items:${eol}`.length);
  if (text[to - 1] === '\n') return [{ from: to, to, insert: copy }];
  const at = lineEnd(text, to);
  return [{ from: at, to: at, insert: eol + copy }];
}
