import { z } from 'zod';
import { defineManifest } from '../../kernel/fault.ts';
import { type FieldMeta } from '../../kernel/fields.ts';
import { checkNth, explainChoice, headerFacts, messageFields } from '../../kernel/message-fields.ts';
import { commonFields, errorCode, explainMessages, idleFields, messageFault, noHeaders } from '../../kernel/pastaay.ts';
import { isConnectTarget, sqlTargetError, takesAllSql } from '../../kernel/sql-target.ts';

/** ISO/IEC 9075-2, "24.1 SQLSTATE": five digits or capital letters; class 00 is success and cannot be an error. */
const SQLSTATE = /^(?!00)[0-9A-Z]{5}$/;
const BAD_SQLSTATE = 'expected an SQLSTATE of five digits or capital letters that is no success, such as 57014, 40001 or HY000';

const params = z.strictObject({
  ...commonFields,
  ...idleFields('sql'),
  ...messageFields("sql.verb == 'SELECT' && !sql.in_transaction"),
  // MySQL error numbers are 16 bit; PostgreSQL has none.
  errorCode: errorCode('The number of an injected error in MySQL; 0 means what fits the SQLSTATE, else 1105, and 1040 at a connect.', 0, 65_535, 0),
  errorBody: commonFields.errorBody.meta({
    help: 'The message of an injected error; empty says which policy injected it.',
    example: 'canceling statement due to statement timeout',
    form: 'lines',
  } satisfies FieldMeta),
  sqlstate: z
    .string({ error: BAD_SQLSTATE })
    .transform((text) => text.trim().toUpperCase())
    .refine((text) => text === '' || SQLSTATE.test(text), BAD_SQLSTATE)
    .default('')
    .meta({
      help: 'The SQLSTATE of an injected error; empty means XX000 (PostgreSQL), 57P03 at its connect, or what fits the number (MySQL).',
      example: '40001',
    } satisfies FieldMeta),
  matchHeaders: noHeaders,
});
export type SqlParams = z.infer<typeof params>;

/** Delays, fails or cuts SQL statements and connects that cross a route: what such a policy may say and what it weighs. */
export const sqlManifest = defineManifest({
  type: 'sql',
  ...messageFault,
  summary: 'Delays, fails or cuts SQL statements that cross a route; never within a transaction, where it only delays.',
  params,
  target: {
    required: true,
    help: 'Words of the statement, a regular expression (RE2) on it in capitals without comments, all (or database), or connect.',
    example: 'INSERT INTO orders',
    check: sqlTargetError,
  },
  explain: (asked, target) => explainMessages(asked, messagesOf(target), errorOf(asked)) + explainChoice(asked),
  facts: {
    sql: { verb: 'string', text: 'string', database: 'string', user: 'string', in_transaction: 'bool' },
    ...headerFacts,
  },
  check: checkNth,
  blastRadius: () => 3,
});

function messagesOf(target: string): string {
  if (isConnectTarget(target)) return 'connects to the database';
  return takesAllSql(target) ? 'SQL statements' : `statements that match ${target}`;
}
const errorOf = ({ sqlstate }: SqlParams): string => (sqlstate === '' ? 'a database error' : `SQLSTATE ${sqlstate}`);
