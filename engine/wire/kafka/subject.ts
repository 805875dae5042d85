import { contextOf, sentBy } from '../baggage.ts';
import type { Condition, Described, Facts, Subject } from '../subject.ts';
import { type KafkaRecord, someRecord } from './records.ts';

/** Characters of a key or of a list of topics that are shown or compared at most. */
const LONGEST = 1_024;
const NONE: KafkaRecord = { offset: -1, key: () => '', header: () => undefined, headers: () => ({}), carries: () => false };

/**
 * What is judged: a part of a request (one partition of a topic, or a request without a topic), or one record. One object stands for
 * one after the other.
 */
export class KafkaSubject implements Subject {
  clientId = '';
  api = '';
  version = 0;
  correlation = 0;
  topic = '';
  /** -1 = none. */
  partition = -1;
  /** What the part carries; absent: no records. */
  records: Buffer | undefined;
  /** The record that is judged by itself. */
  record: KafkaRecord | undefined;

  request(api: string, version: number, correlation: number): this {
    this.api = api;
    this.version = version;
    this.correlation = correlation;
    return this.part('', -1, undefined);
  }
  part(topic: string, partition: number, records: Buffer | undefined): this {
    this.topic = topic;
    this.partition = partition;
    this.records = records;
    this.record = undefined;
    return this;
  }

  /** Of a part: whether one of its records carries them all. */
  carries(wanted: readonly Condition[]): boolean {
    if (this.record !== undefined) return this.record.carries(wanted);
    return this.records !== undefined && someRecord(this.records, (record) => record.carries(wanted));
  }
  /** Of a part: key and headers are those of its first record. */
  facts(): Facts {
    return this.#ofRecord((record) => ({
      kafka: {
        api: this.api,
        topic: this.topic,
        partition: BigInt(this.partition),
        client_id: this.clientId,
        key: record.key().slice(0, LONGEST),
        headers: record.headers(),
      },
      ...contextOf((name) => record.header(name)),
    }));
  }
  describe(): Described {
    const where = this.topic === '' ? '' : `${this.topic}${this.partition < 0 ? '' : `/${this.partition}`}`;
    const what = this.record === undefined ? '' : ` record ${this.record.offset}`;
    return {
      method: this.api === '' ? 'other' : this.api,
      target: this.topic,
      ...this.#ofRecord((record) => sentBy(record.header('traceparent') ?? '')),
      requestId: String(this.correlation),
      head: `${this.api} v${this.version} ${where}${what} from ${this.clientId}`.replace(/ +/g, ' ').slice(0, LONGEST),
    };
  }

  #ofRecord<Found>(ask: (record: KafkaRecord) => Found): Found {
    if (this.record !== undefined) return ask(this.record);
    let found: { readonly of: Found } | undefined;
    if (this.records !== undefined) someRecord(this.records, (record) => (found ??= { of: ask(record) }) !== undefined);
    return found === undefined ? ask(NONE) : (found as { readonly of: Found }).of;
  }
}
