import type { Verdict } from '../effects.ts';

/**
 * What a failure looks like: the channel or the connection is closed with an error, or the message is withheld and whoever
 * waits to hear of it is told that it arrived (`ack`), did not (`nack`), or shall be queued again (`requeue`).
 */
export type AmqpEffect = 'channel' | 'connection' | 'ack' | 'nack' | 'requeue';
const EFFECTS: readonly string[] = ['channel', 'connection', 'ack', 'nack', 'requeue'] satisfies AmqpEffect[];

/** What a policy tells the wire beyond what all protocols share (`WirePolicy.extra`). */
export interface AmqpExtra extends Record<string, unknown> {
  readonly effect: AmqpEffect;
}

export function effectOf({ extra }: Extract<Verdict, { act: 'fail' }>): AmqpEffect {
  const effect = extra?.['effect'];
  return typeof effect === 'string' && EFFECTS.includes(effect) ? (effect as AmqpEffect) : 'channel';
}
