import { z } from 'zod';
import { defineManifest } from '../../kernel/fault.ts';
import { commonFields, errorCode, explainMessages, matchHeaders, messageFault } from '../../kernel/pastaay.ts';

const params = z.strictObject({
  ...commonFields,
  // AMQP 0-9-1 reply codes are 16 bit.
  errorCode: errorCode('The AMQP reply code of an injected error, such as 506 (resource error).', 0, 65_535, 0),
  matchHeaders,
});

/** Delays, fails or drops RabbitMQ messages that cross a route: what such a policy may say and what it weighs. */
export const rabbitmqManifest = defineManifest({
  type: 'rabbitmq',
  ...messageFault,
  summary: 'Delays, fails or drops RabbitMQ messages that cross a route.',
  params,
  target: {
    required: true,
    help: 'A routing key, an exchange or a queue, or all.',
    example: 'payment.processed',
  },
  explain: (params, target) => explainMessages(params, messages(target), 'an error'),
  blastRadius: 3,
});

const messages = (target: string): string => (target === 'all' ? 'RabbitMQ messages' : `messages of ${target}`);
