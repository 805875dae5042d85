import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { type Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import { MAX_REPLY_CHARS, MAX_REQUEST_CHARS, type Port } from '../contract/envelope.ts';
import { realClock } from '../kernel/clock.ts';
import { EXIT, FirebreakError, errnoOf, messageOf } from '../kernel/errors.ts';
import { socketPort } from './socket.ts';

/**
 * The contract over a WebSocket that only this machine can reach, and only whoever holds the token. The token travels
 * as a subprotocol, because a browser cannot set headers and an address ends up in logs. Nothing here allows another
 * origin: a page of another site may know the port but is refused by Origin, and a rebound name by Host.
 */

export const CONTRACT_PATH = '/contract';
const SUBPROTOCOL = 'firebreak.v1';
const TOKEN_PREFIX = 'token.';

export interface LoopbackOptions {
  /** 0, the default, takes a free port. */
  readonly port?: number;
  /** Largest frame taken, in bytes. */
  readonly maxPayload?: number;
  readonly maxConnections?: number;
  /** Answers plain requests that carry the token; false when the path is not its own. */
  readonly page?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

export interface LoopbackServer extends AsyncDisposable {
  readonly port: number;
  readonly token: string;
  /** `ws://127.0.0.1:PORT/contract#token=…`, which `connectLoopback` takes. */
  readonly url: string;
  readonly connections: number;
}

/**
 * Listens on 127.0.0.1 and hands over a Port for each client that was let in.
 * Throws FirebreakError `listen-failed`.
 */
export async function listenLoopback(onPort: (port: Port) => void, options: LoopbackOptions = {}): Promise<LoopbackServer> {
  const token = randomBytes(32).toString('base64url');
  const maxConnections = options.maxConnections ?? 32;
  const sockets = new WebSocketServer({
    noServer: true,
    // Characters of the largest message take at most three bytes each in UTF-8.
    maxPayload: options.maxPayload ?? 3 * MAX_REQUEST_CHARS,
    perMessageDeflate: false,
    handleProtocols: () => SUBPROTOCOL,
  });
  const server = createServer((request, response) => {
    const refused = refuse(request, portOf(server), tokenOfRequest(request), token);
    if (refused !== undefined) return answer(response, refused);
    if (options.page?.(request, response) !== true) answer(response, 404);
  });
  server.maxConnections = maxConnections * 4;
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    const path = new URL(request.url ?? '/', 'http://127.0.0.1').pathname;
    const refused =
      refuse(request, portOf(server), tokenOfProtocols(request), token) ??
      (path !== CONTRACT_PATH ? 404 : sockets.clients.size >= maxConnections ? 503 : undefined);
    if (refused !== undefined) return refuseUpgrade(socket, refused);
    sockets.handleUpgrade(request, socket, head, (client) => onPort(socketPort(client)));
  });
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

/** Why a request is not let in, as an HTTP status; undefined when it is. Host and Origin first: they cost nothing to guess. */
function refuse(request: IncomingMessage, port: number, offered: string, token: string): number | undefined {
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
  if (!hosts.includes(request.headers.host ?? '')) return 421;
  const origin = request.headers.origin;
  if (origin !== undefined && !hosts.some((host) => origin === `http://${host}`)) return 403;
  return sameSecret(offered, token) ? undefined : 401;
}

/** Compares digests, so that neither the content nor the length of the secret shows in the time it takes. */
function sameSecret(offered: string, secret: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(offered), digest(secret));
}

function tokenOfProtocols(request: IncomingMessage): string {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  return offered.find((name) => name.startsWith(TOKEN_PREFIX))?.slice(TOKEN_PREFIX.length) ?? '';
}

/** Plain requests: `Authorization: Bearer …`, which Prometheus can send, or `?token=…`. */
function tokenOfRequest(request: IncomingMessage): string {
  const bearer = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1];
  return bearer ?? new URL(request.url ?? '/', 'http://127.0.0.1').searchParams.get('token') ?? '';
}

const REASONS: Readonly<Record<number, string>> = {
  401: 'The token is missing or wrong.',
  403: 'This origin is not allowed.',
  404: 'There is nothing here.',
  421: 'This host name is not allowed.',
  503: 'Too many connections.',
};

function answer(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' });
  response.end(`${REASONS[status]}\n`);
}
function refuseUpgrade(socket: Duplex, status: number): void {
  const body = `${REASONS[status]}\n`;
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
}
