import type { Condition } from '../subject.ts';

/**
 * Reads the header section of an HTTP/1.1 message, line by line, and keeps only what decides where the message ends
 * (RFC 9112, sections 2-7). It is strict on purpose: two parsers that disagree about one message are how requests are
 * smuggled, so whatever is not plainly well-formed is called malformed, and the caller stops interpreting.
 */

/** A head longer than this is not interpreted. Servers allow 8 KB (nginx, Apache) to 64 KB; Node 16 KB. */
export const MAX_HEAD = 65_536;

export const LINE = { more: 0, end: 1, malformed: 2 } as const;

const CR = 13;
const LF = 10;
/** Bit 1: a token character (RFC 9110, 5.6.2). Bit 2: may stand in a field value. Bit 4: may stand in a request target. */
const TOKEN = 1;
const VALUE = 2;
const TARGET = 4;
const CLASS = new Uint8Array(256);
for (let c = 0; c < 256; c++) {
  if (/^[!#$%&'*+\-.^_`|~0-9A-Za-z]$/.test(String.fromCharCode(c))) CLASS[c] = (CLASS[c] as number) | TOKEN;
  if ((c >= 32 && c !== 127) || c === 9) CLASS[c] = (CLASS[c] as number) | VALUE;
  if (c > 32 && c !== 127) CLASS[c] = (CLASS[c] as number) | TARGET;
}
export const isToken = (c: number): boolean => ((CLASS[c] as number) & TOKEN) !== 0;
export const isTarget = (c: number): boolean => ((CLASS[c] as number) & TARGET) !== 0;

const lower = (c: number): number => (c >= 65 && c <= 90 ? c | 32 : c);

/** Whether bytes[start, end) spell `text`, which is in lower case, whatever their case. */
export function spells(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (lower(bytes[start + i] as number) !== text.charCodeAt(i)) return false;
  return true;
}

/** Whether the comma-separated list in bytes[start, end) has `word` (in lower case) as one of its members. */
function lists(bytes: Uint8Array, start: number, end: number, word: string): boolean {
  for (let from = start; from < end; ) {
    let to = from;
    while (to < end && bytes[to] !== 44) to++;
    let s = from;
    let e = to;
    while (s < e && isBlank(bytes[s] as number)) s++;
    while (e > s && isBlank(bytes[e - 1] as number)) e--;
    if (spells(bytes, s, e, word)) return true;
    from = to + 1;
  }
  return false;
}
const isBlank = (c: number): boolean => c === 32 || c === 9;

/**
 * Looks for the end of the line that goes on at `at`.
 * @returns the offset of its CR; -1 when the line is not complete; -2 when it holds what no line may hold.
 */
export function lineEnd(bytes: Uint8Array, at: number, end: number): number {
  while (at < end && ((CLASS[bytes[at] as number] as number) & VALUE) !== 0) at++;
  if (at >= end) return -1;
  if (bytes[at] !== CR) return -2;
  if (at + 1 >= end) return -1;
  return bytes[at + 1] === LF ? at : -2;
}

export class HeadFields {
  /** -1 when there is none. */
  contentLength = -1;
  /** The last transfer coding is `chunked`. */
  chunked = false;
  /** The transfer coding is not just `chunked`. */
  oddCoding = false;
  close = false;
  keepAlive = false;
  upgrade = false;
  /** It is HTTP/2 that is upgraded to (RFC 7540, 3.2; RFC 9113 has given it up). */
  h2c = false;
  expectContinue = false;
  /** Where the next line begins, and how far that line was searched for its end: relative to the start of the head. */
  next = 0;
  searched = 0;

  reset(): void {
    this.contentLength = -1;
    this.chunked = this.oddCoding = this.close = this.keepAlive = this.upgrade = this.h2c = this.expectContinue = false;
    this.next = this.searched = 0;
  }

  /** Reads header lines from `start + next` on. At `end`, `next` stands behind the blank line. */
  read(bytes: Uint8Array, start: number, end: number): number {
    for (;;) {
      const line = start + this.next;
      const stop = lineEnd(bytes, Math.max(line, start + this.searched), end);
      if (stop === -2) return LINE.malformed;
      if (stop === -1) {
        // A CR at the very end must be looked at again together with what follows it.
        this.searched = Math.max(this.next, end - start - 1);
        return end - start > MAX_HEAD ? LINE.malformed : LINE.more;
      }
      this.next = stop + 2 - start;
      if (stop === line) return this.next > MAX_HEAD ? LINE.malformed : LINE.end;
      if (!this.#field(bytes, line, stop)) return LINE.malformed;
    }
  }

  #field(bytes: Uint8Array, line: number, stop: number): boolean {
    let colon = line;
    while (colon < stop && isToken(bytes[colon] as number)) colon++;
    // No name, a blank before the colon, or a folded line: parsers differ on each.
    if (colon === line || bytes[colon] !== 58 || colon === stop) return false;
    const size = colon - line;
    if (size !== 14 && size !== 17 && size !== 10 && size !== 7 && size !== 6) return true;
    let from = colon + 1;
    let to = stop;
    while (from < to && isBlank(bytes[from] as number)) from++;
    while (to > from && isBlank(bytes[to - 1] as number)) to--;
    if (size === 14 && spells(bytes, line, colon, 'content-length')) return this.#length(bytes, from, to);
    if (size === 17 && spells(bytes, line, colon, 'transfer-encoding')) {
      if (this.chunked || this.oddCoding) return false;
      let last = to;
      while (last > from && bytes[last - 1] !== 44) last--;
      this.oddCoding = last > from;
      while (last < to && isBlank(bytes[last] as number)) last++;
      this.chunked = spells(bytes, last, to, 'chunked');
      this.oddCoding ||= !this.chunked;
    } else if (size === 10 && spells(bytes, line, colon, 'connection')) {
      if (lists(bytes, from, to, 'close')) this.close = true;
      if (lists(bytes, from, to, 'keep-alive')) this.keepAlive = true;
    } else if (size === 7 && spells(bytes, line, colon, 'upgrade')) {
      this.upgrade = true;
      if (spells(bytes, from, to, 'h2c')) this.h2c = true;
    } else if (size === 6 && spells(bytes, line, colon, 'expect')) this.expectContinue = true;
    return true;
  }

  /** A second length, even an equal one, is refused as llhttp does. 15 digits stay exact in a double. */
  #length(bytes: Uint8Array, from: number, to: number): boolean {
    if (this.contentLength >= 0 || from === to || to - from > 15) return false;
    let value = 0;
    for (let i = from; i < to; i++) {
      const digit = (bytes[i] as number) - 48;
      if (digit < 0 || digit > 9) return false;
      value = value * 10 + digit;
    }
    this.contentLength = value;
    return true;
  }
}

/** Whether the head in bytes[start, end), request or status line included, has all these fields with exactly these values. */
export function headCarries(bytes: Uint8Array, start: number, end: number, wanted: readonly Condition[]): boolean {
  for (const condition of wanted) if (!hasField(bytes, start, end, condition)) return false;
  return true;
}

function hasField(bytes: Uint8Array, start: number, end: number, { name, value }: Condition): boolean {
  for (let line = nextLine(bytes, start, end); line < end; line = nextLine(bytes, line, end)) {
    const colon = line + name.length;
    if (colon >= end || bytes[colon] !== 58 || !sameName(bytes, line, name)) continue;
    let from = colon + 1;
    let to = nextLine(bytes, line, end) - 2;
    while (from < to && isBlank(bytes[from] as number)) from++;
    while (to > from && isBlank(bytes[to - 1] as number)) to--;
    if (sameBytes(bytes, from, to, value)) return true;
  }
  return false;
}

function sameName(bytes: Uint8Array, at: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) if (lower(bytes[at + i] as number) !== name[i]) return false;
  return true;
}
function sameBytes(bytes: Uint8Array, from: number, to: number, value: Uint8Array): boolean {
  if (to - from !== value.length) return false;
  for (let i = 0; i < value.length; i++) if (bytes[from + i] !== value[i]) return false;
  return true;
}
function nextLine(bytes: Uint8Array, at: number, end: number): number {
  while (at < end && bytes[at] !== LF) at++;
  return at + 1;
}
