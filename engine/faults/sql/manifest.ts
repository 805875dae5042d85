import { z } from 'zod';
import { defineManifest } from '../../kernel/fault.ts';
import { commonFields, errorCode, explainMessages, messageFault, noHeaders } from '../../kernel/pastaay.ts';

const params = z.strictObject({
  ...commonFields,
  // MySQL error numbers are 16 bit; PostgreSQL reports SQLSTATE and ignores the number.
  errorCode: errorCode('The number of an injected error, where the dialect has numbers.', 0, 65_535, 0),
  matchHeaders: noHeaders,
});

/** Delays, fails or cuts SQL statements that cross a route: what such a policy may say and what it weighs. */
export const sqlManifest = defineManifest({
  type: 'sql',
  ...messageFault,
  summary: 'Delays, fails or cuts SQL statements that cross a route.',
  params,
  target: {
    required: true,
    help: 'A regular expression on the normalised statement, or all or database for every statement.',
    example: 'INSERT INTO orders',
    check: (target) =>
      isPattern(target)
        ? undefined
        : { message: 'expected a regular expression', hint: 'escape its special characters, or use all' },
  },
  explain: (params, target) => explainMessages(params, messages(target), 'a database error'),
  blastRadius: 3,
});

const messages = (target: string): string =>
  target === 'all' || target === 'database' ? 'SQL statements' : `statements that match ${target}`;

/** Go patterns may open with flags such as (?i); they do not count here, since text is compared in upper case. */
function isPattern(target: string): boolean {
  try {
    new RegExp(target.replace(/^\(\?[a-zA-Z]+\)/, ''));
    return true;
  } catch {
    return false;
  }
}
