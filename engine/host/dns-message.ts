import { isIPv4, isIPv6 } from 'node:net';

/** Messages of the domain name system as far as a fault needs them: the question, and an answer to it; RFC 1035, section 4. */

export interface Question {
  readonly id: number;
  /** In lower case, without the dot at its end; '' is the root. */
  readonly name: string;
  /** 1 is A, 28 is AAAA. */
  readonly type: number;
  /** Where the question ends in the message. */
  readonly end: number;
}

/** What is answered in place of the server. */
export type Forgery = { readonly kind: 'nxdomain' } | { readonly kind: 'servfail' } | { readonly kind: 'address'; readonly bytes: Uint8Array };

export const A = 1;
export const AAAA = 28;
const OPT = 41;
const HEADER = 12;
const RCODE = { nxdomain: 3, servfail: 2, address: 0 } as const;
/** RFC 9210 and the DNS flag day of 2020: what passes everywhere without fragments. */
const UDP_SIZE = 1_232;

/** The question of a query; undefined for anything else, such as an update or a message of two questions. */
export function questionOf(message: Uint8Array): Question | undefined {
  const view = viewOf(message);
  if (message.length < HEADER + 5 || (view.getUint16(2) & 0xf800) !== 0 || view.getUint16(4) !== 1) return undefined;
  const labels: string[] = [];
  let at = HEADER;
  for (;;) {
    const length = message[at] ?? 0xff;
    if (length > 63 || at + 1 + length > message.length) return undefined;
    at += 1 + length;
    if (length === 0) break;
    // A dot within a label would read like one between two.
    labels.push(Buffer.from(message.subarray(at - length, at)).toString('latin1').toLowerCase().replaceAll('.', '\\.'));
  }
  if (at + 4 > message.length) return undefined;
  return { id: view.getUint16(0), name: labels.join('.'), type: view.getUint16(at), end: at + 4 };
}

/**
 * An answer that nobody may keep: an address with no time to live, an error without the record by which it could be kept
 * (RFC 2308, section 5). Carries what the query has by way of EDNS (RFC 6891, section 6.1.1) and its CD bit.
 */
export function forge(query: Uint8Array, question: Question, forgery: Forgery): Buffer {
  const asked = viewOf(query);
  const edns = optOf(query, question.end);
  const record = forgery.kind === 'address' ? Buffer.concat([Buffer.from([0xc0, HEADER, 0, question.type, 0, 1, 0, 0, 0, 0, 0, forgery.bytes.length]), forgery.bytes]) : Buffer.alloc(0);
  const head = Buffer.alloc(HEADER);
  head.writeUInt16BE(question.id, 0);
  // An answer, recursion available; RD and CD as they were asked.
  head.writeUInt16BE(0x8080 | (asked.getUint16(2) & 0x0110) | RCODE[forgery.kind], 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(record.length > 0 ? 1 : 0, 6);
  head.writeUInt16BE(edns === undefined ? 0 : 1, 10);
  const opt = Buffer.alloc(edns === undefined ? 0 : 11);
  if (edns !== undefined) {
    opt.writeUInt16BE(OPT, 1);
    opt.writeUInt16BE(UDP_SIZE, 3);
    opt.writeUInt16BE(edns & 0x8000, 7); // DNSSEC OK
  }
  return Buffer.concat([head, query.subarray(HEADER, question.end), record, opt]);
}

/** The flags of the OPT record of a query without other records before it; undefined when it has none. */
function optOf(query: Uint8Array, at: number): number | undefined {
  const view = viewOf(query);
  if (view.getUint16(6) !== 0 || view.getUint16(8) !== 0 || view.getUint16(10) === 0 || at + 11 > query.length) return undefined;
  return query[at] === 0 && view.getUint16(at + 1) === OPT ? view.getUint16(at + 7) : undefined;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Names that a fault takes: `all`, a name, or everything below one (`*.example.org`). */
export function matchesDomain(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => pattern === 'all' || pattern === name || (pattern.startsWith('*.') && name.endsWith(pattern.slice(1)) && name.length >= pattern.length));
}

/** Names that no fault may take: the machine itself (RFC 6761, section 6.3). */
export const isLocalName = (name: string): boolean => name === 'localhost' || name.endsWith('.localhost');

/** The messages of a stream, each behind its length in two bytes; RFC 1035, section 4.2.2. */
export class Frames {
  #rest: Buffer = Buffer.alloc(0);

  /** The messages that are whole now, without their lengths. */
  push(bytes: Buffer): readonly Buffer[] {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const messages: Buffer[] = [];
    while (this.#rest.length >= 2 && this.#rest.length >= 2 + this.#rest.readUInt16BE(0)) {
      const end = 2 + this.#rest.readUInt16BE(0);
      messages.push(this.#rest.subarray(2, end));
      this.#rest = this.#rest.subarray(end);
    }
    return messages;
  }
}

export function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

/** The bytes of an address as a record holds them; none of anything else. */
export function addressBytes(address: string): readonly number[] {
  if (isIPv4(address)) return address.split('.').map(Number);
  if (!isIPv6(address)) return [];
  // The one way to write it, in which no dotted part is left.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const words = (text: string | undefined): number[] => (text === undefined || text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16)));
  const [front, back] = [words(head), words(tail)];
  return [...front, ...Array<number>(8 - front.length - back.length).fill(0), ...back].flatMap((word) => [word >> 8, word & 0xff]);
}
