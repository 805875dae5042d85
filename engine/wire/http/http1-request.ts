import { STEP, type RequestFramer } from '../codec.ts';
import { BODY, BodyFramer } from './http1-body.ts';
import { HeadFields, isTarget, isToken, LINE, lineEnd, spells } from './http1-head.ts';

/** What a response framer must know of a request: whether its answer has a body, and whether it may change the protocol. */
export const KIND = { plain: 0, head: 1, connect: 2, upgrade: 3 } as const;

const HEAD = 0;
const BODY_OPEN = 1;
const BODY_NONE = 2;
/** No method that is registered is longer (IANA: 17); a first word beyond it is another protocol. */
const MAX_METHOD = 32;

/** Finds HTTP/1.x requests (RFC 9112). What two servers could read differently is opaque. */
export class HttpRequestFramer implements RequestFramer {
  position = 0;
  inHead = false;
  start = 0;
  nameStart = 0;
  nameEnd = 0;
  headEnd = 0;
  kind: number = KIND.plain;
  last = false;
  pivot = false;
  readonly #fields = new HeadFields();
  readonly #body = new BodyFramer();
  #state = HEAD;
  #lineRead = false;
  /** Relative to the start of the head, because its bytes may move between two calls. */
  #name = 0;
  #nameStop = 0;
  #minor = 1;

  step(bytes: Uint8Array, at: number, end: number): number {
    if (this.#state === HEAD) return this.#head(bytes, at, end);
    if (this.#state === BODY_OPEN) {
      const result = this.#body.step(bytes, at, end);
      this.position = this.#body.position;
      if (result === BODY.malformed) return STEP.opaque;
      if (result === BODY.more) return STEP.more;
    } else this.position = at;
    this.#state = HEAD;
    return STEP.end;
  }

  #head(bytes: Uint8Array, at: number, end: number): number {
    this.position = this.start = at;
    if (!this.inHead) {
      if (at === end) return STEP.more;
      this.inHead = true;
      this.#lineRead = false;
      this.#fields.reset();
    }
    if (!this.#lineRead) {
      const line = this.#requestLine(bytes, at, end);
      if (line === LINE.more) return STEP.more;
      if (line === LINE.malformed) return STEP.opaque;
      this.#lineRead = true;
    }
    const lines = this.#fields.read(bytes, at, end);
    if (lines === LINE.more) return STEP.more;
    if (lines === LINE.malformed || !this.#frame()) return STEP.opaque;
    this.inHead = false;
    this.nameStart = at + this.#name;
    this.nameEnd = at + this.#nameStop;
    this.position = this.headEnd = at + this.#fields.next;
    return STEP.head;
  }

  /** Decides how long the body is; false when that is open to interpretation. */
  #frame(): boolean {
    const fields = this.#fields;
    const sized = fields.contentLength >= 0;
    // RFC 9112, 6.1: both lengths, a coding that does not end in chunked, or any coding in HTTP/1.0 ask for smuggling.
    if (fields.oddCoding || (fields.chunked && (sized || this.#minor === 0))) return false;
    if (this.kind === KIND.connect && (fields.chunked || sized)) return false;
    if (this.kind === KIND.plain && fields.upgrade) this.kind = KIND.upgrade;
    if (fields.chunked) this.#body.chunks();
    else this.#body.sized(sized ? fields.contentLength : 0);
    this.#state = fields.chunked || fields.contentLength > 0 ? BODY_OPEN : BODY_NONE;
    this.pivot = this.kind >= KIND.connect;
    // A client of HTTP/1.0 takes a refusal for complete only at the end, unless it is promised to go on.
    this.last = fields.close || fields.expectContinue || this.#minor === 0;
    return true;
  }

  #requestLine(bytes: Uint8Array, start: number, end: number): number {
    const fields = this.#fields;
    // Empty lines before a request are left over by some clients (RFC 9112, 2.2); they travel with it.
    while (bytes[start + fields.next] === 13 && bytes[start + fields.next + 1] === 10 && start + fields.next + 1 < end) fields.next += 2;
    const line = start + fields.next;
    if (line >= end || (line + 1 === end && bytes[line] === 13)) return LINE.more;
    let at = line;
    const limit = Math.min(end, line + MAX_METHOD);
    while (at < limit && isToken(bytes[at] as number)) at++;
    if (at === end) return LINE.more;
    if (at === line || bytes[at] !== 32) return LINE.malformed;
    const methodEnd = at;
    const stop = lineEnd(bytes, Math.max(at + 1, start + fields.searched), end);
    if (stop === -2) return LINE.malformed;
    if (stop === -1) {
      fields.searched = Math.max(0, end - start - 1);
      // The limit of a whole head holds for its first line too; read() applies it.
      return fields.searched > fields.next ? fields.read(bytes, start, end) : LINE.more;
    }
    at++;
    const target = at;
    while (at < stop && isTarget(bytes[at] as number)) at++;
    if (at === target || bytes[at] !== 32 || stop - at !== 9 || !spells(bytes, at + 1, at + 8, 'http/1.')) return LINE.malformed;
    if (bytes[at + 1] !== 72 || bytes[at + 2] !== 84 || bytes[at + 3] !== 84 || bytes[at + 4] !== 80) return LINE.malformed;
    this.#minor = (bytes[at + 8] as number) - 48;
    if (this.#minor !== 0 && this.#minor !== 1) return LINE.malformed;
    this.#identify(bytes, start, line, methodEnd, target, at);
    fields.next = stop + 2 - start;
    return LINE.end;
  }

  /** The name that policies match is the request target as it stands; the snapshot knows about queries. */
  #identify(bytes: Uint8Array, start: number, line: number, methodEnd: number, target: number, targetEnd: number): void {
    const size = methodEnd - line;
    const first = bytes[line];
    this.kind = KIND.plain;
    if (size === 4 && first === 72 && bytes[line + 1] === 69 && bytes[line + 2] === 65 && bytes[line + 3] === 68) this.kind = KIND.head;
    else if (size === 7 && first === 67 && bytes[line + 1] === 79 && spells(bytes, line, methodEnd, 'connect')) this.kind = KIND.connect;
    this.#name = target - start;
    this.#nameStop = targetEnd - start;
  }
}
