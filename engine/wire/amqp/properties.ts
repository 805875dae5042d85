import { readTag, shortEnd } from './frames.ts';

/** What a content header says of a message (AMQP 0-9-1, 4.2.6.1), as far as conditions and people ask. */
export interface Properties {
  /** The headers table, every value as text: numbers in decimal, true and false; of nested ones only that they are there. */
  readonly headers: Readonly<Record<string, string>>;
  readonly correlationId: string;
  readonly messageId: string;
}

/** Property flags from the highest bit on; the tenth and later ones are not needed. */
const FLAG = { contentType: 0x8000, encoding: 0x4000, headers: 0x2000, deliveryMode: 0x1000, priority: 0x0800, correlation: 0x0400, replyTo: 0x0200, expiration: 0x0100, message: 0x0080 } as const;
const NONE: Properties = { headers: {}, correlationId: '', messageId: '' };

/**
 * Reads the properties in the payload bytes[start, end) of a content header. Whatever does not fit ends the reading: what
 * was read so far stands.
 */
export function readProperties(bytes: Buffer, start: number, end: number): Properties {
  if (end - start < 14) return NONE;
  const flags = bytes.readUInt16BE(start + 12);
  // More flags follow while the lowest bit is set; basic has fourteen properties, so it never is.
  if ((flags & 1) !== 0) return NONE;
  const reader = new Reader(bytes, start + 14, end);
  if ((flags & FLAG.contentType) !== 0) reader.short();
  if ((flags & FLAG.encoding) !== 0) reader.short();
  const headers = (flags & FLAG.headers) !== 0 ? reader.table() : {};
  if ((flags & FLAG.deliveryMode) !== 0) reader.skip(1);
  if ((flags & FLAG.priority) !== 0) reader.skip(1);
  const correlationId = (flags & FLAG.correlation) !== 0 ? reader.short() : '';
  if ((flags & FLAG.replyTo) !== 0) reader.short();
  if ((flags & FLAG.expiration) !== 0) reader.short();
  const messageId = (flags & FLAG.message) !== 0 ? reader.short() : '';
  return { headers, correlationId, messageId };
}

/** Stands at `at`; once something does not fit, at the end. */
class Reader {
  readonly #bytes: Buffer;
  #at: number;
  #end: number;

  constructor(bytes: Buffer, at: number, end: number) {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
  }
  /** Where `length` octets begin, behind which it then stands; -1 when there are fewer. */
  skip(length: number): number {
    const at = this.#at;
    if (length > this.#end - at) {
      this.#at = this.#end;
      return -1;
    }
    this.#at += length;
    return at;
  }
  short(): string {
    const stop = shortEnd(this.#bytes, this.#at, this.#end);
    const text = stop < 0 ? '' : this.#bytes.toString('utf8', this.#at + 1, stop);
    this.#at = stop < 0 ? this.#end : stop;
    return text;
  }
  /** The first of a name that comes twice counts. */
  table(): Record<string, string> {
    const found: Record<string, string> = {};
    const size = this.skip(4);
    if (size < 0) return found;
    const outer = this.#end;
    const stop = Math.min(outer, this.#at + this.#bytes.readUInt32BE(size));
    this.#end = stop;
    while (this.#at < stop) {
      const name = this.short();
      const value = this.value();
      if (value !== undefined && !Object.hasOwn(found, name)) found[name] = value;
    }
    this.#end = outer;
    return found;
  }
  /** One field value by its type: RabbitMQ's types, which differ from the specification's (rabbitmq.com/amqp-0-9-1-errata). */
  value(): string | undefined {
    const type = this.skip(1);
    if (type < 0) return undefined;
    const bytes = this.#bytes;
    const fixed = (length: number, read: (at: number) => string): string | undefined => {
      const at = this.skip(length);
      return at < 0 ? undefined : read(at);
    };
    switch (String.fromCharCode(bytes[type] as number)) {
      case 't': return fixed(1, (at) => String(bytes[at] !== 0));
      case 'b': return fixed(1, (at) => String(bytes.readInt8(at)));
      case 'B': return fixed(1, (at) => String(bytes[at]));
      case 's': return fixed(2, (at) => String(bytes.readInt16BE(at)));
      case 'u': return fixed(2, (at) => String(bytes.readUInt16BE(at)));
      case 'I': return fixed(4, (at) => String(bytes.readInt32BE(at)));
      case 'i': return fixed(4, (at) => String(bytes.readUInt32BE(at)));
      case 'l': return fixed(8, (at) => String(bytes.readBigInt64BE(at)));
      case 'f': return fixed(4, (at) => String(bytes.readFloatBE(at)));
      case 'd': return fixed(8, (at) => String(bytes.readDoubleBE(at)));
      case 'T': return fixed(8, (at) => String(readTag(bytes, at)));
      case 'D': return fixed(5, (at) => decimal(bytes[at] as number, bytes.readInt32BE(at + 1)));
      case 'V': return '';
      case 'S': return this.#long((from, to) => bytes.toString('utf8', from, to));
      case 'x': return this.#long(() => '(bytes)');
      case 'A': return this.#long(() => '(list)');
      case 'F': return this.#long(() => '(table)');
      default:
        this.#at = this.#end;
        return undefined;
    }
  }
  #long(read: (from: number, to: number) => string): string | undefined {
    const size = this.skip(4);
    if (size < 0) return undefined;
    const length = this.#bytes.readUInt32BE(size);
    const from = this.skip(length);
    return from < 0 ? undefined : read(from, from + length);
  }
}

/** A number with `scale` digits behind the point. */
function decimal(scale: number, value: number): string {
  if (scale === 0) return String(value);
  const digits = String(Math.abs(value)).padStart(scale + 1, '0');
  return `${value < 0 ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
