/** AMQP 0-9-1 written by hand, for conversations that no client would have. */

export const u8 = (value: number): Buffer => Buffer.from([value]);
export const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);
export const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
export const u64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
};
export const short = (text: string): Buffer => Buffer.concat([u8(Buffer.byteLength(text)), Buffer.from(text)]);
export const long = (text: string | Buffer): Buffer => Buffer.concat([u32(Buffer.byteLength(text)), Buffer.from(text)]);
/** A field table; each value is a type letter and its bytes. */
export const table = (fields: Readonly<Record<string, Buffer>>): Buffer =>
  long(Buffer.concat(Object.entries(fields).flatMap(([name, value]) => [short(name), value])));
export const textField = (text: string): Buffer => Buffer.concat([Buffer.from('S'), long(text)]);

export function frame(type: number, channel: number, ...payload: readonly Buffer[]): Buffer {
  const body = Buffer.concat(payload);
  return Buffer.concat([u8(type), u16(channel), u32(body.length), body, u8(0xce)]);
}
export const method = (channel: number, classId: number, methodId: number, ...args: readonly Buffer[]): Buffer =>
  frame(1, channel, u16(classId), u16(methodId), ...args);

export const GREETING = Buffer.from('AMQP\0\0\x09\x01', 'latin1');
export const heartbeat = frame(8, 0);

/** Content header and body frames of at most `piece` bytes; with headers when there are any. */
export function content(channel: number, body: string | Buffer, headers: Readonly<Record<string, Buffer>> = {}, piece = 100_000): Buffer {
  const bytes = Buffer.from(body);
  const has = Object.keys(headers).length > 0;
  const frames = [frame(2, channel, u16(60), u16(0), u64(bytes.length), u16(has ? 0x3000 : 0x1000), ...(has ? [table(headers)] : []), u8(2))];
  for (let at = 0; at < bytes.length; at += piece) frames.push(frame(3, channel, bytes.subarray(at, at + piece)));
  return Buffer.concat(frames);
}
/** basic.publish alone. */
export const publishing = (channel: number, key: string, exchange = ''): Buffer => method(channel, 60, 40, u16(0), short(exchange), short(key), u8(0));
export const publish = (channel: number, key: string, body: string | Buffer, headers: Readonly<Record<string, Buffer>> = {}, exchange = ''): Buffer =>
  Buffer.concat([publishing(channel, key, exchange), content(channel, body, headers)]);
export const deliver = (channel: number, consumer: string, tag: number, body: string, headers: Readonly<Record<string, Buffer>> = {}): Buffer =>
  Buffer.concat([method(channel, 60, 60, short(consumer), u64(tag), u8(0), short('x'), short('key')), content(channel, body, headers)]);
export const getOk = (channel: number, tag: number, body: string): Buffer =>
  Buffer.concat([method(channel, 60, 71, u64(tag), u8(0), short('x'), short('key'), u32(0)), content(channel, body)]);

export const consume = (channel: number, queue: string, tag: string, { noAck = false, noWait = false } = {}): Buffer =>
  method(channel, 60, 20, u16(0), short(queue), short(tag), u8((noAck ? 2 : 0) | (noWait ? 8 : 0)), table({}));
export const consumeOk = (channel: number, tag: string): Buffer => method(channel, 60, 21, short(tag));
export const cancel = (channel: number, tag: string, noWait = false): Buffer => method(channel, 60, 30, short(tag), u8(noWait ? 1 : 0));
export const get = (channel: number, queue: string, noAck = false): Buffer => method(channel, 60, 70, u16(0), short(queue), u8(noAck ? 1 : 0));
export const getEmpty = (channel: number): Buffer => method(channel, 60, 72, short(''));
export const declareOk = (channel: number, queue: string): Buffer => method(channel, 50, 11, short(queue), u32(0), u32(0));
export const ack = (channel: number, tag: number, multiple = false): Buffer => method(channel, 60, 80, u64(tag), u8(multiple ? 1 : 0));
export const nack = (channel: number, tag: number, multiple = false, requeue = false): Buffer =>
  method(channel, 60, 120, u64(tag), u8((multiple ? 1 : 0) | (requeue ? 2 : 0)));
