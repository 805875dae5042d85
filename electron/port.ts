import { type MessagePortMain } from 'electron';
import { type Port } from '../engine/contract/envelope.ts';

/** The contract's Port over Electron's message port. What is not text is no message and ends the connection. */
export function electronPort(port: MessagePortMain): Port {
  let onClose: ((why: string) => void) | undefined;
  let closed: string | undefined;
  const end = (why: string): void => {
    if (closed !== undefined) return;
    closed = why;
    onClose?.(why);
  };
  const close = (why: string): void => {
    if (closed !== undefined) return;
    end(why);
    port.close();
  };
  port.on('close', () => end('the window left'));
  return {
    send: (text) => {
      if (closed === undefined) port.postMessage(text);
    },
    onMessage: (listener) => {
      port.on('message', ({ data }: { data: unknown }) => {
        if (closed !== undefined) return;
        if (typeof data === 'string') listener(data);
        else close('what is not text is not a message');
      });
      // Until it is started, the port keeps what comes.
      port.start();
    },
    onClose: (listener) => {
      onClose = listener;
      if (closed !== undefined) listener(closed);
    },
    close: (why = 'closed') => close(why),
  };
}
