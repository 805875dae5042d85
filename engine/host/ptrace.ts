import { FirebreakError } from '../kernel/errors.ts';
import { koffi } from './native.ts';

/** ptrace(2) and waitpid(2), of which all calls must come from one thread: the tracer. x86-64 alone: registers are not alike. */

/** linux/ptrace.h */
const REQUEST = { pokeUser: 6, resume: 24, syscallInfo: 0x420e, seize: 0x4206, interrupt: 0x4207, listen: 0x4208 } as const;
/** System calls told from signals; threads, children and what they become are traced too. */
const OPTIONS = 0x1 | 0x2 | 0x4 | 0x8 | 0x10;
/** Bytes into struct user_regs_struct (asm/user_64.h). */
const REGISTER = { result: 80, third: 96, number: 120 } as const;
const TRAP = 5;
const GROUP_STOPS: readonly number[] = [19, 20, 21, 22];
const EVENT_STOP = 128;
const ANY_CHILD = 0x4000_0000;
const WITHOUT_WAITING = 1;
const INFO_BYTES = 88;
/** AUDIT_ARCH_X86_64 (linux/audit.h). */
const X86_64 = 0xc000_003e;

/** What a thread that is traced has come to. */
export type Stop =
  | { readonly what: 'entry'; readonly thread: number; readonly number: number; readonly args: readonly number[] }
  | { readonly what: 'exit' | 'ended' | 'other'; readonly thread: number };

export interface Tracer {
  /** @returns whether the thread is traced now: false when it is gone. @throws FirebreakError `refused` */
  seize(thread: number): boolean;
  /** The next stop; undefined when there is none yet. @returns 'none' when nobody is traced any more. */
  next(waiting: boolean): Stop | 'none' | undefined;
  resume(thread: number): void;
  /** In a stop at the entry of a call: how many bytes it is about. */
  setCount(thread: number, count: number): void;
  /** In a stop at the entry of a call: it is not made, and answers with this error. */
  fail(thread: number, error: number): void;
}

type Ptrace = (request: number, thread: number, address: number, data: number) => number;
type PtraceInto = (request: number, thread: number, address: number, data: Buffer) => number;
type Wait = (thread: number, status: Buffer, options: number) => number;

/** @throws FirebreakError `refused` */
export function openTracer(): Tracer {
  const ffi = koffi();
  if (ffi === undefined) throw new FirebreakError('refused', 'there is no way to call the kernel');
  const c = ffi.load(null);
  const ptrace = c.func('long ptrace(long request, long thread, long address, long data)') as unknown as Ptrace;
  const into = c.func('long ptrace(long request, long thread, long address, _Out_ void *data)') as unknown as PtraceInto;
  const wait = c.func('int waitpid(int thread, _Out_ void *status, int options)') as unknown as Wait;
  const [status, info] = [Buffer.alloc(4), Buffer.alloc(INFO_BYTES)];
  const resume = (thread: number, signal = 0): void => void ptrace(REQUEST.resume, thread, 0, signal);

  /** Lets go on what is no business of the caller's. */
  const pass = (thread: number, signal: number, event: number): void => {
    if (event === EVENT_STOP && GROUP_STOPS.includes(signal)) void ptrace(REQUEST.listen, thread, 0, 0);
    else resume(thread, event === 0 ? signal : 0);
  };

  return {
    seize: (thread) => {
      if (ptrace(REQUEST.seize, thread, 0, OPTIONS) === 0) {
        ptrace(REQUEST.interrupt, thread, 0, 0);
        return true;
      }
      if (ffi.errno() === ffi.os.errno['ESRCH']) return false;
      throw new FirebreakError('refused', `the kernel does not let thread ${thread} be traced`, { hint: 'it needs root (CAP_SYS_PTRACE), and one thread can have one tracer' });
    },
    next: (waiting) => {
      const thread = wait(-1, status, ANY_CHILD | (waiting ? 0 : WITHOUT_WAITING));
      if (thread < 0) return ffi.errno() === ffi.os.errno['ECHILD'] ? 'none' : undefined;
      if (thread === 0) return undefined;
      const word = status.readInt32LE(0);
      if ((word & 0xff) !== 0x7f) return { what: 'ended', thread };
      const [signal, event] = [(word >> 8) & 0xff, word >> 16];
      if (signal !== (TRAP | 0x80)) {
        pass(thread, signal, event);
        return { what: 'other', thread };
      }
      const got = into(REQUEST.syscallInfo, thread, INFO_BYTES, info);
      // Calls of another kind (32 bits) have other numbers: they pass.
      const entry = got > 0 && info.readUInt8(0) === 1 && info.readUInt32LE(4) === X86_64;
      return entry
        ? { what: 'entry', thread, number: Number(info.readBigUInt64LE(24)), args: [0, 1, 2, 3, 4, 5].map((i) => Number(info.readBigUInt64LE(32 + i * 8))) }
        : { what: 'exit', thread };
    },
    resume,
    setCount: (thread, count) => void ptrace(REQUEST.pokeUser, thread, REGISTER.third, count),
    fail: (thread, error) => {
      // Of a call without a number the kernel leaves the result as it finds it: nothing is left to be done at its end.
      ptrace(REQUEST.pokeUser, thread, REGISTER.result, -error);
      ptrace(REQUEST.pokeUser, thread, REGISTER.number, -1);
    },
  };
}
