import { z } from 'zod';
import { formatDuration } from '../../kernel/durations.ts';
import { defineManifest } from '../../kernel/fault.ts';
import { type FieldMeta, flag } from '../../kernel/fields.ts';
import { checkNth, explainChoice, headerFacts, messageFields } from '../../kernel/message-fields.ts';
import { commonFields, commonNoop, commonSeverity, errorCode, explainMessages, idleFields, matchHeaders, messageFault } from '../../kernel/pastaay.ts';

const params = z.strictObject({
  ...commonFields,
  ...idleFields('kafka'),
  ...messageFields("kafka.api == 'Fetch'"),
  // Kafka error codes are 16-bit signed integers, https://kafka.apache.org/protocol.html#protocol_error_codes
  errorCode: errorCode(
    'The Kafka error code of an injected error, such as 7 (request timed out); 0 means 6 (not leader), 5 for Metadata, 15 for the group requests.',
    0, 32_767, 0,
  ),
  errorBody: commonFields.errorBody.meta({
    help: 'The text of the error, where the answer has room for one (Produce, FindCoordinator).',
    example: 'the disk is full',
    form: 'lines',
  } satisfies FieldMeta),
  dropConnection: commonFields.dropConnection.meta({
    help: 'Reset the connection instead of answering with an error; without an error chance, on every request.',
    example: true,
  } satisfies FieldMeta),
  matchHeaders,
  dropRecords: flag('Leave single records out of what consumers read: error_chance is then the share of records, and without one every record is meant.'),
  delayRecords: flag('Throw the dice of the latency for each record that consumers read; an answer waits for its slowest record, so that the order stays.'),
});
export type KafkaParams = z.infer<typeof params>;

/** Whether single records are judged instead of requests. */
export const isOfRecords = ({ dropRecords, delayRecords }: KafkaParams): boolean => dropRecords || delayRecords;

/** The parameters with what `drop_records` leaves out said: without a chance every record is meant. */
export const counted = (asked: KafkaParams): KafkaParams =>
  asked.dropRecords && asked.errorChance === 0 ? { ...asked, errorChance: 1 } : asked;

/** Delays, fails or cuts Kafka requests that cross a route, or takes records away from consumers. */
export const kafkaManifest = defineManifest({
  type: 'kafka',
  ...messageFault,
  summary: 'Delays, fails or cuts Kafka requests by topic, or leaves records out of what consumers read.',
  params,
  target: {
    required: true,
    help: 'The name of a topic, one with a trailing * (orders* takes orders and orders.eu, not orders2), or all; of every request that names it, Metadata too.',
    example: 'orders',
  },
  noop: (asked) => commonNoop(counted(asked)),
  severity: (asked) => commonSeverity(counted(asked)),
  explain: (asked, target) => `${asked.dropRecords ? explainLoss(asked, target) : explainRest(asked, target)}${explainChoice(asked)}`,
  facts: {
    kafka: {
      api: 'string', topic: 'string', partition: 'int', client_id: 'string', key: 'string', headers: 'map<string, string>',
    },
    ...headerFacts,
  },
  check: (asked) => [...checkNth(asked), ...checkRecords(asked)],
  blastRadius: () => 3,
});

const whose = (things: string, target: string): string => (['all', '*', ''].includes(target.trim().toLowerCase()) ? `Kafka ${things}` : `${things} of ${target}`);

function explainRest(asked: KafkaParams, target: string): string {
  return explainMessages(asked, whose(asked.delayRecords ? 'records' : 'messages', target), asked.errorCode === 0 ? 'an error' : `error ${asked.errorCode}`);
}
function explainLoss(asked: KafkaParams, target: string): string {
  const { errorChance, latencyChance, latencyDuration } = counted(asked);
  const share = errorChance === 1 ? 'all' : `${Math.round(errorChance * 1_000) / 10} % of`;
  const wait = latencyChance > 0 ? `, and delays ${latencyChance === 1 ? 'the rest' : `${Math.round(latencyChance * 1_000) / 10} % of the rest`} by ${formatDuration(latencyDuration)}` : '';
  return `Leaves ${share} ${whose('records', target)} out of what consumers read${wait}.`;
}

/** What single records cannot have would silently do nothing, or hit the whole connection. */
function checkRecords(asked: KafkaParams): readonly { field: string; message: string; hint: string }[] {
  if (!isOfRecords(asked)) return [];
  const field = asked.dropRecords ? 'dropRecords' : 'delayRecords';
  const name = asked.dropRecords ? 'drop_records' : 'delay_records';
  const found = [];
  if (asked.dropConnection) found.push({ field, message: 'expected no drop_connection beside it', hint: 'records and connections are two policies' });
  if (asked.dropRecords && (asked.errorCode !== 0 || asked.errorBody !== '')) {
    found.push({ field, message: 'expected no error beside it', hint: `a record that is left out says nothing: remove error_code and error_body, or ${name}` });
  }
  if (!asked.dropRecords && asked.errorChance > 0) {
    found.push({ field, message: 'expected no error_chance beside it', hint: 'set drop_records to lose the share of records, or remove error_chance' });
  }
  if (!asked.dropRecords && (asked.latencyChance === 0 || asked.latencyDuration === 0)) {
    found.push({ field, message: 'expected a latency', hint: 'set latency_chance and latency_duration' });
  }
  return found;
}
