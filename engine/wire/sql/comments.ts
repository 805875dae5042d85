import { contextOf, type TravellingContext } from '../baggage.ts';
import type { Dialect } from './dialect.ts';
import { commentEnd, quotedEnd } from './quoted.ts';

/** Of a statement whose comments say nothing. */
export const NO_CONTEXT: TravellingContext = { baggage: {}, trace: { id: '', parent: '' } };

/** `key='value'`, the value in the encoding of URLs, a quote in it behind a backslash. */
const PAIR = /([a-zA-Z_]+)\s*=\s*'((?:[^'\\]|\\.)*)'/g;

/**
 * The context that travels with SQL in its comments, as sqlcommenter and OpenTelemetry's instrumentations write it
 * (https://google.github.io/sqlcommenter/spec/): `traceparent` and `baggage`.
 */
export function contextOfComments(bytes: Uint8Array, start: number, end: number, dialect: Dialect): TravellingContext {
  const found = new Map<string, string>();
  for (let at = start; at < end; ) {
    const behind = commentEnd(bytes, at, end, dialect);
    if (behind > at) {
      for (const [, key = '', value = ''] of textOf(bytes.subarray(at, behind)).matchAll(PAIR)) found.set(key.toLowerCase(), decoded(value));
      at = behind;
    } else at = Math.max(at + 1, quotedEnd(bytes, at, end, start, dialect));
  }
  return found.size === 0 ? NO_CONTEXT : contextOf((name) => found.get(name));
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');

function decoded(value: string): string {
  try {
    return decodeURIComponent(value.replaceAll("\\'", "'"));
  } catch {
    return value;
  }
}
