import { apiOf, isFlexible, PRODUCE } from './apis.ts';
import { Malformed, Reader } from './primitives.ts';

/** What `RequestHead.scan` found. */
export const HEAD = { more: 0, complete: 1, odd: 2 } as const;

/** The size field in front of every message, in bytes. */
export const SIZE = 4;
/** Larger messages do not exist (brokers refuse beyond `socket.request.max.bytes`, 100 MiB by default): the bytes are something else. */
export const MAX_MESSAGE = 1_073_741_824;
/** The smallest header: API key, version, correlation id. */
const SMALLEST = 8;
/** Beyond every key and version there is; what claims more is no request. */
const MAX_KEY = 1_000;
const MAX_VERSION = 100;
/** Its version 0 is the only request whose header has no client id. */
const CONTROLLED_SHUTDOWN = 7;
/** TLS records of a handshake begin with these bytes (RFC 8446, 5.1), which as a size would be above 350 MB. */
const TLS = 0x1603;

/**
 * The head of a request: its header, and of Produce also what says whether it is answered at all
 * (https://kafka.apache.org/protocol.html#protocol_messages). Copies nothing; one object serves all requests of a connection.
 */
export class RequestHead {
  /** Bytes of the message with its size field. */
  length = 0;
  key = 0;
  version = 0;
  correlation = 0;
  /** The client id is bytes[clientAt, clientEnd) of the buffer that was scanned. */
  clientAt = 0;
  clientEnd = 0;
  /** Where the body begins, from the start of the message. */
  bodyAt = 0;
  /** Whether the broker answers: not when a producer asks for no acknowledgement. */
  answered = true;
  /** Why the bytes are no request. */
  why = '';
  readonly #reader = new Reader(Buffer.alloc(0));

  /** Scans the message that begins at bytes[at]. */
  scan(bytes: Buffer, at: number, end: number): number {
    if (end - at < SIZE) return HEAD.more;
    const size = bytes.readInt32BE(at);
    if (size < SMALLEST || size > MAX_MESSAGE || size >>> 16 === TLS) return this.#odd(size >>> 16 === TLS);
    if (end - at < SIZE + SMALLEST) return HEAD.more;
    this.length = SIZE + size;
    this.key = bytes.readInt16BE(at + 4);
    this.version = bytes.readInt16BE(at + 6);
    this.correlation = bytes.readInt32BE(at + 8);
    if (this.key < 0 || this.key > MAX_KEY || this.version < 0 || this.version > MAX_VERSION) return this.#odd(false);
    const stop = at + this.length;
    try {
      this.#rest(bytes, at, Math.min(end, stop));
      return HEAD.complete;
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      return end < stop ? HEAD.more : this.#odd(false);
    }
  }

  #rest(bytes: Buffer, at: number, end: number): void {
    const reader = this.#reader.over(bytes, at + SIZE + SMALLEST, end);
    this.answered = true;
    this.clientAt = this.clientEnd = reader.at;
    if (this.key === CONTROLLED_SHUTDOWN && this.version === 0) return;
    const api = apiOf(this.key);
    const length = reader.int16();
    this.clientAt = reader.take(Math.max(0, length));
    this.clientEnd = reader.at;
    const flexible = isFlexible(api, this.version);
    if (flexible) reader.skipTags();
    this.bodyAt = reader.at - at;
    if (this.key !== PRODUCE) return;
    if (this.version >= 3) reader.take(Math.max(0, reader.length(flexible, false)));
    this.answered = reader.int16() !== 0;
  }
  #odd(tls: boolean): number {
    this.why = tls ? 'the client speaks TLS' : 'the bytes of the client are no requests of Kafka';
    return HEAD.odd;
  }
}
