import { closeSync, readSync, writeSync } from 'node:fs';
import { errnoOf, FirebreakError } from '../kernel/errors.ts';
import { koffi } from './native.ts';

/**
 * Permission events of fanotify(7): the kernel asks before a file is opened, read or written, and whoever asked waits for the
 * answer. Marks and questions are gone with the process that holds them, and all that waits then goes on.
 */

/** linux/fanotify.h; FAN_PRE_ACCESS is Linux 6.14. */
const INIT = { preContent: 0x8, closeOnExec: 0x1, reportThread: 0x100 } as const;
const MARK = { add: 0x1, onlyFolder: 0x8, flush: 0x80 } as const;
export const ASK = { open: 0x1_0000, access: 0x2_0000, preAccess: 0x10_0000 } as const;
const ON_CHILD = 0x0800_0000;
const ALLOW = 1;
const DENY = 2;
const HERE = -100;
/** The event file: read-only, large; not to wait for the other end of a pipe (asm-generic/fcntl.h). */
const EVENT_FLAGS = 0o100_000 | 0o4_000;
const POLL_IN = 1;
/** What the kernel can be made to answer with (fanotify_mark(2), FAN_DENY with an error, Linux 6.13 and later), by number. */
export const FILE_ERRORS = { EPERM: 1, EIO: 5, EAGAIN: 11, EBUSY: 16, ETXTBSY: 26, ENOSPC: 28, EDQUOT: 122 } as const;
export type FileError = keyof typeof FILE_ERRORS;

/** A question of the kernel: `fd` is the file and names the question; `thread` is who waits. */
export interface FileQuestion {
  readonly fd: number;
  readonly thread: number;
  readonly mask: number;
}
export interface FileGuard extends Disposable {
  readonly fd: number;
  /** Questions about the files of one folder. The same folder again does no harm. @throws FirebreakError `refused` */
  mark(path: string, asks: number): void;
  unmarkAll(): void;
  /** What waits; to be asked when `fd` can be read. */
  questions(): readonly FileQuestion[];
  /** @param error 0 = allow. */
  answer(question: FileQuestion, error: number): void;
}

type Init = (flags: number, eventFlags: number) => number;
type Mark = (fd: number, flags: number, mask: number, folder: number, path: string) => number;
type Poll = (fds: Buffer, count: number, timeout: number) => number;
interface Calls { readonly init: Init; readonly mark: Mark; readonly poll: Poll; readonly errno: () => string }
let calls: Calls | undefined;

function callsOf(): Calls {
  if (calls !== undefined) return calls;
  const ffi = koffi();
  if (process.platform !== 'linux' || ffi === undefined) throw new FirebreakError('refused', 'there is no way to call the kernel');
  const c = ffi.load(null);
  const names = Object.entries(ffi.os.errno);
  return (calls = {
    init: c.func('int fanotify_init(unsigned int flags, unsigned int event_flags)') as unknown as Init,
    mark: c.func('int fanotify_mark(int fd, unsigned int flags, uint64_t mask, int dirfd, const char *path)') as unknown as Mark,
    poll: c.func('int poll(_Inout_ void *fds, unsigned long count, int timeout)') as unknown as Poll,
    errno: () => names.find(([, number]) => number === ffi.errno())?.[0] ?? String(ffi.errno()),
  });
}

/** Waits until one of the descriptors can be read or is closed, or for so many milliseconds. @returns which, by index. */
export function waitFor(fds: readonly number[], timeout: number): readonly boolean[] {
  const asked = Buffer.alloc(fds.length * 8);
  for (const [i, fd] of fds.entries()) {
    asked.writeInt32LE(fd, i * 8);
    asked.writeInt16LE(POLL_IN, i * 8 + 4);
  }
  callsOf().poll(asked, fds.length, timeout);
  return fds.map((_, i) => asked.readInt16LE(i * 8 + 6) !== 0);
}