export const reject = (channel: number, tag: number, requeue = false): Buffer => method(channel, 60, 90, u64(tag), u8(requeue ? 1 : 0));
export const recover = (channel: number): Buffer => method(channel, 60, 110, u8(1));
export const flow = (channel: number): Buffer => method(channel, 20, 20, u8(1));
export const flowOk = (channel: number): Buffer => method(channel, 20, 21, u8(1));
export const open = (channel: number): Buffer => method(channel, 20, 10, short(''));
export const openOk = (channel: number): Buffer => method(channel, 20, 11, long(''));
export const confirmSelect = (channel: number): Buffer => method(channel, 85, 10, u8(0));
export const txSelect = (channel: number): Buffer => method(channel, 90, 10);
/** channel.close, or connection.close on channel 0. */
export const close = (channel: number, code = 200, text = '', cause: readonly [number, number] = [0, 0]): Buffer =>
  method(channel, channel === 0 ? 10 : 20, channel === 0 ? 50 : 40, u16(code), short(text), u16(cause[0]), u16(cause[1]));
export const closeOk = (channel: number): Buffer => method(channel, channel === 0 ? 10 : 20, channel === 0 ? 51 : 41);

/** One frame in words a test can compare: `1 publish key`, `1 body abc`, `2 ack 7 multiple`. */
export function told(bytes: Buffer): string[] {
  const words: string[] = [];
  let at = bytes.subarray(0, 4).toString() === 'AMQP' ? GREETING.length : 0;
  for (; at + 8 <= bytes.length; at += bytes.readUInt32BE(at + 3) + 8) words.push(wordsOf(bytes.subarray(at, at + bytes.readUInt32BE(at + 3) + 8)));
  return at === bytes.length ? words : [...words, `${bytes.length - at} bytes more`];
}
function wordsOf(bytes: Buffer): string {
  const channel = bytes.readUInt16BE(1);
  const [from, end] = [11, bytes.length - 1];
  const strings = (at: number, count: number): string[] => {
    const found: string[] = [];
    for (let n = 0; n < count; n++) found.push(bytes.toString('utf8', at + 1, (at += 1 + (bytes[at] as number))));
    return found;
  };
  if (bytes[0] === 2) return `${channel} header ${bytes.readBigUInt64BE(11)}`;
  if (bytes[0] === 3) return `${channel} body ${end - 7 > 40 ? end - 7 : bytes.toString('utf8', 7, end)}`;
  if (bytes[0] === 8) return 'heartbeat';
  const name = `${bytes.readUInt16BE(7)}.${bytes.readUInt16BE(9)}`;
  const tag = (at = from): string => String(bytes.readBigUInt64BE(at));
  const flags = (...names: readonly string[]): string => names.map((one, bit) => (((bytes[from + 8] as number) >> bit) & 1 ? ` ${one}` : '')).join('');
  switch (name) {
    case '60.40': return `${channel} publish ${strings(from + 2, 2)[1]}`;
    case '60.60': return `${channel} deliver ${tag(from + 1 + (bytes[from] as number))}`;
    case '60.71': return `${channel} get-ok ${tag()}`;
    case '60.72': return `${channel} get-empty`;
    case '60.80': return `${channel} ack ${tag()}${flags('multiple')}`;
    case '60.120': return `${channel} nack ${tag()}${flags('multiple', 'requeue')}`;
    case '60.90': return `${channel} reject ${tag()}${flags('requeue')}`;
    case '20.20': return `${channel} flow`;
    case '20.21': return `${channel} flow-ok`;
    case '20.10': return `${channel} open`;
    case '20.11': return `${channel} open-ok`;
    case '10.50':
    case '20.40': return `${channel} close ${bytes.readUInt16BE(from)} ${strings(from + 2, 1)[0]}`.trim();
    case '10.51':
    case '20.41': return `${channel} close-ok`;
    default: return `${channel} ${name}`;
  }
}
