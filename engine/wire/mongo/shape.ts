import { Elements, TYPE } from './elements.ts';

/** Most characters of a shape that are shown, and how deep it is followed. */
const LONGEST = 1_024;
const DEEPEST = 8;
/** Keys that say nothing of what a command does. */
const HIDDEN = new Set(['lsid', '$clusterTime', 'signature', 'txnNumber', 'apiVersion', '$readPreference']);

/**
 * A command without its values: `{ find: "orders", filter: { total: { $gt: ? } }, $db: "shop" }`. Only the first value of
 * the command (its collection) and its database are shown.
 */
export function shapeOf(bytes: Buffer, start: number, end: number): string {
  const shape = documentShape(bytes, start, end, 0);
  return shape.length <= LONGEST ? shape : `${shape.slice(0, LONGEST - 1)}…`;
}

function documentShape(bytes: Buffer, start: number, end: number, depth: number): string {
  const elements = new Elements().open(bytes, start, end);
  const parts: string[] = [];
  for (let size = 0; size < LONGEST && elements.next(); size += (parts.at(-1) ?? '').length) {
    if (depth === 0 && HIDDEN.has(elements.key)) continue;
    const shown = depth === 0 && elements.type === TYPE.string && (parts.length === 0 || elements.keyIs('$db') || elements.keyIs('collection'));
    const value = shown ? JSON.stringify(elements.text) : valueShape(bytes, elements, depth + 1);
    parts.push(`${elements.key}: ${value}`);
  }
  if (elements.broken) parts.push('…');
  return parts.length === 0 ? '{}' : `{ ${parts.join(', ')} }`;
}

function valueShape(bytes: Buffer, { type, valueStart, valueEnd }: Elements, depth: number): string {
  if (depth >= DEEPEST) return '…';
  if (type === TYPE.document) return documentShape(bytes, valueStart, valueEnd, depth);
  if (type !== TYPE.array) return '?';
  const elements = new Elements().open(bytes, valueStart, valueEnd);
  const parts: string[] = [];
  for (let size = 0; size < LONGEST && elements.next(); size += (parts.at(-1) ?? '').length) {
    const shape = valueShape(bytes, elements, depth + 1);
    // Many values of one shape are one.
    if (shape !== parts.at(-1)) parts.push(shape);
  }
  return `[${parts.join(', ')}]`;
}
