import { z } from 'zod';
import { defineManifest } from '../../kernel/fault.ts';
import { commonFields, errorCode, explainMessages, messageFault, noHeaders } from '../../kernel/pastaay.ts';

const params = z.strictObject({
  ...commonFields,
  // MongoDB error codes have up to six digits.
  errorCode: errorCode('The code of an injected error, such as 11600 (interrupted at shutdown).', 0, 999_999, 0),
  matchHeaders: noHeaders,
});

/** Delays, fails or cuts MongoDB commands that cross a route: what such a policy may say and what it weighs. */
export const mongoManifest = defineManifest({
  type: 'mongo',
  ...messageFault,
  summary: 'Delays, fails or cuts MongoDB commands that cross a route.',
  params,
  target: {
    required: true,
    help: 'A command such as find, or all.',
    example: 'find',
  },
  explain: (params, target) => explainMessages(params, messages(target), 'a command error'),
  blastRadius: 3,
});

const messages = (target: string): string => (target === 'all' ? 'MongoDB commands' : `${target} commands`);
