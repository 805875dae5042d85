import { z } from 'zod';
import { defineManifest } from '../../kernel/fault.ts';
import { commonFields, errorCode, explainMessages, messageFault, noHeaders } from '../../kernel/pastaay.ts';

const params = z.strictObject({
  ...commonFields,
  errorCode: errorCode('Redis errors carry no code; read and ignored.', 0, 65_535, 0),
  matchHeaders: noHeaders,
});

/** Delays, fails or cuts Redis commands that cross a route: what such a policy may say and what it weighs. */
export const redisManifest = defineManifest({
  type: 'redis',
  ...messageFault,
  summary: 'Delays, fails or cuts Redis commands that cross a route.',
  params,
  target: {
    required: true,
    help: 'A command such as get, or all.',
    example: 'get',
  },
  explain: (params, target) => explainMessages(params, messages(target), 'an error'),
  blastRadius: 3,
});

const messages = (target: string): string => (target === 'all' ? 'Redis commands' : `${target} commands`);
