/** What a client says of itself before anything is encrypted (RFC 8446, 4.1.2). */
export interface Hello {
  /** The name that it wants (RFC 6066, 3), in lower case; '' when it names none. */
  readonly serverName: string;
  /** The application protocols that it offers (RFC 7301), in its order. */
  readonly protocols: readonly string[];
}

/** A hello longer than this is not read; real ones take 200 to 2,000 bytes. */
export const MAX_HELLO = 16_384 + 5;

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const ALPN = 16;

/**
 * Reads the first flight of a client. Looks only into the first TLS record, which holds the whole hello of every client
 * known; a hello that goes on in a second one is read as far as it goes.
 * @returns undefined while bytes are missing; null when this is no TLS.
 */
export function readHello(bytes: Buffer): Hello | null | undefined {
  if (bytes.length === 0) return undefined;
  if (bytes[0] !== HANDSHAKE || (bytes.length > 1 && bytes[1] !== 3)) return null;
  if (bytes.length < 5) return undefined;
  const length = bytes.readUInt16BE(3);
  if (length > 16_384) return null;
  if (bytes.length < 5 + length) return undefined;
  const cursor = new Cursor(bytes.subarray(5, 5 + length));
  if (cursor.number(1) !== CLIENT_HELLO) return null;
  cursor.skip(3 + 2 + 32);
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
