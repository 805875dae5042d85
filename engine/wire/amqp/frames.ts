/**
 * The bytes of AMQP 0-9-1 (https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf): frames (2.3.5), methods by class and
 * method number (its XML grammar), and the few methods that Firebreak says itself. Reading never throws: what does not fit is -1.
 */

/** Octets of type, channel and size in front of a frame's payload; and with the end octet behind it. */
export const FRAME_HEAD = 7;
export const FRAME_EXTRA = 8;
export const FRAME_END = 0xce;
export const FRAME = { method: 1, header: 2, body: 3, heartbeat: 8 } as const;
/** What a client says first: `AMQP`, 0, 0, 9, 1. */
export const PROTOCOL_HEADER = Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1]);

/** Class times 2^16 plus method. */
const id = (classId: number, methodId: number): number => classId * 65_536 + methodId;
export const METHOD = {
  connectionClose: id(10, 50),
  connectionCloseOk: id(10, 51),
  channelOpen: id(20, 10),
  channelFlow: id(20, 20),
  channelFlowOk: id(20, 21),
  channelClose: id(20, 40),
  channelCloseOk: id(20, 41),
  queueDeclare: id(50, 10),
  queueDeclareOk: id(50, 11),
  basicConsume: id(60, 20),
  basicConsumeOk: id(60, 21),
  basicCancel: id(60, 30),
  basicCancelOk: id(60, 31),
  basicPublish: id(60, 40),
  basicReturn: id(60, 50),
  basicDeliver: id(60, 60),
  basicGet: id(60, 70),
  basicGetOk: id(60, 71),
  basicGetEmpty: id(60, 72),
  basicAck: id(60, 80),
  basicReject: id(60, 90),
  basicRecoverAsync: id(60, 100),
  basicRecover: id(60, 110),
  basicNack: id(60, 120),
  confirmSelect: id(85, 10),
  txSelect: id(90, 10),
} as const;

/** Where the arguments of a method begin in its frame: behind the frame's head, class and method. */
export const ARGUMENTS = FRAME_HEAD + 4;
/** Bits of basic.nack from the client, and of basic.ack (the first alone); the octet behind the tag. */
export const MULTIPLE = 1;
const REQUEUE = 2;
/** The bit of basic.reject. */
const REJECT_REQUEUE = 1;

/** The method in the frame at `at`, as in METHOD; -1 when the frame that ends at `stop` is too short for one. */
export function methodOf(bytes: Buffer, at: number, stop: number): number {
  return at + ARGUMENTS + 1 > stop ? -1 : bytes.readUInt32BE(at + FRAME_HEAD);
}
/** Where the short string at `at` ends, or -1 when that is not before `end`. */
export function shortEnd(bytes: Uint8Array, at: number, end: number): number {
  if (at < 0 || at >= end) return -1;
  const stop = at + 1 + (bytes[at] as number);
  return stop > end ? -1 : stop;
}
/** A delivery tag: 64 bits, of which nobody who counts from 1 has ever used more than 53; what is larger is read as that. */
export function readTag(bytes: Buffer, at: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, bytes.readUInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4));
}
export function writeTag(bytes: Buffer, at: number, tag: number): void {
  bytes.writeUInt32BE(Math.floor(tag / 0x1_0000_0000), at);
  bytes.writeUInt32BE(tag % 0x1_0000_0000, at + 4);
}

/** A method frame with these arguments. */
function method(channel: number, method: number, length: number): Buffer {
  const frame = Buffer.alloc(ARGUMENTS + length + 1);
  frame[0] = FRAME.method;
  frame.writeUInt16BE(channel, 1);
  frame.writeUInt32BE(length + 4, 3);
  frame.writeUInt32BE(method, FRAME_HEAD);
  frame[frame.length - 1] = FRAME_END;
  return frame;
}

/** basic.ack, either way. */
export function basicAck(channel: number, tag: number, multiple: boolean): Buffer {
  const frame = method(channel, METHOD.basicAck, 9);
  writeTag(frame, ARGUMENTS, tag);
  frame[ARGUMENTS + 8] = multiple ? MULTIPLE : 0;
  return frame;
}
/** basic.nack, either way (RabbitMQ's extension); `requeue` means nothing to a publisher. */
export function basicNack(channel: number, tag: number, multiple: boolean, requeue: boolean): Buffer {
  const frame = method(channel, METHOD.basicNack, 9);
  writeTag(frame, ARGUMENTS, tag);
  frame[ARGUMENTS + 8] = (multiple ? MULTIPLE : 0) | (requeue ? REQUEUE : 0);
  return frame;
}

/** How messages are settled: taken, refused (gone, or dead-lettered), or queued again. */
export type Way = 'ack' | 'nack' | 'requeue';
/** How the basic.ack, basic.nack or basic.reject at `at` settles. */
export function wayOf(bytes: Buffer, at: number, method: number): Way {
  if (method === METHOD.basicAck) return 'ack';
  return ((bytes[at + ARGUMENTS + 8] as number) & (method === METHOD.basicReject ? REJECT_REQUEUE : REQUEUE)) === 0 ? 'nack' : 'requeue';
}
/** The frame with which a client settles messages this way. */
export const settling = (channel: number, tag: number, multiple: boolean, way: Way): Buffer =>
  way === 'ack' ? basicAck(channel, tag, multiple) : basicNack(channel, tag, multiple, way === 'requeue');

/** basic.get-empty: nothing to get. */
export const basicGetEmpty = (channel: number): Buffer => method(channel, METHOD.basicGetEmpty, 1);

/** channel.flow that asks for what is so already: the answer proves that the broker has done all that came before it. */
export function channelFlow(channel: number): Buffer {
  const frame = method(channel, METHOD.channelFlow, 1);
  frame[ARGUMENTS] = 1;
  return frame;
}
export const closeOk = (channel: number): Buffer =>
  method(channel, channel === 0 ? METHOD.connectionCloseOk : METHOD.channelCloseOk, 0);

/** Longest short string, in octets. */
const SHORT = 255;
/**
 * channel.close, or connection.close on channel 0.
 * @param text the reply text, cut to what a short string holds.
 * @param cause the method that failed, as in METHOD; 0 = none.
 */
export function close(channel: number, code: number, text: string, cause: number): Buffer {
  const bytes = shortened(Buffer.from(text, 'utf8'));
  const frame = method(channel, channel === 0 ? METHOD.connectionClose : METHOD.channelClose, 2 + 1 + bytes.length + 4);
  frame.writeUInt16BE(code, ARGUMENTS);
  frame[ARGUMENTS + 2] = bytes.length;
  bytes.copy(frame, ARGUMENTS + 3);
  frame.writeUInt32BE(cause, ARGUMENTS + 3 + bytes.length);
  return frame;
}
/** Not in the middle of a character: octets 10xxxxxx continue one (RFC 3629). */
function shortened(bytes: Buffer): Buffer {
  if (bytes.length <= SHORT) return bytes;
  let length = SHORT;
  while (((bytes[length] as number) & 0xc0) === 0x80) length--;
  return bytes.subarray(0, length);
}
