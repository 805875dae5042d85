import { type Port } from '../../engine/contract/envelope.ts';
import { type Bridge, Refused } from './bridge.ts';

/** As engine/transport/websocket.ts expects them. */
const PATH = '/contract';
const SUBPROTOCOL = 'firebreak.v1';
const TOKEN_PREFIX = 'token.';
const KEY = 'firebreak-token';

/** The engine behind a loopback WebSocket. The token comes in the address's hash and leaves the address bar at once. */
export function browserBridge(): Bridge {
  const token = takeToken();
  // The address with a new token, put into a tab that is open already, loads nothing by itself.
  addEventListener('hashchange', () => {
    if (!new URLSearchParams(location.hash.slice(1)).has('token')) return;
    takeToken();
    location.reload();
  });
  return {
    host: 'browser',
    open: (signal) => {
      if (token === '')
        return Promise.reject(
          new Refused('This address holds no token. Open the whole address that Firebreak printed.'),
        );
      return openSocket(new URL(PATH, location.href.replace(/^http/, 'ws')), token, signal).catch(
        async (error: unknown) => {
          if (await isRefused(token))
            throw new Refused(
              'The engine was started with a new secret and no longer takes the one of this page. Open the address that it printed last; here in this tab will do.',
            );
          throw error;
        },
      );
    },
  };
}

/** A browser does not tell why a WebSocket was refused; a plain request does. */
async function isRefused(token: string): Promise<boolean> {
  const answer = await fetch('/metrics', { headers: { authorization: `Bearer ${token}` } }).catch(() => undefined);
  return answer?.status === 401;
}

function takeToken(): string {
  const hash = new URLSearchParams(location.hash.slice(1));
  const given = hash.get('token');
  if (given !== null) {
    sessionStorage.setItem(KEY, given);
    history.replaceState(null, '', location.pathname + location.search);
  }
  return given ?? sessionStorage.getItem(KEY) ?? '';
}

function openSocket(url: URL, token: string, signal: AbortSignal): Promise<Port> {
  url.hash = '';
  const socket = new WebSocket(url, [SUBPROTOCOL, TOKEN_PREFIX + token]);
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      socket.close();
      reject(signal.reason);
    };
    signal.addEventListener('abort', stop, { once: true });
    const early: string[] = [];
    let onMessage: ((text: string) => void) | undefined;
    let onClose: ((why: string) => void) | undefined;
    let closed: string | undefined;
    socket.onmessage = ({ data }) => (onMessage === undefined ? early.push(String(data)) : onMessage(String(data)));
    socket.onclose = ({ reason }) => {
      signal.removeEventListener('abort', stop);
      if (closed !== undefined) return;
      closed = reason === '' ? 'the connection to the engine broke' : reason;
      reject(new Error('the engine cannot be reached'));
      onClose?.(closed);
    };
    socket.onopen = () => {
      signal.removeEventListener('abort', stop);
      resolve({
        send: (text) => {
          if (socket.readyState === WebSocket.OPEN) socket.send(text);
        },
        onMessage: (listener) => {
          onMessage = listener;
          for (const text of early.splice(0)) listener(text);
        },
        onClose: (listener) => {
          onClose = listener;
          if (closed !== undefined) listener(closed);
        },
        close: (why = 'closed') => {
          if (closed !== undefined) return;
          closed = why;
          socket.close();
          onClose?.(why);
        },
      });
    };
  });
}
