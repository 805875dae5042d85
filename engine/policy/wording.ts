import { type z } from 'zod';
import { snake } from '../kernel/fields.ts';

export { snake };

/** What a value is, in a few words, for the end of `expected …, found …`. */
export function describe(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (typeof value === 'string') return value === '' ? 'an empty text' : `the text ${JSON.stringify(clip(value))}`;
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  return typeof value === 'object' ? 'a mapping' : typeof value;
}
/** A text cut to what fits into a message. */
export const clip = (text: string): string => (text.length > 60 ? `${text.slice(0, 57)}…` : text);

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
};

/** What a schema wanted, for the start of `expected …, found …`; our own schemas say it in such words already. */
export function expectation(issue: z.core.$ZodIssue): string {
  if (issue.message.startsWith('expected ')) return issue.message;
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${TYPES[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `expected ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return issue.origin === 'string'
        ? 'expected a text that is not empty'
        : `expected ${issue.inclusive === true ? 'at least' : 'more than'} ${issue.minimum}`;
    case 'too_big':
      return `expected ${issue.inclusive === true ? 'at most' : 'less than'} ${issue.maximum}`;
    default:
      return `expected another value (${issue.message})`;
  }
}

/** The remedy that follows from the metadata of a field (FieldMeta of the kernel): its help and an example. */
export function remedy(field: string, meta: Record<string, unknown> | undefined): string {
  const help = typeof meta?.['help'] === 'string' ? `${meta['help']} ` : '';
  const example = meta?.['example'];
  return example === undefined || example === ''
    ? help.trim() || `correct or remove ${field}`
    : `${help}For example: ${field}: ${String(example)}`;
}

/** The name among `names` that `written` was probably meant to be; undefined when none is near. */
export function nearest(written: string, names: readonly string[]): string | undefined {
  const folded = snake(written).replaceAll('-', '_');
  let best: string | undefined;
  let least = Math.max(1, Math.floor(folded.length / 3)) + 1;
  for (const name of names) {
    const distance = editDistance(folded, snake(name));
    if (distance < least) [least, best] = [distance, name];
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours that lead from one text to the other (Damerau, OSA). */
function editDistance(a: string, b: string): number {
  if (a.length > 64 || b.length > 64) return Number.POSITIVE_INFINITY;
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const cell = (i: number, j: number): number => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i++) {
    const row = (rows[i] = [i]);
    for (let j = 1; j <= b.length; j++) {
      const change = cell(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(change, cell(i - 1, j) + 1, (row[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j] ?? 0, cell(i - 2, j - 2) + 1);
    }
  }
  return cell(a.length, b.length);
}
