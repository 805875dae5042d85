/** The targets of SQL policies, compared with the normalised statement: comments left out, white space folded, capitals. */

/** Targets that take every statement (CAPABILITIES: "Path match"). */
const EVERYTHING = new Set(['', 'all', 'database', '*']);

export const takesAllSql = (target: string): boolean => EVERYTHING.has(target.trim().toLowerCase());

/** Whether the target means the connect of a client, not a statement. */
export const isConnectTarget = (target: string): boolean => target.trim().toLowerCase() === 'connect';

/** What is wrong with the text of a target, or undefined when nothing is. */
export function sqlTargetError(target: string): { readonly message: string; readonly hint: string } | undefined {
  try {
    // Flags of Go such as (?i) mean nothing here, since all is in capitals.
    new RegExp(target.replace(/^\(\?[a-zA-Z]+\)/, ''));
    return undefined;
  } catch {
    return { message: 'expected a regular expression', hint: 'escape its special characters, or use all' };
  }
}
