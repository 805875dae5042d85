import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { type Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import { MAX_REPLY_CHARS, MAX_REQUEST_CHARS, type Port } from '../contract/envelope.ts';
import { realClock } from '../kernel/clock.ts';
import { EXIT, FirebreakError, errnoOf, messageOf } from '../kernel/errors.ts';
import {
  SUBPROTOCOL, TOKEN_PREFIX, pathOf, refuse, refuseSocket, refuseSource, sameSecret, tokenOfProtocols, tokenOfRequest,
} from './access.ts';
import { securityHeaders } from './headers.ts';
import { type RoomPage } from './page.ts';
import { socketPort } from './socket.ts';

/**
 * The contract over a WebSocket that only this machine can reach, and only whoever holds the token. The token travels
 * as a subprotocol, because a browser cannot set headers and an address ends up in logs. Nothing here allows another
 * origin: a page of another site may know the port but is refused by Origin, and a rebound name by Host. The room's own
 * page is given without a token: it holds no secret, and finds the token in the hash of its address, which no browser sends.
 */

export const CONTRACT_PATH = '/contract';

export interface LoopbackOptions {
  /** 0, the default, takes a free port. */
  readonly port?: number;
  /** As `newToken` gives it; a new one by default. */
  readonly token?: string;
  /** Largest frame taken, in bytes. */
  readonly maxPayload?: number;
  readonly maxConnections?: number;
  /** The built room, given to whoever asks from an allowed origin. */
  readonly room?: RoomPage;
  /** Answers plain requests that carry the token; false when the path is not its own. */
  readonly page?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

export interface LoopbackServer extends AsyncDisposable {
  readonly port: number;
  readonly token: string;
  /** `ws://127.0.0.1:PORT/contract#token=…`, which `connectLoopback` takes. */
  readonly url: string;
  /** `http://127.0.0.1:PORT/#token=…`, for a browser. */
  readonly roomUrl: string;
  readonly connections: number;
}

/** 256 random bits, as characters that a subprotocol may have. */
export const newToken = (): string => randomBytes(32).toString('base64url');

/** A client that needs longer for the head of a request is none, milliseconds. */
const HEAD_WITHIN = 10_000;
/** How often it is looked for such clients, milliseconds; Node's own 30 s would let them keep their places three times as long. */
const LOOK = 1_000;

/**
 * Listens on 127.0.0.1 and hands over a Port for each client that was let in.
 * Throws FirebreakError `listen-failed`.
 */
export async function listenLoopback(onPort: (port: Port) => void, options: LoopbackOptions = {}): Promise<LoopbackServer> {
  const { token = newToken(), maxConnections = 32 } = options;
  const sockets = new WebSocketServer({
    noServer: true,
    // Characters of the largest message take at most three bytes each in UTF-8.
    maxPayload: options.maxPayload ?? 3 * MAX_REQUEST_CHARS,
    perMessageDeflate: false,
    handleProtocols: () => SUBPROTOCOL,
  });
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    answerPlain(request, response, portOf(server), token, options).catch(() => response.destroy());
  };
  // A request without Host is refused by us, in our words and with our headers.
  const limits = { requireHostHeader: false, headersTimeout: HEAD_WITHIN, requestTimeout: HEAD_WITHIN, connectionsCheckingInterval: LOOK };
  const server = createServer(limits, answer);
  server.on('checkExpectation', answer);
  server.on('clientError', (_error, socket: Duplex) => refuseSocket(socket, 400));
  server.maxConnections = maxConnections * 4;
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    const refused =
      refuseSource(request, portOf(server)) ??
      (!sameSecret(tokenOfProtocols(request), token) ? 401
      : pathOf(request) !== CONTRACT_PATH ? 404
      : sockets.clients.size >= maxConnections ? 503
      : undefined);
    if (refused !== undefined) return refuseSocket(socket, refused);
    sockets.handleUpgrade(request, socket, head, (client) => onPort(socketPort(client)));
  });
  sockets.on('wsClientError', (_error, socket) => refuseSocket(socket, 400));
  server.listen(options.port ?? 0, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new FirebreakError('listen-failed', `cannot listen on 127.0.0.1:${options.port}: ${messageOf(error)}`, {
      hint: errnoOf(error) === 'EADDRINUSE' ? 'Another program has the port; choose another, or 0 for any.' : 'Choose another port.',
      exitCode: EXIT.usage,
      cause: error,
    });
  }
  const port = portOf(server);
  return {
    port,
    token,
    url: `ws://127.0.0.1:${port}${CONTRACT_PATH}#token=${token}`,
    roomUrl: `http://127.0.0.1:${port}/#token=${token}`,
    get connections() {
      return sockets.clients.size;
    },
    [Symbol.asyncDispose]: async () => {
      for (const client of sockets.clients) client.close(1001, 'the engine stopped serving');
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      // A client that does not answer the close must not hold up the end.
      using _late = realClock.after(500, () => {
        for (const client of sockets.clients) client.terminate();
        server.closeAllConnections();
      });
      await closed;
    },
  };
}

/**
 * Connects to the address that `listenLoopback` gave. Throws FirebreakError `connect-failed`, with the status when the
 * server refused.
 */
export async function connectLoopback(address: string, signal?: AbortSignal): Promise<Port> {
  const url = new URL(address);
  const token = new URLSearchParams(url.hash.slice(1)).get('token') ?? '';
  url.hash = '';
  const socket = new WebSocket(url, [SUBPROTOCOL, TOKEN_PREFIX + token], {
    perMessageDeflate: false,
    maxPayload: 3 * MAX_REPLY_CHARS,
    handshakeTimeout: 10_000,
  });
  try {
    await once(socket, 'open', signal === undefined ? {} : { signal });
  } catch (error) {
    socket.on('error', () => {});
    socket.terminate();
    if (signal?.aborted === true) throw signal.reason;
    throw new FirebreakError('connect-failed', `cannot reach the engine at ${url.host}: ${messageOf(error)}`, {
      hint: 'Is `firebreak serve` running, and is this the whole address that it printed?',
      cause: error,
    });
  }
  return socketPort(socket);
}

const portOf = (server: Server): number => (server.address() as AddressInfo | null)?.port ?? 0;

/** The room's page to anybody from here, the rest to whoever has the token. */
async function answerPlain(
  request: IncomingMessage,
  response: ServerResponse,
  port: number,
  token: string,
  { room, page }: LoopbackOptions,
): Promise<void> {
  const refused = refuseSource(request, port);
  if (refused !== undefined) return refuse(response, refused);
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405);
  const found = await room?.answer(pathOf(request), {
    encodings: request.headers['accept-encoding'],
    connect: ["'self'", `ws://127.0.0.1:${port}`, `ws://localhost:${port}`],
  });
  if (found !== undefined) {
    response.writeHead(found.status, { ...found.headers, 'content-length': String(found.body.length) });
    return void response.end(found.body);
  }
  if (!sameSecret(tokenOfRequest(request), token)) return refuse(response, 401);
  for (const [name, value] of Object.entries(securityHeaders())) response.setHeader(name, value);
  if (page?.(request, response) !== true) refuse(response, 404);
}
