import type { Condition } from '../subject.ts';
import { CODEC_BITS, inflated } from './compression.ts';
import { crc32c } from './crc32c.ts';
import { Malformed, Reader, Writer } from './primitives.ts';

/**
 * Record batches of magic 2 (https://kafka.apache.org/documentation/#recordbatch): found, read record by record, and written again
 * without some of their records. Offsets stay as they are: a batch that lost records looks like one that was compacted.
 */

/** Places within a batch. */
const LENGTH = 8;
const MAGIC = 16;
const CRC = 17;
const ATTRIBUTES = 21;
const LAST_OFFSET_DELTA = 23;
const COUNT = 57;
const HEAD = 61;
/** What stands before the bytes that `LENGTH` counts. */
const LOG_OVERHEAD = 12;
/** A bit of the attributes: the batch holds marks of the broker, which no application sees. */
const CONTROL = 0x20;

/** One record, for as long as the visit lasts. */
export interface KafkaRecord {
  readonly offset: number;
  /** Its key as text; '' when it has none. */
  key(): string;
  /** The last value of a header as text. */
  header(name: string): string | undefined;
  headers(): Readonly<Record<string, string>>;
  carries(wanted: readonly Condition[]): boolean;
}

class BatchRecord implements KafkaRecord {
  offset = 0;
  readonly #reader: Reader;
  #keyAt = 0;
  #keyLength = -1;
  #headersAt = 0;

  constructor(reader: Reader) {
    this.#reader = reader;
  }
  /** Reads the record at the reader's place, and leaves that behind it. */
  read(baseOffset: number): void {
    const reader = this.#reader;
    const length = reader.varint();
    const end = reader.at + length;
    if (length < 0 || end > reader.end) throw new Malformed('a record is longer than its batch');
    reader.take(1);
    reader.skipVarlong();
    this.offset = baseOffset + reader.varint();
    this.#keyLength = reader.varint();
    this.#keyAt = reader.take(Math.max(0, this.#keyLength));
    reader.take(Math.max(0, reader.varint()));
    this.#headersAt = reader.at;
    if (reader.at > end) throw new Malformed('a record is shorter than what it holds');
    reader.at = end;
  }
  key(): string {
    return this.#keyLength <= 0 ? '' : this.#reader.bytes.toString('utf8', this.#keyAt, this.#keyAt + this.#keyLength);
  }
  header(name: string): string | undefined {
    let found: string | undefined;
    this.#eachHeader((key, value) => {
      if (key.toLowerCase() === name) found = value.toString('utf8');
    });
    return found;
  }
  headers(): Readonly<Record<string, string>> {
    const all: Record<string, string> = Object.create(null) as Record<string, string>;
    this.#eachHeader((key, value) => void (all[key] = value.toString('utf8')));
    return { ...all };
  }
  carries(wanted: readonly Condition[]): boolean {
    return wanted.every(({ name, value }) => {
      let found = false;
      const wantedName = Buffer.from(name).toString('latin1');
      this.#eachHeader((key, bytes) => (found ||= key.toLowerCase() === wantedName && bytes.equals(value)));
      return found;
    });
  }
  #eachHeader(visit: (key: string, value: Buffer) => void): void {
    const { bytes, end } = this.#reader;
    const reader = new Reader(bytes, this.#headersAt, end);
    for (let left = reader.varint(); left > 0; left--) {
      const key = reader.slice(Math.max(0, reader.varint())).toString('utf8');
      visit(key, reader.slice(Math.max(0, reader.varint())));
    }
  }
}

/** What was found in the records of one partition. */
export interface Visited {
  /** The same bytes when no record was left out. */
  readonly bytes: Buffer;
  /** Batches that could not be read (an older format, too large, damaged): they are in `bytes` as they came. */
  readonly notUnderstood: string;
}

/**
 * Visits every record of the batches in order; a record for which `leaveOut` says true is left out. A batch at the end that is not
 * complete stays: brokers cut answers off at their limit, and clients expect it. Never throws.
 */
export function withoutRecords(batches: Buffer, leaveOut: (record: KafkaRecord) => boolean): Visited {
  const parts: Buffer[] = [];
  let changed = false;
  let notUnderstood = '';
  for (let at = 0; at < batches.length; ) {
    const end = batchEnd(batches, at);
    const batch = batches.subarray(at, end ?? batches.length);
    at = end ?? batches.length;
    let next = batch;
    try {
      if (end !== undefined) next = rewritten(batch, leaveOut);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      notUnderstood = error.message;
    }
    changed ||= next !== batch;
    parts.push(next);
  }
  return { bytes: changed ? Buffer.concat(parts) : batches, notUnderstood };
}

