import { isScalar, type Node } from 'yaml';
import { type ConditionError } from './expression.ts';
import { type Entry, type Reader } from './reader.ts';

/** Reports what is wrong with a condition at the character where it goes wrong. */
export function rejectCondition(reader: Reader, entry: Entry, source: string, condition: ConditionError): void {
  const begin = entry.node?.range?.[0] ?? entry.offset;
  const start = mapsOneToOne(entry.node, source) ? begin + quote(entry.node) + condition.offset : begin;
  const wanted = condition.error.startsWith('expected') ? '' : 'expected a condition in CEL: ';
  reader.report(start, entry.path, `${entry.key}: ${wanted}${condition.error}`, condition.hint);
}
/** Whether offsets into the value are offsets into the text: on one line, with nothing escaped. */
function mapsOneToOne(node: Node | null, source: string): boolean {
  if (!isScalar(node) || source.includes('\n') || node.type === 'BLOCK_FOLDED' || node.type === 'BLOCK_LITERAL')
    return false;
  return (node.range?.[1] ?? 0) - (node.range?.[0] ?? 0) === source.length + 2 * quote(node);
}
const quote = (node: Node | null): number =>
  isScalar(node) && (node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE') ? 1 : 0;
