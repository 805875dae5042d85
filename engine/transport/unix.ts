import { lchownSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { type Port } from '../contract/envelope.ts';
import { errnoOf, FirebreakError, messageOf } from '../kernel/errors.ts';

/** Longest message either way, in characters: what crosses here is small. */
export const MAX_UNIX_CHARS = 1 << 20;
/** Most bytes that may wait for a reader that does not read; it is cut off rather than let grow. */
const MAX_WAITING = 16 * MAX_UNIX_CHARS;

/** What a line is: a message, or the reason for which the other end closes. */
const MESSAGE = 'm';
const CLOSE = 'c';

/** A Port over a stream socket, one message a line. Whoever sends a longer line than allowed is cut off. */
export function linePort(socket: Socket): Port {
  const inbox: string[] = [];
  let onMessage: ((text: string) => void) | undefined;
  let onClose: ((why: string) => void) | undefined;
  let closed: string | undefined;
  let rest = '';
  const end = (why: string, last = ''): void => {
    if (closed !== undefined) return;
    closed = why;
    rest = '';
    // What was sent before arrives before the end; nobody waits for the other end to close as well, which it may never do.
    if (socket.writable) socket.end(last);
    socket.destroySoon();
    onClose?.(why);
  };
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    if (closed !== undefined) return;
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    if ([rest, ...lines].some(({ length }) => length > MAX_UNIX_CHARS)) return end('a message is too long');
    for (const line of lines) {
      if (closed !== undefined) return;
      const text = line.slice(1);
      if (line.startsWith(CLOSE)) end(text);
      else if (onMessage === undefined) inbox.push(text);
      else onMessage(text);
    }
  });
  socket.on('error', (error) => end(messageOf(error)));
  socket.on('close', () => end('the other end left'));
  return {
    send: (text) => {
      if (closed !== undefined) return;
      socket.write(`${MESSAGE}${text}\n`);
      if (socket.writableLength <= MAX_WAITING) return;
      socket.destroy();
      end('the other end does not read');
    },
    onMessage: (listener) => {
      onMessage = listener;
      for (const text of inbox.splice(0)) listener(text);
    },
    onClose: (listener) => {
      onClose = listener;
      if (closed !== undefined) listener(closed);
    },
    close: (why = 'closed') => end(why, `${CLOSE}${why.replaceAll('\n', ' ')}\n`),
  };
}

export interface UnixListenOptions {
  readonly path: string;
  /** The one user who may connect, besides root; the kernel holds everybody else off. */
  readonly uid?: number;
  /** Who is at the other end of a file descriptor; undefined where that cannot be asked. Whoever is neither `uid` nor root is cut off. */
  readonly peerOf?: (fd: number) => Peer | undefined;
  readonly onPort: (port: Port, peer: Peer | undefined) => void;
}
/** As the kernel says, not as they say themselves. */
export interface Peer {
  readonly pid: number;
  readonly uid: number;
}

/**
 * Listens at a Unix socket that one user alone may connect to. A file that is there already is taken to be left over: the
 * caller holds the lock. Throws FirebreakError `socket-unusable`.
 */
export async function listenUnix({ path, uid, peerOf, onPort }: UnixListenOptions): Promise<AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    const peer = peerOf?.(descriptorOf(socket));
    // The file may have been opened to others since, or handed on.
    if (peer !== undefined && uid !== undefined && peer.uid !== uid && peer.uid !== 0) return void socket.destroy();
    onPort(linePort(socket), peer);
  });
  const mask = process.umask(0o177);
  try {
    rmSync(path, { force: true });
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
    // Not what somebody may have put in its place meanwhile.
    if (uid !== undefined) lchownSync(path, uid, -1);
  } catch (error) {
    server.close();
    throw new FirebreakError('socket-unusable', `cannot listen at ${path}: ${messageOf(error)}`, { cause: error });
  } finally {
    process.umask(mask);
  }
  return {
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Node has it, but no public name for it; -1 where it is not to be found. */
const descriptorOf = (socket: Socket): number => (socket as unknown as { readonly _handle?: { readonly fd?: number } })._handle?.fd ?? -1;

/** Connects to a Unix socket. Throws FirebreakError `no-answer`. */
export async function connectUnix(path: string): Promise<Port> {
  const socket = connect(path);
  try {
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  } catch (error) {
    throw new FirebreakError('no-answer', `nobody answers at ${path} (${errnoOf(error) || messageOf(error)})`, { cause: error });
  }
  return linePort(socket);
}
