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
  errorCode: errorCode('Redis errors carry no code; read and ignored.', 0, 65_535, 0),
  matchHeaders: noHeaders,
});

/** Delays, fails or cuts Redis commands that cross a route: what such a policy may say and what it weighs. */
export const redisManifest = defineManifest({
  type: 'redis',
  layer: 'wire',
  summary: 'Delays, fails or cuts Redis commands that cross a route.',
  params,
  target: {
    required: true,
    help: 'A command such as get, or all.',
    example: 'get',
  },
  noop: commonNoop,
  severity: commonSeverity,
  remarks: commonRemarks,
  explain: (params, target) => explainMessages(params, messages(target), 'an error'),
  platforms: ALL_PLATFORMS,
  privileges: [],
  blastRadius: 3,
  verifyWithin: 10_000,
});

const messages = (target: string): string => (target === 'all' ? 'Redis commands' : `${target} commands`);
