import { z } from 'zod';
import { defineManifest } from '../../kernel/fault.ts';
import { commonFields, errorCode, explainMessages, matchHeaders, messageFault } from '../../kernel/pastaay.ts';

const params = z.strictObject({
  ...commonFields,
  // Kafka error codes are 16-bit signed integers, https://kafka.apache.org/protocol.html#protocol_error_codes
  errorCode: errorCode('The Kafka error code of an injected error, such as 7 (request timed out).', 0, 32_767, 0),
  matchHeaders,
});

/** Delays, fails or drops Kafka messages that cross a route: what such a policy may say and what it weighs. */
export const kafkaManifest = defineManifest({
  type: 'kafka',
  ...messageFault,
  summary: 'Delays, fails or drops Kafka messages that cross a route.',
  params,
  target: {
    required: true,
    help: 'The name of a topic, or all.',
    example: 'orders',
  },
  explain: (params, target) => explainMessages(params, messages(target), 'an error'),
  blastRadius: 3,
});

const messages = (target: string): string => (target === 'all' ? 'Kafka messages' : `messages of ${target}`);
