import { closeSync } from 'node:fs';
import { FirebreakError } from '../kernel/errors.ts';
import { koffi } from './native.ts';

/**
 * Messages to and from the kernel, netlink(7), for which Node has no socket. Numbers are in the byte order of the machine in
 * heads (little-endian on all that Firebreak runs on), and big-endian within what netfilter says.
 */

/** Socket numbers of Linux: AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER; SOL_SOCKET, SO_RCVBUFFORCE; MSG_DONTWAIT; POLLIN. */
const FAMILY = 16;
const KIND = 3 | 0o2000000;
const NETFILTER = 12;
const SOCKET_LEVEL = 1;
const RECEIVE_BUFFER = 33;
const DONT_WAIT = 0x40;
const READABLE = 1;
/** What has come and was not read yet, in bytes. */
const RECEIVE_BYTES = 16 << 20;
/** struct nlmsghdr and, in all messages of netfilter, struct nfgenmsg. */
const HEAD = 16;
const WHOLE_HEAD = HEAD + 4;
/** NLM_F_REQUEST, NLM_F_ACK, and for what is made NLM_F_CREATE | NLM_F_APPEND. */
export const FLAG = { request: 1, acknowledge: 4, make: 0xc00 } as const;
const ERROR = 2;
/** The kernel takes no number of a type for a nest of attributes without it (NLA_F_NESTED). */
const NESTED = 0x8000;

const aligned = (length: number): number => (length + 3) & ~3;

/** One attribute: its number, and a text, bytes, or attributes of its own. */
export function attribute(type: number, value: Buffer | string | readonly Buffer[]): Buffer {
  const nested = typeof value !== 'string' && !Buffer.isBuffer(value);
  const body = typeof value === 'string' ? Buffer.from(`${value}\0`) : nested ? Buffer.concat(value) : (value as Buffer);
  const whole = Buffer.alloc(aligned(4 + body.length));
  whole.writeUInt16LE(4 + body.length, 0);
  whole.writeUInt16LE(nested ? type | NESTED : type, 2);
  body.copy(whole, 4);
  return whole;
}
export const number16 = (value: number): Buffer => Buffer.of(value >> 8, value & 0xff);
export function number32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A message of netfilter: `type` is the subsystem in the upper byte and its message in the lower; `resource` is a queue or subsystem. */
export function message(type: number, flags: number, sequence: number, family: number, resource: number, attributes: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(WHOLE_HEAD);
  const length = attributes.reduce((sum, one) => sum + one.length, WHOLE_HEAD);
  head.writeUInt32LE(length, 0);
  head.writeUInt16LE(type, 4);
  head.writeUInt16LE(flags | FLAG.request, 6);
  head.writeUInt32LE(sequence, 8);
  head.writeUInt8(family, HEAD);
  head.writeUInt16BE(resource, HEAD + 2);
  return Buffer.concat([head, ...attributes]);
}

/** Goes through the attributes of the message at `from`; gives the bytes of each where they lie. */
export function eachAttribute(bytes: Buffer, from: number, take: (type: number, start: number, end: number) => void): void {
  const stop = from + bytes.readUInt32LE(from);
  for (let at = from + WHOLE_HEAD; at + 4 <= stop; ) {
    const length = bytes.readUInt16LE(at);
    if (length < 4) return;
    take(bytes.readUInt16LE(at + 2) & 0x3fff, at + 4, at + length);
    at += aligned(length);
  }
}

type Call = (...args: readonly unknown[]) => number;
interface Calls {
  readonly socket: Call;
  readonly bind: Call;
  readonly setsockopt: Call;
  readonly send: Call;
  readonly recv: Call;
  readonly ppoll: Call;
}
let known: Calls | undefined;

