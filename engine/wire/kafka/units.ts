import type { Api } from './apis.ts';
import { bytesOf, listOf, numberOf, type Struct } from './schema.ts';
import { topicOf } from './topic-ids.ts';

/** The part of a message that is judged by itself, and in an answer the place of its error. */
export interface Unit {
  readonly topic: string;
  readonly partition: number;
  readonly records: Buffer | undefined;
  readonly struct: Struct;
  /** The structure of the topic that it belongs to; undefined for messages without topics. */
  readonly of: Struct | undefined;
}

/** Undefined where only the id is there, and nobody has told whose it is. */
function nameOf(topic: Struct): string | undefined {
  const name = topic['topic'];
  return typeof name === 'string' ? name : topicOf(bytesOf(topic, 'topicId') ?? Buffer.alloc(0));
}

/**
 * The units of a request or an answer, in order. `unknown` is called for each topic that has no known name: it is left alone, for
 * nobody can say whether it is aimed at, or protected.
 */
export function* unitsOf(api: Api, message: Struct, unknown: () => void): Generator<Unit> {
  if (api.name === 'FindCoordinator') {
    const several = listOf(message, 'brokers');
    for (const struct of several.length > 0 ? several : [message]) yield { topic: '', partition: -1, records: undefined, struct, of: undefined };
    return;
  }
  // OffsetFetch has a list of groups since version 8.
  for (const holder of message['groups'] === undefined ? [message] : listOf(message, 'groups')) {
    for (const topic of listOf(holder, 'topics')) {
      const name = nameOf(topic);
      if (name === undefined) unknown();
      else if (api.name === 'Metadata') yield { topic: name, partition: -1, records: undefined, struct: topic, of: topic };
      else yield* partitionsOf(name, topic);
    }
  }
}

function* partitionsOf(name: string, topic: Struct): Generator<Unit> {
  for (const struct of listOf(topic, 'partitions')) {
    yield { topic: name, partition: numberOf(struct, 'partition', -1), records: bytesOf(struct, 'records'), struct, of: topic };
  }
}

/** What says which part it is; the rest of a part that failed has no meaning. */
const IDENTITY = new Set(['topic', 'topicId', 'partition', 'key', 'isInternal', 'throttleTimeMs']);

/** Makes a part of an answer say that it failed. */
export function failUnit(struct: Struct, code: number, message: string): void {
  for (const field of Object.keys(struct)) if (!IDENTITY.has(field)) delete struct[field];
  struct['errorCode'] = code;
  if (message !== '') struct['errorMessage'] = message;
}
