import { z } from 'zod';
import { formatDuration } from '../../kernel/durations.ts';
import { defineManifest } from '../../kernel/fault.ts';
import { type FieldMeta, flag } from '../../kernel/fields.ts';
import { checkNth, explainChoice, headerFacts, messageFields, sharesOf } from '../../kernel/message-fields.ts';
import { commonFields, commonNoop, commonRemarks, commonSeverity, errorCode, explainMessages, idleFields, matchHeaders, messageFault } from '../../kernel/pastaay.ts';

const params = z.strictObject({
  ...commonFields,
  ...idleFields('grpc'),
  ...messageFields("grpc.method == 'Place' && baggage['chaos'] == 'on'"),
  // gRPC status codes, https://grpc.github.io/grpc/core/md_doc_statuscodes.html
  errorCode: errorCode('The gRPC status of an injected error; 0 means 14, UNAVAILABLE.', 0, 16, 14),
  errorBody: commonFields.errorBody.meta({ help: 'The message of the status.', example: 'out of stock', form: 'lines' } satisfies FieldMeta),
  dropConnection: commonFields.dropConnection.meta({
    help: 'Reset the connection, with all calls on it, instead of answering; without an error chance, on every call.',
    example: true,
  } satisfies FieldMeta),
  matchHeaders,
  streamRollMode: commonFields.streamRollMode.meta({
    help:
      'When the dice are thrown: per-call (or empty), once at the start of a call, which is then delayed or fails as a whole; per-frame, for each ' +
      'message; stream, once for a call, and what comes up then holds for each of its messages.',
    example: 'per-frame',
  } satisfies FieldMeta),
  direction: z
    .enum(['both', 'to-server', 'to-client'], { error: 'expected both, to-server or to-client' })
    .default('both')
    .meta({ help: 'Which messages are meant where single messages are: those to the server, those to the client, or both.', example: 'to-client' } satisfies FieldMeta),
  dropMessage: flag(
    'Leave messages out instead of failing the call: error_chance is then the share that is lost, and without it every judged message is. Means stream_roll_mode: per-frame unless that is stream.',
  ),
});
export type GrpcParams = z.infer<typeof params>;

/** What is judged: a call as a whole, each message by itself, or each message by the dice of its call. */
export type Unit = 'call' | 'message' | 'stream';
export function unitOf({ streamRollMode, dropMessage }: Pick<GrpcParams, 'streamRollMode' | 'dropMessage'>): Unit {
  if (streamRollMode === 'stream') return 'stream';
  return streamRollMode === 'per-frame' || dropMessage ? 'message' : 'call';
}
/** With the chance that is meant where none is given: messages are lost always, as connections are. */
export const withChance = <Params extends Pick<GrpcParams, 'dropMessage' | 'errorChance'>>(asked: Params): Params =>
  asked.dropMessage && asked.errorChance === 0 ? { ...asked, errorChance: 1 } : asked;

/** Delays, fails or cuts gRPC calls that cross a route, or delays and loses single messages of theirs. */
export const grpcManifest = defineManifest({
  type: 'grpc',
  ...messageFault,
  summary: 'Delays, fails or cuts gRPC calls that cross a route, or delays and loses single messages of theirs.',
  params,
  noop: (asked) => commonNoop(withChance(asked)),
  severity: (asked) => commonSeverity(withChance(asked)),
  remarks: commonRemarks,
  target: {
    required: true,
    help: 'A full method such as /pkg.Service/Method, with a trailing * for a whole service (/pkg.Service/*), or all.',
    example: '/shop.Orders/Place',
  },
  explain: (asked, target) => `${sentence(withChance(asked), target)}${explainChoice(asked)}`,
  facts: {
    request: { path: 'string', headers: 'map<string, string>' },
    grpc: { service: 'string', method: 'string' },
    ...headerFacts,
  },
  check: (asked) => [...checkNth(asked), ...checkUnit(asked)],
  blastRadius: () => 2,
});

/** What would win over something else, or do nothing, without a word. */
function checkUnit(asked: GrpcParams): readonly { field: string; message: string; hint: string }[] {
  const found = [];
  if (asked.dropMessage && asked.streamRollMode === 'per-call') {
    found.push({ field: 'dropMessage', message: 'expected stream_roll_mode: per-frame or stream', hint: 'per-call a call is judged as a whole, so no single message can be lost' });
  }
  if (asked.dropMessage && asked.dropConnection) {
    found.push({ field: 'dropMessage', message: 'expected no drop_connection beside it', hint: 'a message is lost or its connection is: make two policies of it' });
  }
  if (asked.direction !== 'both' && unitOf(asked) === 'call') {
    found.push({ field: 'direction', message: 'expected stream_roll_mode: per-frame or stream', hint: 'a call as a whole has no direction; only its messages have one' });
  }
  return found;
}

const WAYS = { both: '', 'to-server': ' to the server', 'to-client': ' to the client' } as const;

function sentence(asked: GrpcParams, target: string): string {
  const calls = ['', 'all', '*', '/*'].includes(target.trim().toLowerCase()) ? 'gRPC calls' : `calls of ${target}`;
  const unit = unitOf(asked);
  if (unit === 'call') return explainMessages(asked, calls, `status ${asked.errorCode}`);
  const messages = `messages${WAYS[asked.direction]} in ${calls}`;
  const parts: string[] = [];
  const share = (chance: number): string => (chance === 1 ? 'all' : `${Math.round(chance * 1_000) / 10} % of the`);
  // Said of the messages that are judged; which these are is said at the end.
  const { error, drop, latency } = sharesOf({ ...asked, everyNth: 0 });
  const whom = unit === 'stream' && error + drop + latency > 0 ? `${messages} that the dice choose` : messages;
  if (error > 0) parts.push(asked.dropMessage ? `leaves out ${share(error)} ${whom}` : `ends calls with status ${asked.errorCode} at ${share(error)} ${whom}`);
  if (drop > 0) parts.push(`cuts the connection at ${share(drop)} ${whom}`);
  if (latency > 0) {
    const left = parts.length > 0 ? 'others' : whom;
    parts.push(`delays ${share(asked.latencyChance)} ${left} by ${formatDuration(asked.latencyDuration)}, with those behind them`);
  }
  const text = parts.length === 0 ? `leaves ${messages} as they are` : parts.join(', ');
  return `${text[0]?.toUpperCase()}${text.slice(1)}.`;
}