/** @throws FirebreakError `refused` */
export function openGuard(): FileGuard {
  const { init, mark, errno } = callsOf();
  const fd = init(INIT.preContent | INIT.closeOnExec | INIT.reportThread, EVENT_FLAGS);
  if (fd < 0) {
    const why = errno();
    throw new FirebreakError('refused', `the kernel does not let files be guarded: ${why}`, { hint: why === 'EPERM' ? 'it needs root (CAP_SYS_ADMIN)' : 'this kernel may lack fanotify' });
  }
  const buffer = Buffer.alloc(65_536);
  return {
    fd,
    mark: (path, asks) => {
      if (mark(fd, MARK.add | MARK.onlyFolder, asks | ON_CHILD, HERE, path) < 0) throw new FirebreakError('refused', `the files of ${path} cannot be guarded: ${errno()}`);
    },
    unmarkAll: () => void mark(fd, MARK.flush, 0, HERE, '/'),
    questions: () => parse(buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, null))),
    answer: (question, error) => {
      const response = Buffer.alloc(8);
      response.writeInt32LE(question.fd, 0);
      try {
        // A refusal without an error is EPERM, also on kernels that know no other.
        response.writeUInt32LE(error === 0 ? ALLOW : error === FILE_ERRORS.EPERM ? DENY : (DENY | (error << 24)) >>> 0, 4);
        writeSync(fd, response);
      } catch {
        // Whoever asked has been killed, or the kernel knows no such error: nobody is left waiting.
        response.writeUInt32LE(ALLOW, 4);
        try {
          writeSync(fd, response);
        } catch {
          // nobody waits any more
        }
      } finally {
        closeSync(question.fd);
      }
    },
    [Symbol.dispose]: () => closeSync(fd),
  };
}

/** struct fanotify_event_metadata: length, version, -, header's length, mask (8), file, process. */
function parse(bytes: Buffer): readonly FileQuestion[] {
  const found: FileQuestion[] = [];
  for (let at = 0; at + 24 <= bytes.length; at += bytes.readUInt32LE(at)) {
    const fd = bytes.readInt32LE(at + 16);
    if (fd >= 0) found.push({ fd, mask: Number(bytes.readBigUInt64LE(at + 8)), thread: bytes.readInt32LE(at + 20) });
  }
  return found;
}

/** What can be done to the files of a folder on this kernel and its file system. */
export interface FileMeans {
  /** Any of FILE_ERRORS; otherwise EPERM alone. */
  readonly errors: boolean;
  /** Writes can be told, and reads from them. Otherwise opens and reads alone. */
  readonly writes: boolean;
}

/**
 * Tries what can be done to the files of a folder; nothing is asked and nobody waits. Only root can try.
 * @throws FirebreakError `refused`
 */
export function fileMeans(folder: string): FileMeans {
  using guard = openGuard();
  return { errors: knowsErrors(guard), writes: tells(guard, folder) };
}

/** An answer to no question: the kernel looks at the error first, and only then finds nobody who asked. */
function knowsErrors({ fd }: FileGuard): boolean {
  const response = Buffer.alloc(8);
  response.writeInt32LE(0x7fff_fff0, 0);
  response.writeUInt32LE((DENY | (FILE_ERRORS.EIO << 24)) >>> 0, 4);
  try {
    writeSync(fd, response);
    return true;
  } catch (error) {
    return errnoOf(error) === 'ENOENT';
  }
}

/** Without ON_CHILD no file of the folder is meant. */
const tells = ({ fd }: FileGuard, folder: string): boolean => callsOf().mark(fd, MARK.add | MARK.onlyFolder, ASK.preAccess, HERE, folder) === 0;

let tried: string | undefined;

/** Why files cannot be guarded here, or ''. Tried once, where this user may: only root can tell. */
export function noFanotify(): string {
  if (process.platform !== 'linux') return 'only Linux has fanotify';
  if (koffi() === undefined) return 'the package koffi, which calls the kernel, has no binary here';
  if (process.geteuid?.() !== 0) return '';
  return (tried ??= trial());
}
function trial(): string {
  try {
    using _guard = openGuard();
    return '';
  } catch (error) {
    return error instanceof FirebreakError ? error.message : String(error);
  }
}
