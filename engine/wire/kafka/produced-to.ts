import { apiOf, isFlexible, PRODUCE } from './apis.ts';
import { Malformed, Reader } from './primitives.ts';
import { topicOf } from './topic-ids.ts';

/** The acknowledgements that a producer asks for, and its timeout (Produce, `acks` and `timeout_ms`), in bytes. */
const ACKS_AND_TIMEOUT = 2 + 4;
const ID = 16;

/**
 * The first topic of the Produce request whose body begins at bytes[from]: what can be told of one that passes while its records
 * still come. '' where its name is not here yet, or only an id that no metadata has told.
 */
export function producedTo(bytes: Buffer, from: number, end: number, version: number): string {
  const flexible = isFlexible(apiOf(PRODUCE), version);
  try {
    const reader = new Reader(bytes, from, end);
    if (version >= 3) reader.take(Math.max(0, reader.length(flexible, false)));
    reader.take(ACKS_AND_TIMEOUT);
    if (reader.count(flexible) < 1) return '';
    return version >= 13 ? (topicOf(reader.slice(ID)) ?? '') : (reader.string(flexible) ?? '');
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return '';
  }
}
