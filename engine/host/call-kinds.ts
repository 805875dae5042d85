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

/** proc_pid_syscall(5). Undefined when the thread runs, is gone or may not be asked. */
export function callOf(thread: number): Call | undefined {
  try {
    const [number, ...args] = readFileSync(`/proc/${thread}/syscall`, 'latin1').trim().split(' ');
    return number === undefined || !/^\d+$/.test(number) ? undefined : { number: Number(number), args: args.slice(0, 6).map(Number) };
  } catch {
    return undefined;
  }
}

/** Whether a call reads or writes the file `fd` of this process; undefined for others, such as those of io_uring and mmap. */
export function kindOf(thread: number, { number, args }: Call, fd: number): CallKind | undefined {
  const table = TABLES[process.arch];
  if (table?.read.includes(number)) return 'read';
  if (table?.write.includes(number)) return 'write';
  const copy = table?.copy[number];
  if (copy === undefined) return undefined;
  const { dev, ino } = fstatSync(fd);
  const is = (index: number): boolean => {
    try {
      const other = statSync(`/proc/${thread}/fd/${args[index] ?? -1}`);
      return other.ino === ino && other.dev === dev;
    } catch {
      return false;
    }
  };
  const [from, to] = [is(copy[0]), is(copy[1])];
  return from === to ? undefined : from ? 'read' : 'write';
}

/** Whether the calls of this processor are known. */
export const knowsCalls = (): boolean => TABLES[process.arch] !== undefined;
