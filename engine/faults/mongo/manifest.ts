import { z } from 'zod';
import { ALL_PLATFORMS, defineManifest } from '../../kernel/fault.ts';
import {
  commonFields,
  commonNoop,
  commonRemarks,
  commonSeverity,
  errorCode,
  explainMessages,
  noHeaders,
} from '../../kernel/pastaay.ts';

const params = z.strictObject({
  ...commonFields,
  // MongoDB error codes have up to six digits.
  errorCode: errorCode('The code of an injected error, such as 11600 (interrupted at shutdown).', 0, 999_999, 0),
  matchHeaders: noHeaders,
});

/** Delays, fails or cuts MongoDB commands that cross a route: what such a policy may say and what it weighs. */
export const mongoManifest = defineManifest({
  type: 'mongo',
  layer: 'wire',
  summary: 'Delays, fails or cuts MongoDB commands that cross a route.',
  params,
  target: {
    required: true,
    help: 'A command such as find, or all.',
    example: 'find',
  },
  noop: commonNoop,
  severity: commonSeverity,
  remarks: commonRemarks,
  explain: (params, target) => explainMessages(params, messages(target), 'a command error'),
  platforms: ALL_PLATFORMS,
  privileges: [],
  blastRadius: 3,
  verifyWithin: 10_000,
});

const messages = (target: string): string => (target === 'all' ? 'MongoDB commands' : `${target} commands`);
