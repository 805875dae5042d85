import { z } from 'zod';
import { defineManifest } from '../../kernel/fault.ts';
import { type FieldMeta, flag } from '../../kernel/fields.ts';
import { checkNth, explainChoice, headerFacts, messageFields } from '../../kernel/message-fields.ts';
import { commonFields, commonNoop, commonSeverity, errorCode, explainMessages, idleFields, matchHeaders, messageFault } from '../../kernel/pastaay.ts';

const params = z.strictObject({
  ...commonFields,
  ...idleFields('rabbitmq'),
  ...messageFields("rabbitmq.action == 'deliver'"),
  // AMQP 0-9-1 reply codes are 16 bit (1.2, "Constants").
  errorCode: errorCode('The AMQP reply code of an injected error, such as 404 (not found); 0 means 541 (internal error).', 0, 65_535, 0),
  errorBody: commonFields.errorBody.meta({
    help: 'The text behind the name of the reply code, such as "no exchange \'orders\' in vhost \'/\'"; at most 255 bytes are sent.',
    example: "no exchange 'orders' in vhost '/'",
    form: 'lines',
  } satisfies FieldMeta),
  errorScope: z
    .enum(['channel', 'connection'], { error: 'expected channel or connection' })
    .default('channel')
    .meta({ help: 'What an error closes: the channel of the message, or the whole connection.', example: 'channel' } satisfies FieldMeta),
  dropConnection: commonFields.dropConnection.meta({
    help: 'Reset the connection instead of answering with an error; without an error chance, at every message.',
    example: true,
  } satisfies FieldMeta),
  dropMessage: flag('Withhold the message instead of answering with an error; without an error chance, every one that matches.'),
  dropReply: z
    .enum(['ack', 'nack', 'requeue'], { error: 'expected ack, nack or requeue' })
    .default('ack')
    .meta({
      help:
        'What is said of a withheld message. Of a delivery, to the broker: it arrived (ack), it was refused (nack: gone, or ' +
        'dead-lettered), or queue it again (requeue). Of a publish, to the publisher: it is confirmed (ack), or it is not (nack, requeue).',
      example: 'nack',
    } satisfies FieldMeta),
  matchHeaders,
});
export type RabbitmqParams = z.infer<typeof params>;

/** The parameters as they count: messages are withheld each time unless a share is given. */
export const counted = (asked: RabbitmqParams): RabbitmqParams =>
  asked.dropMessage && asked.errorChance === 0 ? { ...asked, errorChance: 1 } : asked;

/** Delays, fails or withholds RabbitMQ messages that cross a route. */
export const rabbitmqManifest = defineManifest({
  type: 'rabbitmq',
  ...messageFault,
  summary: 'Delays, fails or withholds RabbitMQ messages that cross a route.',
  params,
  target: {
    required: true,
    help: 'The routing key of what is published, or the queue of what is delivered; it may end in * (orders.* takes orders.eu); or all.',
    example: 'payment.processed',
  },
  noop: (asked) => commonNoop(counted(asked)),
  severity: (asked) => commonSeverity(counted(asked)),
  explain: (asked, target) => `${asked.dropMessage ? lossOf(counted(asked), target) : errorOf(asked, target)}${explainChoice(asked)}`,
  facts: {
    rabbitmq: { action: 'string', exchange: 'string', routing_key: 'string', queue: 'string', headers: 'map<string, string>' },
    ...headerFacts,
  },
  check: (asked) => [...checkNth(asked), ...checkDrop(asked)],
  blastRadius: () => 3,
});

const errorOf = (asked: RabbitmqParams, target: string): string =>
  explainMessages(asked, messages(target), `${asked.errorScope} error ${asked.errorCode === 0 ? 541 : asked.errorCode}`);

function lossOf(asked: RabbitmqParams, target: string): string {
  const share = asked.errorChance === 1 ? 'all' : `${Math.round(asked.errorChance * 1_000) / 10} % of`;
  const delay = asked.latencyChance > 0 ? ` ${explainMessages({ ...asked, errorChance: 0 }, 'the others', '')}` : '';
  return `Withholds ${share} ${messages(target)}: ${SAID[asked.dropReply]}.${delay}`;
}
const SAID: Readonly<Record<RabbitmqParams['dropReply'], string>> = {
  ack: 'the broker, or the publisher, is told that they arrived',
  nack: 'the broker, or the publisher, is told that they were refused',
  requeue: 'the broker is told to queue them again, the publisher that they were refused',
};

/** What would silently win over the other or do nothing. */
function checkDrop(asked: RabbitmqParams): readonly { field: string; message: string; hint: string }[] {
  const found = [];
  if (asked.dropMessage && asked.dropConnection) {
    found.push({ field: 'dropMessage', message: 'expected no drop_connection beside it', hint: 'a message is withheld or its connection is cut: make two policies of it' });
  }
  if (asked.dropMessage && asked.errorBody !== '') {
    found.push({ field: 'errorBody', message: 'expected no text: a withheld message has none', hint: 'remove error_body, or remove drop_message to answer with this error' });
  }
  return found;
}

const messages = (target: string): string => (['', 'all', '*'].includes(target.trim().toLowerCase()) ? 'RabbitMQ messages' : `messages of ${target}`);
