import { closeSync, constants, openSync } from 'node:fs';
import { FirebreakError, messageOf } from '../kernel/errors.ts';
import { CELLS, HOOKS, programFor, type Strike } from './bpf-program.ts';
import { koffi } from './native.ts';

/** Commands of bpf(2), and the sizes of what it is asked with (linux/bpf.h). */
const COMMAND = { mapCreate: 0, mapLookup: 1, programLoad: 5, linkCreate: 28 } as const;
const ATTR_BYTES = 128;
const ARRAY_MAP = 2;
const CELL_BYTES = 8;
/** Where a refusal of the verifier is told. */
const LOG_BYTES = 16_384;
/** The number of bpf(2) on the machines whose byte order the programs are written for. */
const CALL_NUMBER: Readonly<Record<string, number>> = { x64: 321, arm64: 280, riscv64: 280 };

type SysCall = (number: number, command: number, attributes: Buffer, size: number) => number;

/** What was let through by the filters of a strike, and what of it was struck. */
export interface Struck {
  readonly matched: number;
  readonly struck: number;
}
/** A strike in force at some control groups. Disposing detaches it; so does the end of this process. */
export interface AttachedStrike extends Disposable {
  counted(): Struck;
}

let tried: string | undefined;

/** Why programs cannot be loaded here, or ''. Tried once, where this user may: only root can tell. */
export function noBpf(): string {
  if (process.platform !== 'linux') return 'only Linux has BPF';
  if (CALL_NUMBER[process.arch] === undefined) return `the programs are not written for ${process.arch}`;
  if (koffi() === undefined) return 'the package koffi, which calls the kernel, has no binary here';
  if (process.geteuid?.() !== 0) return '';
  return (tried ??= trial());
}
/** Each kind of program is loaded, and let go of without having been attached. */
function trial(): string {
  try {
    for (const hook of ['connect4', 'bind4', 'socket', 'ingress'] as const) attach({ hook, errno: 1, port: hook === 'socket' ? 0 : 1, probability: 0.5 }, [])[Symbol.dispose]();
    return '';
  } catch (error) {
    return error instanceof FirebreakError && error.hint !== '' ? `${error.message}; ${error.hint}` : messageOf(error);
  }
}

/**
 * Loads a strike and attaches it to control groups of the newer kind (v2), beside whatever is attached there already.
 * @throws FirebreakError `bpf-refused`, with the kernel's reason.
 */
export function attach(strike: Strike, groups: readonly string[]): AttachedStrike {
  const held = new DisposableStack();
  const keep = (fd: number): number => {
    held.defer(() => closeSync(fd));
    return fd;
  };
  try {
    const map = keep(createMap());
    const program = keep(load(strike, map));
    for (const group of groups) {
      const folder = openSync(group, constants.O_RDONLY | constants.O_DIRECTORY);
      try {
        keep(link(program, folder, HOOKS[strike.hook].attach));
      } finally {
        closeSync(folder);
      }
    }
    const all = held.move();
    return { counted: () => ({ matched: read(map, CELLS.matched), struck: read(map, CELLS.struck) }), [Symbol.dispose]: () => all.dispose() };
  } finally {
    held.dispose();
  }
}

function createMap(): number {
  const attributes = Buffer.alloc(ATTR_BYTES);
  for (const [i, value] of [ARRAY_MAP, 4, CELL_BYTES, Object.keys(CELLS).length].entries()) attributes.writeUInt32LE(value, i * 4);
  return bpf('a map cannot be made', COMMAND.mapCreate, attributes);
}

function load(strike: Strike, map: number): number {
  const { program, attach: attachType } = HOOKS[strike.hook];
  const code = programFor(strike, map);
  const licence = Buffer.from('Apache-2.0\0');
  const log = Buffer.alloc(LOG_BYTES);
  const attributes = Buffer.alloc(ATTR_BYTES);
  attributes.writeUInt32LE(program, 0);
  attributes.writeUInt32LE(code.length / 8, 4);
  attributes.writeBigUInt64LE(addressOf(code), 8);
  attributes.writeBigUInt64LE(addressOf(licence), 16);
  attributes.writeUInt32LE(1, 24);
  attributes.writeUInt32LE(LOG_BYTES, 28);
  attributes.writeBigUInt64LE(addressOf(log), 32);
  attributes.write('firebreak', 48, 'latin1');
  attributes.writeUInt32LE(attachType, 68);
  return bpf(`the program for ${strike.hook} is refused`, COMMAND.programLoad, attributes, () => log.toString('latin1', 0, log.indexOf(0)).trim().split('\n').slice(-4).join('; '));
}

function link(program: number, folder: number, attachType: number): number {
  const attributes = Buffer.alloc(ATTR_BYTES);
  for (const [i, value] of [program, folder, attachType, 0].entries()) attributes.writeUInt32LE(value, i * 4);
  return bpf('the program cannot be attached', COMMAND.linkCreate, attributes);
}

function read(map: number, cell: number): number {
  const key = Buffer.from(Uint32Array.of(cell).buffer);
  const value = Buffer.alloc(CELL_BYTES);
  const attributes = Buffer.alloc(ATTR_BYTES);
  attributes.writeUInt32LE(map, 0);
  attributes.writeBigUInt64LE(addressOf(key), 8);
  attributes.writeBigUInt64LE(addressOf(value), 16);
  bpf('the counters cannot be read', COMMAND.mapLookup, attributes);
  return Number(value.readBigUInt64LE(0));
}

let syscall: SysCall | undefined;
/** The kernel gives up to look at a program with EAGAIN when a signal comes meanwhile (bpf_check in kernel/bpf/verifier.c); libbpf tries as often. */
const ATTEMPTS = 5;

function bpf(problem: string, command: number, attributes: Buffer, more: () => string = () => ''): number {
  const ffi = koffi();
  if (ffi === undefined) throw new FirebreakError('bpf-refused', 'there is no way to call the kernel');
  syscall ??= ffi.load(null).func('long syscall(long number, int command, _Inout_ void *attributes, unsigned int size)') as unknown as SysCall;
  let errno = 0;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const answer = Number(syscall(CALL_NUMBER[process.arch] ?? -1, command, attributes, ATTR_BYTES));
    if (answer >= 0) return answer;
    errno = ffi.errno();
    if (errno !== ffi.os.errno['EAGAIN']) break;
  }
  const name = Object.entries(ffi.os.errno).find(([, number]) => number === errno)?.[0] ?? String(errno);
  const told = more();
  throw new FirebreakError('bpf-refused', `${problem}: ${name}${told === '' ? '' : ` (${told})`}`, {
    hint: errno === ffi.os.errno['EPERM'] ? 'it needs root (or CAP_BPF and CAP_NET_ADMIN)' : 'this kernel may be too old (5.18 has all that is used)',
  });
}

/** Of a buffer that stays alive until after the call. */
function addressOf(buffer: Buffer): bigint {
  const ffi = koffi();
  if (ffi === undefined) throw new FirebreakError('bpf-refused', 'there is no way to call the kernel');
  return ffi.address(buffer);
}
