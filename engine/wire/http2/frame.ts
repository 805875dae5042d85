/** Frames of HTTP/2 (RFC 9113, section 4 and 6). */

/** Bytes of the head of a frame. */
export const HEAD = 9;
export const FRAME = {
  data: 0, headers: 1, priority: 2, rst: 3, settings: 4, push: 5, ping: 6, goaway: 7, windowUpdate: 8, continuation: 9,
  /** RFC 9218. */
  priorityUpdate: 16,
} as const;
export const FLAG = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;
/** RFC 9113, section 7. */
export const ERROR = { none: 0, protocol: 1, internal: 2, refused: 7, cancel: 8, calm: 11 } as const;
/** RFC 9113, 6.5.2. */
export const SETTING = { tableSize: 1, initialWindow: 4 } as const;
/** What a window is before anybody says otherwise (RFC 9113, 6.9.2). */
export const DEFAULT_WINDOW = 65_535;
/** What every endpoint accepts as the length of a frame (RFC 9113, 4.2). */
export const MAX_FRAME = 16_384;
/** The largest stream id: a GOAWAY with it only announces another one (RFC 9113, 6.8). */
export const MAX_STREAM = 0x7fff_ffff;
/** What a client says first (RFC 9113, 3.4). */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

export const streamAt = (bytes: Uint8Array, at: number): number =>
  (((bytes[at] as number) & 0x7f) * 0x100_0000) + ((bytes[at + 1] as number) << 16) + ((bytes[at + 2] as number) << 8) + (bytes[at + 3] as number);

/** Writes a stream id, or any number of 31 bits. */
export function putStream(bytes: Uint8Array, at: number, stream: number): void {
  bytes[at] = stream >>> 24;
  bytes[at + 1] = stream >>> 16;
  bytes[at + 2] = stream >>> 8;
  bytes[at + 3] = stream;
}

export function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(HEAD + payload.length);
  putHead(out, payload.length, type, flags, stream);
  out.set(payload, HEAD);
  return out;
}
export function putHead(out: Uint8Array, length: number, type: number, flags: number, stream: number): void {
  out[0] = length >>> 16;
  out[1] = length >>> 8;
  out[2] = length;
  out[3] = type;
  out[4] = flags;
  putStream(out, 5, stream);
}

export const windowUpdate = (stream: number, increment: number): Buffer => frame(FRAME.windowUpdate, 0, stream, word(increment));
export const rstStream = (stream: number, error: number): Buffer => frame(FRAME.rst, 0, stream, word(error));
export const settings = (): Buffer => frame(FRAME.settings, 0, 0, new Uint8Array());
export const goaway = (lastStream: number, error: number, why = ''): Buffer =>
  frame(FRAME.goaway, 0, 0, Buffer.concat([word(lastStream), word(error), Buffer.from(why)]));
function word(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A header block as one HEADERS frame and as many CONTINUATION frames as it needs. */
export function headerFrames(stream: number, block: Buffer, endStream: boolean): Buffer {
  const end = endStream ? FLAG.endStream : 0;
  if (block.length <= MAX_FRAME) return frame(FRAME.headers, end | FLAG.endHeaders, stream, block);
  const frames: Buffer[] = [frame(FRAME.headers, end, stream, block.subarray(0, MAX_FRAME))];
  for (let at = MAX_FRAME; at < block.length; at += MAX_FRAME) {
    const last = at + MAX_FRAME >= block.length;
    frames.push(frame(FRAME.continuation, last ? FLAG.endHeaders : 0, stream, block.subarray(at, at + MAX_FRAME)));
  }
  return Buffer.concat(frames);
}
