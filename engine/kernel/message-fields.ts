import { z } from 'zod';
import { type FieldMeta, scoped, whole } from './fields.ts';
import { type FactShape } from './fault.ts';

const condition = (example: string) =>
  z
    .string({ error: 'expected a condition in CEL' })
    .max(4_096, 'expected at most 4096 characters')
    .default('')
    .meta({ help: 'Only messages for which this holds, in CEL over what the protocol tells.', example, form: 'condition', part: 'scope' } satisfies FieldMeta);

/** What Firebreak adds to the policies of every protocol of messages, beyond the pastaay v1 format. `example`: a condition that the protocol can answer. */
export const messageFields = (example: string) => ({
  when: condition(example),
  everyNth: scoped(whole('Of the messages that match only every Nth is judged; 0 means each.', 0, 1_000_000)),
  nth: scoped(whole('Which of each N messages it is, from 1; 0 means the last.', 0, 1_000_000)),
});

/** What every protocol whose messages carry headers tells of them (W3C Baggage, W3C Trace Context). */
export const headerFacts = {
  baggage: 'map<string, string>',
  trace: { id: 'string', parent: 'string' },
} as const satisfies Readonly<Record<string, FactShape>>;

/** `nth` without `every_nth`, or beyond it, would choose nothing. */
export function checkNth(params: { readonly everyNth: number; readonly nth: number }): readonly { field: string; message: string; hint: string }[] {
  if (params.nth <= params.everyNth) return [];
  return [{ field: 'nth', message: 'expected at most every_nth', hint: 'set every_nth to how many messages make a round' }];
}

/** Said after the sentence of a policy: which of its messages are meant. */
export function explainChoice({ when, everyNth, nth }: { readonly when: string; readonly everyNth: number; readonly nth: number }): string {
  const chosen = everyNth > 1 ? ` Of these only ${nth === 0 ? `every ${ordinal(everyNth)}` : `the ${ordinal(nth)} of each ${everyNth}`}.` : '';
  return when.trim() === '' ? chosen : ` Only where ${when.trim()}.${chosen}`;
}

function ordinal(n: number): string {
  const suffix = n % 100 >= 11 && n % 100 <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th');
  return `${n}${suffix}`;
}

/** The fields that the policies of all message protocols share; see pastaay.ts. */
export interface MessageParams {
  readonly latencyChance: number;
  readonly latencyDuration: number;
  readonly errorChance: number;
  readonly errorCode?: number;
  readonly errorBody?: string;
  readonly dropConnection: boolean;
  readonly when: string;
  readonly everyNth: number;
  readonly nth: number;
  readonly matchHeaders?: Readonly<Record<string, string>>;
}

/** The shares of matching messages that the parameters ask for, 0-1. A message that fails is not delayed as well. */
export function sharesOf(asked: Pick<MessageParams, 'latencyChance' | 'latencyDuration' | 'errorChance' | 'dropConnection' | 'everyNth'>): {
  readonly error: number;
  readonly drop: number;
  readonly latency: number;
} {
  const judged = asked.everyNth > 1 ? 1 / asked.everyNth : 1;
  const fail = asked.dropConnection && asked.errorChance === 0 ? 1 : asked.errorChance;
  return {
    error: asked.dropConnection ? 0 : fail * judged,
    drop: asked.dropConnection ? fail * judged : 0,
    latency: asked.latencyDuration > 0 ? asked.latencyChance * (1 - fail) * judged : 0,
  };
}
