import type { Condition, Described, Facts, Refusal } from './subject.ts';

/**
 * What a protocol of requests that are answered in order must tell the wire: where messages begin and end, what they are called, and how a refusal is written.
 * A codec knows nothing of policies and effects; they know nothing of its bytes.
 */

/** What a framer found next. Plain numbers, because this is the hot path. */
export const STEP = {
  /** The bytes ran out within a message. Within a head, `position` stands at its start and the caller brings it again. */
  more: 0,
  /** A head is complete; `position` stands behind it. */
  head: 1,
  /** The message is complete; `position` stands behind it. */
  end: 2,
  /** From `position` on nobody can say where messages end: the rest of the connection is one stream of bytes. */
  opaque: 3,
} as const;

/** Finds message boundaries in one direction of one connection. Copies nothing, allocates nothing. */
export interface Framer {
  /** Scans bytes[at, end) up to the next step. `bytes` may be another buffer than last time; the order of bytes counts. */
  step(bytes: Uint8Array, at: number, end: number): number;
  /** Where the last step ended. */
  readonly position: number;
  /** True while a head has begun and is not complete. */
  readonly inHead: boolean;
}

/** Finds requests. The fields describe the head that the last `head` step completed, as offsets into its bytes. */
export interface RequestFramer extends Framer {
  readonly start: number;
  /** What policies match on: [nameStart, nameEnd). */
  readonly nameStart: number;
  readonly nameEnd: number;
  readonly headEnd: number;
  /** What the response framer must know of this request; opaque to everyone else. */
  readonly kind: number;
  /** True when the connection cannot go on after a refusal of this message. */
  readonly last: boolean;
  /** True when what follows the message is only known once it is answered (an upgrade). */
  readonly pivot: boolean;
}

/** Finds responses to the requests that were announced with `expect`, in order. */
export interface ResponseFramer extends Framer {
  expect(kind: number): void;
  /** How many announced requests are not yet fully answered. */
  readonly outstanding: number;
  /** The kind of the oldest of them. */
  readonly kind: number;
  /** True when the end of the stream is part of what the responses so far say (the body ends with it). */
  readonly endsWithStream: boolean;
  /** After an opaque step: why nobody can follow any more; '' when that is as both ends agreed, or matters to nobody. */
  readonly why: string;
}

export interface Codec {
  requests(): RequestFramer;
  responses(): ResponseFramer;
  /** Whether the head in bytes[start, end) carries all of these metadata pairs. */
  carries(bytes: Uint8Array, start: number, end: number, wanted: readonly Condition[]): boolean;
  /** What conditions see of the head in bytes[start, headEnd). Not for the hot path. */
  facts(bytes: Buffer, start: number, nameStart: number, nameEnd: number, headEnd: number): Facts;
  /** The head in bytes[start, headEnd), for people; bounded, and without secrets. Not for the hot path. */
  describe(bytes: Buffer, start: number, nameStart: number, nameEnd: number, headEnd: number): Described;
  /** The bytes that refuse a message of this kind; `last` says that the connection ends behind it. */
  refuse(refusal: Refusal, kind: number, last: boolean): Buffer;
}
