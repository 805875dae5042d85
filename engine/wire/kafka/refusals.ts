import type { Api } from './apis.ts';
import type { Failure } from './judge.ts';
import { Reader, Writer } from './primitives.ts';
import { listOf, read, type Struct, write } from './schema.ts';
import { failUnit } from './units.ts';

/** The topics of a request that the broker was not shown, as the answer is to tell of them. */
export type Refused = readonly Struct[];

const SIZE = 4;

/** The error of a failure: the policy's, or what the API would most likely say. */
export const codeOf = (api: Api, { verdict }: Failure): number => (verdict.refusal.code === 0 ? api.fallback : verdict.refusal.code);
/** The verdict as it is told: with the code that the client got. */
export const toldOf = (api: Api, failure: Failure): Failure['verdict'] => ({
  ...failure.verdict, refusal: { ...failure.verdict.refusal, code: codeOf(api, failure) },
});
export const textOfFailure = ({ verdict }: Failure): string => Buffer.from(verdict.refusal.body).toString('utf8');

/** The frame of an answer: size, correlation id, tagged fields where the version has them, and the message. */
export function answerFrame(api: Api, version: number, correlation: number, answer: Struct): Buffer {
  if (api.response === undefined) throw new Error(`the answers of ${api.name} are not known`);
  const writer = new Writer().int32(0).int32(correlation);
  if (version >= api.response.flexible) writer.uvarint(0);
  return sized(write(api.response, version, answer, writer));
}
/** The message in the frame of an answer. Throws Malformed. */
export function readAnswer(api: Api, version: number, frame: Buffer): Struct {
  if (api.response === undefined) throw new Error(`the answers of ${api.name} are not known`);
  const reader = new Reader(frame, SIZE + 4);
  if (version >= api.response.flexible) reader.tags();
  return read(api.response, version, reader);
}
/** The frame of a request with another message behind the same header, which ends at `bodyAt`. */
export function requestFrame(api: Api, version: number, frame: Buffer, bodyAt: number, request: Struct): Buffer {
  if (api.request === undefined) throw new Error(`the requests of ${api.name} are not known`);
  return sized(write(api.request, version, request, new Writer().int32(0).raw(frame.subarray(SIZE, bodyAt))));
}
function sized(writer: Writer): Buffer {
  const frame = writer.done();
  frame.writeInt32BE(frame.length - SIZE, 0);
  return frame;
}

/** The answer to a request without topics that fails as a whole. */
export function refusal(api: Api, code: number, message: string): Struct {
  const answer: Struct = {};
  failUnit(answer, code, message);
  if (api.name === 'LeaveGroup') answer['members'] = [];
  return answer;
}

/** Takes the failed parts out of a request, and says what its answer is to tell of them. */
export function takeOut(api: Api, request: Struct, failures: readonly Failure[]): Refused {
  const refused = new Map<Struct, Struct>();
  for (const failure of failures) {
    const { of, struct } = failure.unit;
    if (of === undefined) continue;
    let topic = refused.get(of);
    if (topic === undefined) {
      topic = { ...identityOf(of), partitions: [] };
      refused.set(of, topic);
    }
    const part: Struct = { partition: struct['partition'] ?? -1 };
    failUnit(part, codeOf(api, failure), textOfFailure(failure));
    listOf(topic, 'partitions').push(part);
    of['partitions'] = listOf(of, 'partitions').filter((one) => one !== struct);
  }
  request['topics'] = listOf(request, 'topics').filter((topic) => listOf(topic, 'partitions').length > 0);
  return [...refused.values()];
}

/** Adds what was taken out of the request to the broker's answer. */
export function putBack(answer: Struct, refused: Refused): void {
  const topics = listOf(answer, 'topics');
  for (const topic of refused) {
    const known = topics.find((one) => sameTopic(one, topic));
    if (known === undefined) topics.push(topic);
    else listOf(known, 'partitions').push(...listOf(topic, 'partitions'));
  }
  answer['topics'] = topics;
}

function identityOf(topic: Struct): Struct {
  const identity: Struct = {};
  for (const field of ['topic', 'topicId']) {
    const value = topic[field];
    if (value !== undefined) identity[field] = value;
  }
  return identity;
}
function sameTopic(one: Struct, other: Struct): boolean {
  const [a, b] = [one['topicId'], other['topicId']];
  return Buffer.isBuffer(a) && Buffer.isBuffer(b) ? a.equals(b) : one['topic'] === other['topic'];
}
