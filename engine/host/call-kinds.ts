import { fstatSync, readFileSync, statSync } from 'node:fs';

/** What a thread that waits in a system call is about to do with a file. */
export type CallKind = 'read' | 'write';

interface Table {
  readonly read: readonly number[];
  readonly write: readonly number[];
  /** Calls that read one file and write another: which argument is the one that is read, and the one that is written. */
  readonly copy: Readonly<Record<number, readonly [number, number]>>;
}

/**
 * read, pread64, readv, preadv, preadv2; write, pwrite64, writev, pwritev, pwritev2, truncate, ftruncate, fallocate;
 * copy_file_range, sendfile, splice (arch/x86/entry/syscalls/syscall_64.tbl; include/uapi/asm-generic/unistd.h).
 */
const GENERIC: Table = { read: [63, 67, 65, 69, 286], write: [64, 68, 66, 70, 287, 45, 46, 47], copy: { 285: [0, 2], 71: [1, 0], 76: [0, 2] } };
const TABLES: Readonly<Record<string, Table>> = {
  x64: { read: [0, 17, 19, 295, 327], write: [1, 18, 20, 296, 328, 76, 77, 285], copy: { 326: [0, 2], 40: [1, 0], 275: [0, 2] } },
  arm64: GENERIC,
  riscv64: GENERIC,
};

/** The number of a call and its six arguments. */
export interface Call {
  readonly number: number;
  readonly args: readonly number[];
}

/** proc_pid_syscall(5). `running`: it has not come to wait yet, so ask again. Undefined when it is gone or may not be asked. */
export function callOf(thread: number): Call | 'running' | undefined {
  try {
    const [number, ...args] = readFileSync(`/proc/${thread}/syscall`, 'latin1').trim().split(' ');
    if (number === 'running') return number;
    return number === undefined || !/^\d+$/.test(number) ? undefined : { number: Number(number), args: args.slice(0, 6).map(Number) };
  } catch {
    return undefined;
  }
}

/** The descriptors that a call names, each with what it does to the file; none for calls that do neither, or are not known. */
export function touchedBy({ number, args }: Call): readonly { readonly fd: number; readonly kind: CallKind }[] {
  const table = TABLES[process.arch];
  const [first = -1] = args;
  if (table?.read.includes(number)) return [{ fd: first, kind: 'read' }];
  if (table?.write.includes(number)) return [{ fd: first, kind: 'write' }];
  const copy = table?.copy[number];
  return copy === undefined ? [] : [{ fd: args[copy[0]] ?? -1, kind: 'read' }, { fd: args[copy[1]] ?? -1, kind: 'write' }];
}

/** Whether a call reads or writes the file `fd` of this process; undefined when neither can be said, as of io_uring and mmap. */
export function kindOf(thread: number, call: Call, fd: number): CallKind | undefined {
  const touched = touchedBy(call);
  if (touched.length < 2) return touched[0]?.kind;
  const { dev, ino } = fstatSync(fd);
  const same = touched.filter((one) => {
    try {
      const other = statSync(`/proc/${thread}/fd/${one.fd}`);
      return other.ino === ino && other.dev === dev;
    } catch {
      return false;
    }
  });
  return same.length === 1 ? same[0]?.kind : undefined;
}

/** The calls that write a stretch of memory, of which the third argument is the length: write, pwrite64. */
export const isPlainWrite = (number: number): boolean => process.arch === 'x64' && (number === 1 || number === 18);