/** Whether `is` holds for one of the records that can be read. Batches behind that one are not even opened. Never throws. */
export function someRecord(batches: Buffer, is: (record: KafkaRecord) => boolean): boolean {
  for (let at = 0; ; ) {
    const end = batchEnd(batches, at);
    if (end === undefined) return false;
    try {
      const opened = open(batches.subarray(at, end));
      for (let i = 0; i < opened.count; i++) {
        opened.record.read(opened.base);
        if (is(opened.record)) return true;
      }
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
    }
    at = end;
  }
}

/** Where the batch at `at` ends; undefined when it is not complete. */
function batchEnd(bytes: Buffer, at: number): number | undefined {
  if (bytes.length - at < LOG_OVERHEAD) return undefined;
  const length = bytes.readInt32BE(at + LENGTH);
  const end = at + LOG_OVERHEAD + length;
  return length <= 0 || end > bytes.length ? undefined : end;
}

/** A batch whose records are read one after the other. */
interface Opened {
  readonly attributes: number;
  readonly bytes: Buffer;
  readonly reader: Reader;
  readonly record: BatchRecord;
  readonly base: number;
  readonly count: number;
}
function open(batch: Buffer): Opened {
  if (batch.length < HEAD) throw new Malformed('a batch is shorter than its head');
  if (batch[MAGIC] !== 2) throw new Malformed(`records of format ${batch[MAGIC]} are too old to be told apart`);
  const attributes = batch.readInt16BE(ATTRIBUTES);
  const control = (attributes & CONTROL) !== 0;
  const bytes = control ? batch.subarray(HEAD) : inflated(attributes & CODEC_BITS, batch.subarray(HEAD));
  const reader = new Reader(bytes);
  const count = control ? 0 : batch.readInt32BE(COUNT);
  if (count < 0) throw new Malformed('a batch cannot have so few records');
  return { attributes, bytes, reader, record: new BatchRecord(reader), base: Number(batch.readBigInt64BE(0)), count };
}

function rewritten(batch: Buffer, leaveOut: (record: KafkaRecord) => boolean): Buffer {
  const { attributes, bytes, reader, record, base, count } = open(batch);
  const kept: Buffer[] = [];
  let from = 0;
  let left = 0;
  for (let i = 0; i < count; i++) {
    const start = reader.at;
    record.read(base);
    const end = reader.at;
    if (!leaveOut(record)) left++;
    else {
      if (start > from) kept.push(bytes.subarray(from, start));
      from = end;
    }
  }
  if (left === count) return batch;
  if (left === 0) return emptied(batch, attributes);
  kept.push(bytes.subarray(from));
  return sealed(batch, attributes & ~CODEC_BITS, left, kept);
}

/**
 * A batch without a record stops some clients (kafkajs takes it for the end of the log), so a mark of the broker stands in it, which
 * all of them step over: the end of a transaction that was committed, at the last offset.
 */
function emptied(batch: Buffer, attributes: number): Buffer {
  // https://kafka.apache.org/documentation/#controlbatch: version and type (1 = commit); then version and the coordinator's epoch.
  const key = Buffer.from([0, 0, 0, 1]);
  const value = Buffer.alloc(6);
  const body = new Writer().int8(0).varint(0).varint(batch.readInt32BE(LAST_OFFSET_DELTA));
  body.varint(key.length).raw(key).varint(value.length).raw(value).varint(0);
  const bytes = body.done();
  return sealed(batch, (attributes & ~CODEC_BITS) | CONTROL, 1, [new Writer().varint(bytes.length).raw(bytes).done()]);
}

/** A batch with the head of another one, these attributes and records; length and checksum are right. */
function sealed(like: Buffer, attributes: number, count: number, records: readonly Buffer[]): Buffer {
  const batch = Buffer.concat([like.subarray(0, HEAD), ...records]);
  batch.writeInt32BE(batch.length - LOG_OVERHEAD, LENGTH);
  batch.writeInt16BE(attributes, ATTRIBUTES);
  batch.writeInt32BE(count, COUNT);
  batch.writeUInt32BE(crc32c(batch, ATTRIBUTES), CRC);
  return batch;
}
