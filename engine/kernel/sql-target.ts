import { asserts, BadPattern, charNode, type Node } from './linear-nodes.ts';
import { parsePattern } from './linear-pattern.ts';

/**
 * The targets of SQL policies, compared with the normalised statement: comments left out, white space folded, capitals.
 * They are read here and not by RegExp, because no target may take more than linear time for whatever statement comes.
 */

/** Targets that take every statement (CAPABILITIES: "Path match"). */
const EVERYTHING = new Set(['', 'all', 'database', '*']);
/** Words and names with a schema, which stand for themselves where they are whole: no character with a meaning in them. */
const BARE = /^[\p{L}\p{N}_]+(?:(?:\s+|\.)[\p{L}\p{N}_]+)*$/u;

export const takesAllSql = (target: string): boolean => EVERYTHING.has(target.trim().toLowerCase());

/** Whether the target means the connect of a client, not a statement. */
export const isConnectTarget = (target: string): boolean => target.trim().toLowerCase() === 'connect';

/**
 * What the target takes, anywhere in a statement: bare words at word boundaries, else a regular expression in the syntax
 * of RE2. Throws BadPattern.
 */
export function sqlTargetNode(target: string): Node {
  const text = target.trim();
  if (!BARE.test(text)) return parsePattern(text);
  const boundary = asserts('boundary');
  return { kind: 'all-of', nodes: [boundary, ...[...text.replace(/\s+/g, ' ')].map(charNode), boundary] };
}

/** How many bytes of pattern a target may come to when its counts are written out. */
const LARGEST = 5_000;

/** What is wrong with the text of a target, or undefined when nothing is. */
export function sqlTargetError(target: string): { readonly message: string; readonly hint: string } | undefined {
  try {
    if (takesAllSql(target) || sizeOf(sqlTargetNode(target)) <= LARGEST) return undefined;
    return { message: 'expected a shorter regular expression: its repetitions come to too many characters', hint: 'count less, or use * or +' };
  } catch (error) {
    if (!(error instanceof BadPattern)) throw error;
    return { message: `expected a regular expression: ${error.message}`, hint: 'escape its special characters with \\, or use all' };
  }
}

function sizeOf(node: Node): number {
  switch (node.kind) {
    case 'byte':
    case 'assert':
      return 1;
    case 'all-of':
    case 'any-of':
      return node.nodes.reduce((sum, part) => sum + sizeOf(part), 1);
    case 'repeat':
      return 1 + sizeOf(node.node) * (node.max === Infinity ? Math.max(1, node.min) : Math.max(1, node.max));
  }
}
