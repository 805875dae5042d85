import { FakeLink } from '../../../test/wire/fake-link.ts';
import { policy } from '../../../test/wire/parts.ts';
import type { WirePolicy } from '../../policy/snapshot.ts';
import { apiOf, isFlexible } from './apis.ts';
import { crc32c } from './crc32c.ts';
import { Writer } from './primitives.ts';
import { answerFrame } from './refusals.ts';
import { type Struct, write } from './schema.ts';
import { KafkaSession } from './session.ts';

/** A connection without sockets, and messages for it. */
export const talk = (...policies: Partial<WirePolicy>[]): FakeLink =>
  new FakeLink('kafka', (link) => new KafkaSession(link), policies.map((over) => policy({ protocol: 'kafka', ...over })));

/** A request of any API; the body of one whose requests are not known is given as bytes. */
export function request(key: number, version: number, correlation: number, body: Struct | Buffer, clientId: string | null = 'test'): Buffer {
  const api = apiOf(key);
  const writer = new Writer().int32(0).int16(key).int16(version).int32(correlation).string(clientId, false);
  if (isFlexible(api, version)) writer.uvarint(0);
  if (Buffer.isBuffer(body)) writer.raw(body);
  else if (api.request !== undefined) write(api.request, version, body, writer);
  return sized(writer);
}
export const answer = (key: number, version: number, correlation: number, body: Struct): Buffer => answerFrame(apiOf(key), version, correlation, body);

function sized(writer: Writer): Buffer {
  const frame = writer.done();
  frame.writeInt32BE(frame.length - 4, 0);
  return frame;
}

export interface TestRecord {
  readonly key?: string;
  readonly value: string;
  readonly headers?: Readonly<Record<string, string>>;
}
/** A batch of magic 2; `squeeze` compresses its records as `codec` says. */
export function batch(base: number, records: readonly TestRecord[], codec = 0, squeeze = (bytes: Buffer): Uint8Array => bytes): Buffer {
  const body = new Writer();
  records.forEach(({ key, value, headers = {} }, delta) => {
    const record = new Writer().int8(0).varint(0).varint(delta);
    if (key === undefined) record.varint(-1);
    else record.varint(Buffer.byteLength(key)).raw(Buffer.from(key));
    record.varint(Buffer.byteLength(value)).raw(Buffer.from(value)).varint(Object.keys(headers).length);
    for (const text of Object.entries(headers).flat()) record.varint(Buffer.byteLength(text)).raw(Buffer.from(text));
    const bytes = record.done();
    body.varint(bytes.length).raw(bytes);
  });
  const writer = new Writer().int64(BigInt(base)).int32(0).int32(0).int8(2).int32(0).int16(codec).int32(records.length - 1);
  writer.int64(1_000n).int64(2_000n).int64(-1n).int16(-1).int32(-1).int32(records.length).raw(squeeze(body.done()));
  const bytes = writer.done();
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes.writeUInt32BE(crc32c(bytes, 21), 17);
  return bytes;
}
