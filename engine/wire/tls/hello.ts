/** What a client says of itself before anything is encrypted (RFC 8446, 4.1.2). */
export interface Hello {
  /** The name that it wants (RFC 6066, 3), in lower case; '' when it names none. */
  readonly serverName: string;
  /** The application protocols that it offers (RFC 7301), in its order. */
  readonly protocols: readonly string[];
}

/** Bytes of a hello, records and all, that are read; real ones take 200 to 2,000, and OpenSSL takes as many as this. */
export const MAX_HELLO = 131_072;

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const ALPN = 16;
/** The head of a record (RFC 8446, 5.1): type, version, length. */
const RECORD_HEAD = 5;
/** Longest plain record. */
const MAX_RECORD = 16_384;
/** The head of a handshake message (RFC 8446, 4): type, length. */
const MESSAGE_HEAD = 4;

/**
 * Reads the first message of a client, which may be spread over any number of records.
 * @returns undefined while bytes are missing; null when this is no TLS, or a longer hello than is read.
 */
export function readHello(bytes: Buffer): Hello | null | undefined {
  const message = messageIn(bytes);
  if (message === undefined) return bytes.length >= MAX_HELLO ? null : undefined;
  if (message === null) return null;
  const cursor = new Cursor(message);
  cursor.skip(MESSAGE_HEAD + 2 + 32);
  cursor.skip(cursor.number(1));
  cursor.skip(cursor.number(2));
  cursor.skip(cursor.number(1));
  let serverName = '';
  let protocols: readonly string[] = [];
  const extensions = cursor.part(cursor.number(2));
  while (extensions.left >= 4) {
    const type = extensions.number(2);
    const body = extensions.part(extensions.number(2));
    if (type === SERVER_NAME) serverName = serverNameOf(body);
    else if (type === ALPN) protocols = protocolsOf(body);
  }
  return { serverName, protocols };
}

/** The whole first message with its head, put together from its records; undefined and null as above. */
function messageIn(bytes: Buffer): Buffer | null | undefined {
  const parts: Buffer[] = [];
  let gathered = 0;
  let whole = 0;
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] !== HANDSHAKE || (bytes.length > at + 1 && bytes[at + 1] !== 3)) return null;
    if (bytes.length < at + RECORD_HEAD) return undefined;
    const length = bytes.readUInt16BE(at + 3);
    // An empty record of a handshake is forbidden (RFC 8446, 5.1).
    if (length === 0 || length > MAX_RECORD) return null;
    const part = bytes.subarray(at + RECORD_HEAD, at + RECORD_HEAD + length);
    if (gathered === 0 && part.length > 0 && part[0] !== CLIENT_HELLO) return null;
    parts.push(part);
    gathered += part.length;
    at += RECORD_HEAD + length;
    if (whole === 0 && gathered >= MESSAGE_HEAD) whole = MESSAGE_HEAD + Buffer.concat(parts).readUIntBE(1, 3);
    if (whole > MAX_HELLO) return null;
    if (whole > 0 && gathered >= whole) return Buffer.concat(parts, whole);
  }
  return undefined;
}

function serverNameOf(body: Cursor): string {
  const list = body.part(body.number(2));
  while (list.left >= 3) {
    const type = list.number(1);
    const name = list.part(list.number(2)).text();
    if (type === 0) return name.toLowerCase();
  }
  return '';
}
function protocolsOf(body: Cursor): string[] {
  const list = body.part(body.number(2));
  const names: string[] = [];
  while (list.left >= 2) names.push(list.part(list.number(1)).text());
  return names;
}

/** Reads past the end as zeros: a hello that is cut short has no more to say. */
class Cursor {
  readonly #bytes: Buffer;
  #at = 0;
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }
  get left(): number {
    return Math.max(0, this.#bytes.length - this.#at);
  }
  number(size: number): number {
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + (this.#bytes[this.#at++] ?? 0);
    return value;
  }
  skip(size: number): void {
    this.#at += size;
  }
  part(size: number): Cursor {
    const part = new Cursor(this.#bytes.subarray(this.#at, this.#at + size));
    this.#at += size;
    return part;
  }
  text(): string {
    return this.#bytes.toString('latin1', this.#at);
  }
}
