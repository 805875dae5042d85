import type { MessagePortMain } from 'electron';
import { type PortFarewell, portFarewell } from '../engine/contract/desktop.ts';
import { type Port } from '../engine/contract/envelope.ts';

/**
 * The contract's Port over Electron's message port. Text is a message, the farewell says why the other end closes;
 * anything else ends the connection.
 */
export function electronPort(port: MessagePortMain): Port {
  const inbox: string[] = [];
  let onMessage: ((text: string) => void) | undefined;
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
    port.postMessage({ closed: why } satisfies PortFarewell);
    port.close();
  };
  port.on('close', () => end('the window left'));
  port.on('message', ({ data }: { data: unknown }) => {
    if (closed !== undefined) return;
    if (typeof data !== 'string') {
      const farewell = portFarewell.safeParse(data);
      if (!farewell.success) return close('what is not text is not a message');
      end(farewell.data.closed);
      return port.close();
    }
    if (onMessage === undefined) inbox.push(data);
    else onMessage(data);
  });
  // At once, not with the first listener: a farewell is heard although nobody waits for messages.
  port.start();
  return {
    send: (text) => {
      if (closed === undefined) port.postMessage(text);
    },
    onMessage: (listener) => {
      onMessage = listener;
      for (const text of inbox.splice(0)) listener(text);
    },
    onClose: (listener) => {
      onClose = listener;
      if (closed !== undefined) listener(closed);
    },
    close: (why = 'closed') => close(why),
  };
}
