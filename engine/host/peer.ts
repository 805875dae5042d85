import { koffi } from './native.ts';

/** Who is at the other end of a Unix socket, as the kernel noted when it connected. */
export interface Peer {
  readonly pid: number;
  readonly uid: number;
}

/** SOL_SOCKET and SO_PEERCRED of Linux (asm-generic/socket.h), and the three 32-bit numbers of `struct ucred`. */
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const UCRED_BYTES = 12;

type GetSockOpt = (fd: number, level: number, name: number, value: Buffer, length: Int32Array) => number;
let getsockopt: GetSockOpt | undefined;

/** Undefined where nobody can be asked: another system than Linux, or no way to call C. */
export function peerOf(fd: number): Peer | undefined {
  const ffi = process.platform === 'linux' ? koffi() : undefined;
  if (ffi === undefined || fd < 0) return undefined;
  getsockopt ??= ffi.load(null).func('int getsockopt(int fd, int level, int name, _Out_ void *value, _Inout_ int *length)') as unknown as GetSockOpt;
  const credentials = Buffer.alloc(UCRED_BYTES);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, Int32Array.of(UCRED_BYTES)) !== 0) return undefined;
  return { pid: credentials.readInt32LE(0), uid: credentials.readUInt32LE(4) };
}
