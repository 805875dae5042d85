import { contextOf, sentBy } from '../baggage.ts';
import type { Condition, Described, Facts, Subject } from '../subject.ts';
import { ARGUMENTS, FRAME_HEAD, METHOD, methodOf, shortEnd } from './frames.ts';
import { type Properties, readProperties } from './properties.ts';

const NOTHING = Buffer.alloc(0);

/** A message that is published or delivered, wherever its method and content header lie now. One object for all of a connection. */
export class Message implements Subject {
  sheltered = false;
  #bytes: Buffer = NOTHING;
  #queue: Buffer = NOTHING;
  #method = 0;
  #header = 0;
  #headerEnd = 0;
  #read: Properties | undefined;

  /**
   * @param method where the method's frame begins.
   * @param header where the content header's frame begins and ends; 0 and 0 when it is not here.
   * @param queue where a delivery comes from.
   */
  at(bytes: Buffer, method: number, header: number, headerEnd: number, queue: Buffer = NOTHING): this {
    this.#bytes = bytes;
    this.#method = method;
    this.#header = header;
    this.#headerEnd = headerEnd;
    this.#queue = queue;
    this.#read = undefined;
    return this;
  }
  /** Header names compare without regard to case, numbers by their decimal text. */
  carries(wanted: readonly Condition[]): boolean {
    const { headers } = this.#properties();
    const names = Object.keys(headers);
    return wanted.every(({ name, value }) => {
      const [asked, expected] = [Buffer.from(name).toString('latin1'), Buffer.from(value).toString('utf8')];
      return names.some((own) => own.toLowerCase() === asked && headers[own] === expected);
    });
  }
  facts(): Facts {
    const { exchange, routingKey, action } = this.#route();
    const { headers } = this.#properties();
    const folded = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    const rabbitmq = { action: action === 'publish' ? action : 'deliver', exchange, routing_key: routingKey, queue: this.#queue.toString('utf8'), headers };
    return { rabbitmq, ...contextOf((name) => folded.get(name)) };
  }
  /** The names of headers without their values, and nothing of the body. */
  describe(): Described {
    const { exchange, routingKey, action } = this.#route();
    const { headers, correlationId, messageId } = this.#properties();
    const lines = [`exchange: ${exchange === '' ? '(default)' : exchange}`, `routing key: ${routingKey}`];
    if (action !== 'publish') lines.push(`queue: ${this.#queue.toString('utf8')}`);
    if (Object.keys(headers).length > 0) lines.push(`headers: ${Object.keys(headers).join(', ').slice(0, 1_000)}`);
    if (this.#header !== this.#headerEnd) lines.push(`body: ${bodySize(this.#bytes, this.#header)} bytes`);
    return {
      method: action,
      target: action === 'publish' ? routingKey : this.#queue.toString('utf8'),
      ...sentBy(headers['traceparent'] ?? ''),
      requestId: correlationId === '' ? messageId : correlationId,
      head: lines.join('\n'),
    };
  }

  #properties(): Properties {
    return (this.#read ??= readProperties(this.#bytes, this.#header + FRAME_HEAD, this.#headerEnd - 1));
  }
  #route(): { exchange: string; routingKey: string; action: 'publish' | 'deliver' | 'get' } {
    const bytes = this.#bytes;
    const end = bytes.length;
    const method = methodOf(bytes, this.#method, end);
    const exchange = exchangeOf(bytes, this.#method, end);
    const key = shortEnd(bytes, exchange, end);
    return {
      action: method === METHOD.basicPublish ? 'publish' : method === METHOD.basicDeliver ? 'deliver' : 'get',
      exchange: textOf(bytes, exchange, key),
      routingKey: textOf(bytes, key, shortEnd(bytes, key, end)),
    };
  }
}

/**
 * Where the short string with the exchange begins in the frame at `at`, for the methods that bring a message; the routing
 * key is the next. -1 when the frame is too short.
 */
export function exchangeOf(bytes: Buffer, at: number, end: number): number {
  const from = at + ARGUMENTS;
  switch (methodOf(bytes, at, end)) {
    case METHOD.basicPublish: return from + 2;
    case METHOD.basicGetOk: return from + 9;
    case METHOD.basicDeliver: {
      const tag = shortEnd(bytes, from, end);
      return tag < 0 ? -1 : tag + 9;
    }
    default: return -1;
  }
}
/** Octets of the body that the content header's frame at `at` announces (4.2.6.1). */
export function bodySize(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at + FRAME_HEAD + 4) * 0x1_0000_0000 + bytes.readUInt32BE(at + FRAME_HEAD + 8);
}
const textOf = (bytes: Buffer, from: number, to: number): string => (from < 0 || to < 0 ? '' : bytes.toString('utf8', from + 1, to));
