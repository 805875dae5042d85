import { HeldBytes } from '../held-bytes.ts';
import { HEADER, SERVER } from './postgres-messages.ts';

/** What the reader of answers tells, in the order of the bytes. */
export interface AnswerEvents {
  /** Passes bytes on to the client. */
  answer(bytes: Buffer, from: number, to: number): void;
  /** ReadyForQuery, with its status; its last byte has not been forwarded yet. */
  ready(status: number): void;
  /** BackendKeyData: what its client must know to cancel. */
  keyData(secret: Buffer): void;
  copyIn(): void;
  error(): void;
  /** Whether the next error may be the answer to something that was refused, and must be seen whole. */
  readonly wantsError: boolean;
  /** Such an error, whole: it is passed on unless this returns true. */
  replaced(error: Buffer): boolean;
  /** The bytes are no messages of this protocol. */
  broken(): void;
}

/** An error beyond this length is none that was provoked; in bytes. */
const LONGEST_ERROR = 16_384;
/** A message is at most 1 GB long (PQ_LARGE_MESSAGE_LIMIT). */
export const LONGEST_MESSAGE = 0x4000_0000;

/** A process id and a key of at most 256 bytes (PostgreSQL documentation, "BackendKeyData"). */
const LONGEST_KEY = 260;

const NOTHING = Buffer.alloc(0);

/** Follows the messages of a server, wherever they are cut. Passes everything on at once, but for an error that may be replaced. */
export class Answers {
  readonly #events: AnswerEvents;
  readonly #head = Buffer.alloc(HEADER);
  #headLength = 0;
  /** Bytes of the message under way that are still to come. */
  #left = 0;
  #type = 0;
  #capturing = false;
  readonly #captured = new HeldBytes();
  readonly #key = new HeldBytes();

  constructor(events: AnswerEvents) {
    this.#events = events;
  }
  /** Between two messages: another one may be put in. */
  get atBoundary(): boolean {
    return this.#left === 0 && this.#headLength === 0;
  }

  read(bytes: Buffer, start: number, end: number): void {
    const events = this.#events;
    let from = start;
    let at = start;
    while (at < end) {
      if (this.#left === 0) {
        if (this.#headLength === 0 && bytes[at] === SERVER.error && events.wantsError) {
          events.answer(bytes, from, at);
          from = at;
          this.#capturing = true;
        }
        at = this.#readHead(bytes, at, end);
        if (this.#headLength < HEADER) break;
        this.#headLength = 0;
        const length = this.#head.readInt32BE(1);
        if (length < 4 || length > LONGEST_MESSAGE) return this.#giveUp(bytes, from, end);
        this.#type = this.#head[0] as number;
        this.#left = length - 4;
        if (this.#left > LONGEST_ERROR) from = this.#release(bytes, from, at);
        if (this.#type === SERVER.copyIn) events.copyIn();
        else if (this.#type === SERVER.error) events.error();
      } else {
        // The status may come in a piece of its own.
        if (this.#type === SERVER.ready && this.#left === 1) events.ready(bytes[at] as number);
        const size = Math.min(this.#left, end - at);
        this.#left -= size;
        if (this.#type === SERVER.keyData) this.#readKey(bytes, at, at + size);
        at += size;
      }
      if (this.#left === 0 && this.#capturing) from = this.#decide(bytes, from, at);
    }
    if (this.#capturing) this.#captured.append(bytes, from, at);
    else events.answer(bytes, from, at);
  }
  /** The server will send no more: an error that is not whole goes on as it is. */
  end(): void {
    this.#release(NOTHING, 0, 0);
  }
  /** Reads on after a broken message is impossible: what was kept back goes on as it is. */
  #giveUp(bytes: Buffer, from: number, end: number): void {
    this.#release(bytes, from, from);
    this.#events.answer(bytes, from, end);
    this.#events.broken();
  }
  #readHead(bytes: Buffer, at: number, end: number): number {
    const size = Math.min(HEADER - this.#headLength, end - at);
    for (let i = 0; i < size; i++) this.#head[this.#headLength + i] = bytes[at + i] as number;
    this.#headLength += size;
    return at + size;
  }
  #readKey(bytes: Buffer, from: number, to: number): void {
    if (this.#key.length + to - from <= LONGEST_KEY) this.#key.append(bytes, from, to);
    if (this.#left === 0) this.#events.keyData(this.#key.take());
  }
  /** Stops capturing; returns what is forwarded from now on. */
  #release(bytes: Buffer, from: number, at: number): number {
    if (!this.#capturing) return from;
    this.#capturing = false;
    const held = this.#captured.take();
    this.#events.answer(held, 0, held.length);
    this.#events.answer(bytes, from, at);
    return at;
  }
  #decide(bytes: Buffer, from: number, at: number): number {
    this.#capturing = false;
    this.#captured.append(bytes, from, at);
    const error = this.#captured.take();
    if (!this.#events.replaced(error)) this.#events.answer(error, 0, error.length);
    return at;
  }
}
