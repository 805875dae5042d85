import { type DesktopApi, PORT_MESSAGE, type PortFarewell, portFarewell } from '../../engine/contract/desktop.ts';
import { type Port } from '../../engine/contract/envelope.ts';
import { type Bridge } from './bridge.ts';

declare global {
  interface Window {
    readonly firebreak?: DesktopApi;
  }
}

/** What the desktop window offers beyond the contract; undefined in a browser tab. */
export const desktop: DesktopApi | undefined = window.firebreak;

/** The engine in the desktop's own process, behind a MessagePort. */
export function desktopBridge(host: DesktopApi): Bridge {
  return {
    host: 'desktop',
    open: (signal) =>
      new Promise((resolve, reject) => {
        const stop = (): void => {
          removeEventListener('message', onMessage);
          reject(signal.reason);
        };
        const onMessage = (event: MessageEvent<{ readonly type?: unknown } | undefined>): void => {
          const [port] = event.ports;
          if (
            event.source !== window ||
            event.origin !== location.origin ||
            event.data?.type !== PORT_MESSAGE ||
            port === undefined
          )
            return;
          removeEventListener('message', onMessage);
          signal.removeEventListener('abort', stop);
          resolve(portOf(port));
        };
        addEventListener('message', onMessage);
        signal.addEventListener('abort', stop, { once: true });
        host.connect();
      }),
  };
}

function portOf(channel: MessagePort): Port {
  let onClose: ((why: string) => void) | undefined;
  let closed: string | undefined;
  const end = (why: string): void => {
    if (closed !== undefined) return;
    closed = why;
    channel.close();
    onClose?.(why);
  };
  return {
    send: (text) => {
      if (closed === undefined) channel.postMessage(text);
    },
    // The port starts with its first listener, so that nothing that came before is lost.
    onMessage: (listener) => {
      channel.onmessage = ({ data }: MessageEvent<unknown>) => {
        if (typeof data === 'string') return listener(data);
        // A port does not tell by itself that its other end has gone.
        const farewell = portFarewell.safeParse(data);
        if (farewell.success) end(farewell.data.closed);
      };
    },
    onClose: (listener) => {
      onClose = listener;
      if (closed !== undefined) listener(closed);
    },
    close: (why = 'closed') => {
      if (closed === undefined) channel.postMessage({ closed: why } satisfies PortFarewell);
      end(why);
    },
  };
}