function calls(): Calls {
  if (known !== undefined) return known;
  const library = koffi()?.load(null);
  if (library === undefined) throw new FirebreakError('netlink', 'the package koffi, which calls the kernel, has no binary here');
  const call = (prototype: string): Call => library.func(prototype) as unknown as Call;
  return (known = {
    socket: call('int socket(int family, int kind, int protocol)'),
    bind: call('int bind(int fd, void *address, unsigned int length)'),
    setsockopt: call('int setsockopt(int fd, int level, int name, void *value, unsigned int length)'),
    send: call('long send(int fd, void *bytes, size_t length, int flags)'),
    recv: call('long recv(int fd, _Out_ void *bytes, size_t length, int flags)'),
    ppoll: call('int ppoll(_Inout_ void *what, unsigned long count, void *within, void *signals)'),
  });
}

export function refused(what: string, errno: number, hint?: string): FirebreakError {
  const name = Object.entries(koffi()?.os.errno ?? {}).find(([, number]) => number === errno)?.[0] ?? `error ${errno}`;
  return new FirebreakError('netlink', `${what}: ${name}`, { ...(hint === undefined ? {} : { hint }) });
}
const lastError = (): number => koffi()?.errno() ?? 0;
export const isErrno = (errno: number, ...names: readonly string[]): boolean => names.some((name) => koffi()?.os.errno[name] === errno);

/** A socket to netfilter in the network namespace of this process. @throws FirebreakError `netlink` */
export class Netlink implements Disposable {
  readonly #fd: number;
  readonly #calls = calls();
  readonly #waiting = Buffer.alloc(8);
  readonly #within = Buffer.alloc(16);
  #sequence = 0;

  constructor() {
    this.#fd = this.#calls.socket(FAMILY, KIND, NETFILTER);
    if (this.#fd < 0) throw refused('there is no netlink socket to netfilter', lastError());
    const address = Buffer.alloc(12);
    address.writeUInt16LE(FAMILY, 0);
    if (this.#calls.bind(this.#fd, address, address.length) < 0) throw refused('the netlink socket cannot be bound', lastError());
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(RECEIVE_BYTES);
    // Refused without CAP_NET_ADMIN in the first user namespace: then what the system gives must do.
    this.#calls.setsockopt(this.#fd, SOCKET_LEVEL, RECEIVE_BUFFER, bytes, bytes.length);
    this.#waiting.writeInt32LE(this.#fd, 0);
    this.#waiting.writeUInt16LE(READABLE, 4);
  }

  send(bytes: Buffer): void {
    if (this.#calls.send(this.#fd, bytes, bytes.length, 0) < 0) throw refused('the kernel takes no message', lastError());
  }

  /** What has come, into `bytes`; its length, or 0 when nothing has. */
  receive(bytes: Buffer): number {
    const length = Number(this.#calls.recv(this.#fd, bytes, bytes.length, DONT_WAIT));
    if (length >= 0) return length;
    const errno = lastError();
    // ENOBUFS: more came than was kept; the kernel has decided over it.
    if (isErrno(errno, 'EAGAIN', 'EINTR', 'ENOBUFS')) return 0;
    throw refused('nothing can be read from the kernel', errno);
  }

  /** Blocks the thread until something has come, at most so many milliseconds (fractions allowed). */
  wait(ms: number): void {
    const whole = Math.floor(ms / 1_000);
    this.#within.writeBigInt64LE(BigInt(whole), 0);
    this.#within.writeBigInt64LE(BigInt(Math.round((ms - whole * 1_000) * 1e6)), 8);
    this.#calls.ppoll(this.#waiting, 1, this.#within, null);
  }

  /** Sends messages, each made for a sequence number, and returns the error of the first that is refused; 0 = all were taken. */
  ask(make: (next: () => number) => readonly Buffer[]): number {
    this.send(Buffer.concat(make(() => ++this.#sequence)));
    const answer = Buffer.alloc(65_536);
    let errno = 0;
    // The kernel has answered before the call returns.
    for (let length = this.receive(answer); length > 0; length = this.receive(answer)) {
      for (let at = 0; at + HEAD <= length; at += aligned(answer.readUInt32LE(at))) {
        if (answer.readUInt16LE(at + 4) === ERROR && errno === 0) errno = -answer.readInt32LE(at + HEAD);
      }
    }
    return errno;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
