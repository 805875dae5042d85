import type { Socket } from 'node:net';
import { getSystemErrorName } from 'node:util';

/**
 * Hands bytes to a socket's handle past its stream, whose bookkeeping for each write costs more than what a session does to
 * a message. Node offers no public way, so what is used of its inside is looked for at the start; where it is not there,
 * `directly` is undefined and the stream writes.
 */

/** What became of the bytes: the kernel has them all, some wait for it, or nothing was written and the stream must. */
type Outcome = 'sent' | 'waits' | 'not written';

/** Hears once of bytes that waited: the kernel has them all, or they and the connection are lost. */
export interface Writer {
  left(error?: Error): void;
}
interface Handle {
  /** 0, or the error of libuv. What the kernel does not take at once is queued, and the request then belongs to the handle. */
  writeBuffer?(request: object, bytes: Uint8Array): number;
}
interface Request {
  buffer?: Uint8Array;
  oncomplete?(status: number): void;
}
/** `stream_wrap` of Node (src/stream_base.cc), which `net.Socket` writes through as well. */
interface StreamWrap {
  readonly WriteWrap: new () => Request;
  readonly streamBaseState: Int32Array;
  readonly kLastWriteWasAsync: number;
}

const inside = streamWrap();

/** Only for a socket whose stream has nothing to write. */
export const directly = inside === undefined ? undefined : through(inside);

function through({ WriteWrap, streamBaseState, kLastWriteWasAsync }: StreamWrap): (socket: Socket, bytes: Uint8Array, writer: Writer) => Outcome {
  // Untouched by a write that is done at once, so the next one takes it again.
  let request = new WriteWrap();
  return (socket, bytes, writer) => {
    const handle = (socket as unknown as { readonly _handle: Handle | null })._handle;
    if (handle?.writeBuffer === undefined || socket.connecting || bytes.length === 0) return 'not written';
    const failed = handle.writeBuffer(request, bytes) !== 0;
    if (!failed && streamBaseState[kLastWriteWasAsync] === 0) return 'sent';
    if (!failed) {
      // libuv does not copy: the bytes live as long as the request.
      request.buffer = bytes;
      request.oncomplete = (status) => writer.left(status < 0 ? errorOf(status) : undefined);
    }
    request = new WriteWrap();
    return failed ? 'not written' : 'waits';
  };
}

function errorOf(status: number): Error {
  const code = getSystemErrorName(status);
  return Object.assign(new Error(`write ${code}`), { code, errno: status, syscall: 'write' });
}

function streamWrap(): StreamWrap | undefined {
  try {
    const { binding } = process as unknown as { readonly binding?: (name: string) => Partial<StreamWrap> };
    const { WriteWrap, streamBaseState, kLastWriteWasAsync } = binding?.('stream_wrap') ?? {};
    if (typeof WriteWrap !== 'function' || !(streamBaseState instanceof Int32Array) || typeof kLastWriteWasAsync !== 'number') return undefined;
    return { WriteWrap, streamBaseState, kLastWriteWasAsync };
  } catch {
    return undefined;
  }
}
