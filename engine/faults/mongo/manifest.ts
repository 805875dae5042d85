import { z } from 'zod';
import { defineManifest } from '../../kernel/fault.ts';
import { type FieldMeta, ratio } from '../../kernel/fields.ts';
import { checkNth, explainChoice, headerFacts, messageFields } from '../../kernel/message-fields.ts';
import { commonFields, errorCode, explainMessages, idleFields, messageFault, noHeaders } from '../../kernel/pastaay.ts';

const line = (help: string, example: string) =>
  z
    .string({ error: 'expected text' })
    .max(1_024, 'expected at most 1024 characters')
    .default('')
    .meta({ help, example } satisfies FieldMeta);

const params = z.strictObject({
  ...commonFields,
  ...idleFields('mongo'),
  ...messageFields("mongo.collection == 'orders'"),
  // MongoDB error codes have up to six digits.
  errorCode: errorCode('The code of an injected error, such as 11600 (interrupted at shutdown); 0 means 1 (internal error).', 0, 999_999, 0),
  errorBody: commonFields.errorBody.meta({ ...commonFields.errorBody.meta(), help: 'The text of the error; empty means its name.' }),
  matchHeaders: noHeaders,
  failure: z
    .enum(['command', 'write', 'write-concern', 'remove-documents', 'null-fields'], {
      error: 'expected command, write, write-concern, remove-documents or null-fields',
    })
    .default('command')
    .meta({
      help:
        'What the error chance does: fail the command; fail the first write of insert, update or delete (writeErrors); carry the write out and '
        + 'report that its write concern was not met; remove documents from results; set fields of results to null.',
      example: 'command',
    } satisfies FieldMeta),
  codeName: line('The name of the error; empty means the one that servers give its code.', 'InterruptedAtShutdown'),
  retryable: z
    .enum(['as-server', 'yes', 'no'], { error: 'expected as-server, yes or no' })
    .default('as-server')
    .meta({
      help:
        'Whether the error carries the label after which drivers try again (RetryableWriteError, or TransientTransactionError within a transaction): '
        + 'by its code as servers do, always, or never.',
      example: 'yes',
    } satisfies FieldMeta),
  errorLabels: line('More labels of the error, separated by commas.', 'NoWritesPerformed'),
  documentShare: ratio('Share of the documents of each result that are removed or changed, evenly spread; at least one is.', 1),
  fields: line('The fields that null-fields sets to null, as paths separated by commas; empty means all but _id.', 'total, address.city'),
});
export type MongoParams = z.infer<typeof params>;

/** What each failure is called in the sentence of a policy. */
const FAILURES: Readonly<Record<MongoParams['failure'], (code: number) => string>> = {
  command: (code) => errorOf('command error', code),
  write: (code) => errorOf('write error', code),
  'write-concern': (code) => `${errorOf('write concern error', code)} after the write`,
  'remove-documents': () => 'results that lack documents',
  'null-fields': () => 'results whose fields are null',
};
const errorOf = (what: string, code: number): string => (code === 0 ? `a ${what}` : `${what} ${code}`);

/** Delays, fails or cuts MongoDB commands that cross a route, or corrupts their results. */
export const mongoManifest = defineManifest({
  type: 'mongo',
  ...messageFault,
  summary: 'Delays, fails or cuts MongoDB commands that cross a route, or corrupts their results.',
  params,
  target: {
    required: true,
    help: 'A command (find), a collection (orders, shop.orders), a database (shop.*), a command on one of these (find shop.orders), or all.',
    example: 'find',
  },
  explain: (asked, target) => explainMessages(asked, messages(target), FAILURES[asked.failure](asked.errorCode)) + explainChoice(asked),
  facts: {
    mongo: { command: 'string', database: 'string', collection: 'string', transaction: 'bool' },
    ...headerFacts,
  },
  check: (asked) => [
    ...checkNth(asked),
    ...(asked.documentShare === 0
      ? [{ field: 'documentShare', message: 'expected a share above 0', hint: 'leave it out to mean every document' }]
      : []),
  ],
  blastRadius: () => 3,
});

const messages = (target: string): string => (target === 'all' ? 'MongoDB commands' : `${target} commands`);
