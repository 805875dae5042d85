import { type RawData, type WebSocket } from 'ws';
import { type Port } from '../contract/envelope.ts';

/**
 * Most bytes that may wait for a reader that does not read. Streams hold back by credit, so only a client that asks for
 * large results and never takes them gets here; it is cut off rather than let grow.
 */
const MAX_WAITING = 256 * 1024 * 1024;

/** A Port over an open WebSocket of `ws`, on either end. A binary frame is no message and ends the connection. */
export function socketPort(socket: WebSocket): Port {
  const inbox: string[] = [];
  let onMessage: ((text: string) => void) | undefined;
  let onClose: ((why: string) => void) | undefined;
  let closed: string | undefined;
  const end = (why: string): void => {
    if (closed !== undefined) return;
    closed = why;
    onClose?.(why);
  };
  socket.on('message', (data: RawData, binary: boolean) => {
    if (closed !== undefined) return;
    if (binary) return closeWith('a binary frame is not a message', 1003);
    const text = data.toString();
    if (onMessage === undefined) inbox.push(text);
    else onMessage(text);
  });
  // `close` follows every error; it is told here because it says more.
  socket.on('error', (error) => end(error.message));
  socket.on('close', (code, reason) => end(reason.length > 0 ? reason.toString() : `the other end left (${code})`));

  const closeWith = (why: string, code: number): void => {
    // A close frame carries at most 123 bytes of reason (RFC 6455, 5.5).
    socket.close(code, Buffer.from(why).subarray(0, 123).toString());
    end(why);
  };
  return {
    send: (text) => {
      if (closed !== undefined) return;
      if (socket.bufferedAmount > MAX_WAITING) {
        socket.terminate();
        return end('the other end does not read');
      }
      socket.send(text);
    },
    onMessage: (listener) => {
      onMessage = listener;
      for (const text of inbox.splice(0)) listener(text);
    },
    onClose: (listener) => {
      onClose = listener;
      if (closed !== undefined) listener(closed);
    },
    close: (why = 'closed') => closeWith(why, 1000),
  };
}
