import { STEP, type ResponseFramer } from '../codec.ts';
import { BODY, BodyFramer } from './http1-body.ts';
import { HeadFields, LINE, lineEnd } from './http1-head.ts';
import { KIND } from './http1-request.ts';

const HEAD = 0;
const BODY_OPEN = 1;
const BODY_NONE = 2;
const UNTIL_CLOSE = 3;

const VERSION = [72, 84, 84, 80, 47, 49, 46]; // HTTP/1.

/** Finds HTTP/1.x responses to the requests that were announced, in their order (RFC 9112, section 6.3). */
export class HttpResponseFramer implements ResponseFramer {
  position = 0;
  inHead = false;
  endsWithStream = false;
  why = 'the bytes of the server are no answer that this protocol knows';
  readonly #fields = new HeadFields();
  readonly #body = new BodyFramer();
  #state = HEAD;
  #lineRead = false;
  #status = 0;
  #minor = 1;
  /** Kinds of the requests that wait for an answer: a ring that grows when a client pipelines more. */
  #kinds = new Uint8Array(8);
  #first = 0;
  outstanding = 0;

  get kind(): number {
    return this.#kinds[this.#first] as number;
  }

  expect(kind: number): void {
    if (this.outstanding === this.#kinds.length) {
      const grown = new Uint8Array(this.#kinds.length * 2);
      for (let i = 0; i < this.outstanding; i++) grown[i] = this.#kinds[(this.#first + i) % this.#kinds.length] as number;
      this.#kinds = grown;
      this.#first = 0;
    }
    this.#kinds[(this.#first + this.outstanding++) % this.#kinds.length] = kind;
  }

  step(bytes: Uint8Array, at: number, end: number): number {
    if (this.#state === HEAD) return this.#head(bytes, at, end);
    if (this.#state === UNTIL_CLOSE) {
      this.position = end;
      return STEP.more;
    }
    if (this.#state === BODY_OPEN) {
      const result = this.#body.step(bytes, at, end);
      this.position = this.#body.position;
      if (result === BODY.malformed) return STEP.opaque;
      if (result === BODY.more) return STEP.more;
    } else this.position = at;
    this.#state = HEAD;
    this.#first = (this.#first + 1) % this.#kinds.length;
    this.outstanding--;
    return STEP.end;
  }

  #head(bytes: Uint8Array, at: number, end: number): number {
    this.position = at;
    if (!this.inHead) {
      if (at === end) return STEP.more;
      // An answer that nobody asked for, such as a server's 408 before it closes.
      if (this.outstanding === 0) {
        this.why = '';
        return STEP.opaque;
      }
      this.inHead = true;
      this.#lineRead = false;
      this.#fields.reset();
    }
    if (!this.#lineRead) {
      const line = this.#statusLine(bytes, at, end);
      if (line === LINE.more) return STEP.more;
      if (line === LINE.malformed) return STEP.opaque;
      this.#lineRead = true;
    }
    const lines = this.#fields.read(bytes, at, end);
    if (lines === LINE.more) return STEP.more;
    if (lines === LINE.malformed) return STEP.opaque;
    this.inHead = false;
    this.position = at + this.#fields.next;
    return this.#frame();
  }

  #frame(): number {
    const fields = this.#fields;
    const status = this.#status;
    const kind = this.kind;
    if (status === 101 || (kind === KIND.connect && status >= 200 && status < 300)) {
      this.why = fields.h2c ? 'the connection goes on as HTTP/2 by an upgrade (h2c)' : '';
      return STEP.opaque;
    }
    // 100 Continue and its like announce; the answer is still to come.
    if (status < 200) return STEP.head;
    this.endsWithStream = fields.close || (this.#minor === 0 && !fields.keepAlive);
    if (kind === KIND.head || status === 204 || status === 304) this.#state = BODY_NONE;
    else if (fields.chunked || fields.oddCoding) {
      if (fields.contentLength >= 0 || this.#minor === 0) return STEP.opaque;
      if (fields.chunked) this.#body.chunks();
      this.#state = fields.chunked ? BODY_OPEN : UNTIL_CLOSE;
    } else if (fields.contentLength >= 0) {
      this.#body.sized(fields.contentLength);
      this.#state = fields.contentLength > 0 ? BODY_OPEN : BODY_NONE;
    } else this.#state = UNTIL_CLOSE;
    if (this.#state === UNTIL_CLOSE) this.endsWithStream = true;
    return STEP.head;
  }

  #statusLine(bytes: Uint8Array, start: number, end: number): number {
    for (let i = 0; i < VERSION.length && start + i < end; i++) if (bytes[start + i] !== VERSION[i]) return LINE.malformed;
    const fields = this.#fields;
    const stop = lineEnd(bytes, start + fields.searched, end);
    if (stop === -2) return LINE.malformed;
    if (stop === -1) {
      fields.searched = Math.max(0, end - start - 1);
      return fields.searched > 0 ? fields.read(bytes, start, end) : LINE.more;
    }
    // HTTP/1.x SP three digits, then the end or SP reason.
    if (stop - start < 12 || bytes[start + 8] !== 32 || (stop - start > 12 && bytes[start + 12] !== 32)) return LINE.malformed;
    this.#minor = (bytes[start + 7] as number) - 48;
    if (this.#minor !== 0 && this.#minor !== 1) return LINE.malformed;
    this.#status = 0;
    for (let i = 9; i < 12; i++) {
      const digit = (bytes[start + i] as number) - 48;
      if (digit < 0 || digit > 9) return LINE.malformed;
      this.#status = this.#status * 10 + digit;
    }
    if (this.#status < 100) return LINE.malformed;
    fields.next = stop + 2 - start;
    return LINE.end;
  }
}
