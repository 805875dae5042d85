import { z } from 'zod';
import { millis } from './brands.ts';
import { duration, type FieldMeta, flag, headers, HOUR, ratio, scoped, text, whole } from './fields.ts';
import { formatDuration } from './durations.ts';
import { ALL_PLATFORMS, type GuardRemark } from './fault.ts';

/**
 * What the policies of the pastaay v1 format have in common, once: the fields with their limits, and the guard's
 * weights for them (CAPABILITIES: "Guard"). The format lets any of these fields stand on any type, so every manifest of the
 * format spreads `commonFields`; `errorCode` and the header match differ from type to type.
 */
export const commonFields = {
  latencyChance: ratio('Share of messages that are delayed.'),
  latencyDuration: duration('How long a delayed message waits.', HOUR),
  errorChance: ratio('Share of messages that are answered with an error. An error wins over a delay.'),
  errorBody: text('The text of the error.'),
  dropConnection: flag('Cut the connection instead of answering.'),
  streamRollMode: z
    .enum(['', 'per-call', 'per-frame', 'stream'], { error: 'expected per-call, per-frame, stream or an empty text' })
    .default('')
    .meta({
      help: 'When the dice are thrown on a stream: for each call, each frame or once.',
      example: 'per-call',
    } satisfies FieldMeta),
  throttleThreshold: whole('CPU intensity.', 0, 10_000_000),
  ramChunkMB: whole('Memory to take at each interval.', 0, 4096, 0, 'MB'),
  /** 0 stands for 1 s in the format. */
  ramInterval: duration('How often a piece of memory is taken.', HOUR, 1_000)
    .transform((value) => (value === 0 ? millis(1_000) : value))
    .meta({
      help: 'How often a piece of memory is taken; 0 means 1s.',
      unit: 'ms',
      min: 0,
      max: HOUR,
      example: '1s',
    } satisfies FieldMeta),
};

/** A field that the format allows on every type and that means nothing to this one. */
export const idle = <Field extends z.ZodType>(type: string, field: Field): Field =>
  field.meta({ ...field.meta(), help: `Accepted, and does nothing for ${type}.`, part: 'idle' });

/** The fields that the format allows on every type and that mean nothing to messages of this one: load on the machine, and streams. */
export function idleFields(type: string) {
  const { streamRollMode, throttleThreshold, ramChunkMB, ramInterval } = commonFields;
  return {
    streamRollMode: idle(type, streamRollMode),
    throttleThreshold: idle(type, throttleThreshold),
    ramChunkMB: idle(type, ramChunkMB),
    ramInterval: idle(type, ramInterval),
  };
}

/** The code of an error: 0 stands for `whenZero`, anything else must lie in [min, max]. */
export const errorCode = (help: string, min: number, max: number, whenZero: number) => {
  const expected = `expected a whole number from ${min} to ${max}${min > 0 ? `, or 0 for ${whenZero}` : ''}`;
  return z
    .int({ error: expected })
    .refine((code) => code === 0 || (code >= min && code <= max), expected)
    .transform((code) => (code === 0 ? whenZero : code))
    .default(whenZero)
    .meta({ help, unit: 'status', min, max, example: whenZero } satisfies FieldMeta);
};

/** The header match of the types that have headers: http, grpc, kafka, rabbitmq. */
export const matchHeaders = scoped(headers('Only messages that carry all of these headers with these values.'));

/**
 * The header match of the types that have none. An empty mapping passes, since a file written by a program carries
 * every field; anything else would be a limit on the blast radius that silently did nothing, so it is an error.
 */
export const noHeaders = z
  .record(z.string(), z.string(), { error: 'expected no headers: messages of this type carry none' })
  .refine(
    (map) => Object.keys(map).length === 0,
    'expected no headers: messages of this type carry none, so nothing would match',
  )
  .default({})
  .meta({ help: 'Must be empty: messages of this type carry no headers.', part: 'idle' } satisfies FieldMeta);

/** The fields that carry weight, with the values after parsing. Durations in milliseconds. */
export interface CommonParams {
  readonly latencyChance: number;
  readonly latencyDuration: number;
  readonly errorChance: number;
  readonly dropConnection: boolean;
  readonly throttleThreshold: number;
  readonly ramChunkMB: number;
}

/** True when no field would do anything. A delay of zero length still counts, as it does in pastaay's own guard. */
export function commonNoop(params: CommonParams): boolean {
  return (
    params.latencyChance === 0 &&
    params.errorChance === 0 &&
    !params.dropConnection &&
    params.ramChunkMB === 0 &&
    params.throttleThreshold === 0
  );
}

/** The largest weight of all fields, 0-1; every figure is from CAPABILITIES, "Guard". */
export function commonSeverity(params: CommonParams): number {
  return Math.max(
    params.dropConnection ? 1 : 0,
    params.errorChance,
    params.latencyChance * (params.latencyDuration >= 5_000 ? 1 : params.latencyDuration >= 1_000 ? 0.6 : 0.3),
    params.ramChunkMB >= 1_024 ? 0.9 : params.ramChunkMB >= 256 ? 0.5 : params.ramChunkMB > 0 ? 0.2 : 0,
    params.throttleThreshold >= 100_000 ? 0.8 : params.throttleThreshold > 0 ? 0.4 : 0,
  );
}

/** The guard's remarks on the fields alone, in the order of CAPABILITIES. */
export function commonRemarks(params: CommonParams): readonly GuardRemark[] {
  const remarks: GuardRemark[] = [];
  if (params.dropConnection) remarks.push('tcp-drop');
  if (params.latencyChance > 0 && params.latencyDuration >= 5_000) remarks.push('long-latency');
  if (params.ramChunkMB >= 1_024) remarks.push('oom');
  if (params.throttleThreshold >= 100_000) remarks.push('cpu-lock');
  return remarks;
}

/**
 * One sentence on what happens to messages: "Delays 30 % of get commands by 500ms, answers 10 % of them with an error."
 * @param messages what the protocol calls them, with the target: `get commands`, or `commands` for all.
 * @param error how an error shows: `status 14`.
 */
export function explainMessages(params: CommonParams, messages: string, error: string): string {
  const parts: string[] = [];
  const share = (chance: number): string => {
    const whom = parts.length > 0 ? 'of them' : messages;
    if (chance === 1) return `all ${whom}`;
    return `${Math.round(chance * 1_000) / 10} % ${parts.length > 0 ? whom : `of ${whom}`}`;
  };
  if (params.latencyChance > 0)
    parts.push(`delays ${share(params.latencyChance)} by ${formatDuration(params.latencyDuration)}`);
  if (params.errorChance > 0) parts.push(`answers ${share(params.errorChance)} with ${error}`);
  if (params.dropConnection)
    parts.push(`cuts ${parts.length > 0 ? 'their connections' : `the connections of ${messages}`}`);
  const sentence = parts.length === 0 ? `leaves ${messages} as they are` : parts.join(', ');
  return `${sentence[0]?.toUpperCase()}${sentence.slice(1)}.`;
}

/** What the manifests of all message protocols have in common; spread into each. */
export const messageFault = {
  layer: 'wire',
  example: { errorChance: 1 },
  noop: commonNoop,
  severity: commonSeverity,
  remarks: commonRemarks,
  platforms: ALL_PLATFORMS,
  privileges: [],
  verifyWithin: 10_000,
} as const;
