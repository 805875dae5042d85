import { createHash, timingSafeEqual } from 'node:crypto';
import { type IncomingMessage, type ServerResponse } from 'node:http';
import { type Duplex } from 'node:stream';
import { realClock } from '../kernel/clock.ts';
import { securityHeaders } from './headers.ts';

/** Who is let in over loopback, and what the rest is told. */

export const SUBPROTOCOL = 'firebreak.v1';
export const TOKEN_PREFIX = 'token.';

/**
 * Why a request is refused for where it comes from, as an HTTP status; undefined when it is not. A rebound name shows in
 * Host, another site's page in Origin and, for requests without one (images, scripts, frames), in Sec-Fetch-Site.
 */
export function refuseSource({ headers }: IncomingMessage, port: number): 421 | 403 | undefined {
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
  if (!hosts.includes(headers.host ?? '')) return 421;
  if (headers.origin !== undefined && !hosts.some((host) => headers.origin === `http://${host}`)) return 403;
  const site = headers['sec-fetch-site'];
  if (site === undefined || site === 'same-origin' || site === 'none') return undefined;
  // A link to the room may be followed from anywhere: who follows it leaves the other site behind. `same-site` is no
  // better than `cross-site`, since ports do not count: any server on this machine is of the same site.
  return headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document' ? undefined : 403;
}

/** Compares digests, so that neither the content nor the length of the secret shows in the time it takes. */
export function sameSecret(offered: string, secret: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(offered), digest(secret));
}

export function tokenOfProtocols(request: IncomingMessage): string {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  return offered.find((name) => name.startsWith(TOKEN_PREFIX))?.slice(TOKEN_PREFIX.length) ?? '';
}

/** Plain requests: `Authorization: Bearer …`, which Prometheus can send, or `?token=…`. */
export function tokenOfRequest(request: IncomingMessage): string {
  const bearer = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1];
  return bearer ?? new URLSearchParams(splitTarget(request).query).get('token') ?? '';
}

/** The path of a request as it was sent, undecoded: what is compared is what was asked. */
export const pathOf = (request: IncomingMessage): string => splitTarget(request).path;

/** Not by `new URL`, which throws on targets such as `//` that anybody may send. */
function splitTarget({ url = '/' }: IncomingMessage): { path: string; query: string } {
  const mark = url.indexOf('?');
  return mark < 0 ? { path: url, query: '' } : { path: url.slice(0, mark), query: url.slice(mark + 1) };
}

const REASONS = {
  400: 'This is not a request that can be understood.',
  401: 'The token is missing or wrong.',
  403: 'This origin is not allowed.',
  404: 'There is nothing here.',
  405: 'Only GET and HEAD are answered.',
  421: 'This host name is not allowed.',
  503: 'Too many connections.',
} as const;
export type Refusal = keyof typeof REASONS;

/** The connection ends with a refusal, so that a body that nobody reads is not waited for. */
function refusal(status: Refusal): { headers: Record<string, string>; body: string } {
  const body = `${REASONS[status]}\n`;
  return {
    headers: {
      ...securityHeaders(),
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-store',
      'content-length': String(body.length),
      connection: 'close',
      ...(status === 405 && { allow: 'GET, HEAD' }),
    },
    body,
  };
}

export function refuse(response: ServerResponse, status: Refusal): void {
  const { headers, body } = refusal(status);
  response.writeHead(status, headers);
  response.end(body);
}

/** So long whoever was refused has to read why and to leave, milliseconds. */
const CLOSE_WITHIN = 1_000;

/** As `refuse`, where there is no response: for upgrades, and for bytes that are no request. */
export function refuseSocket(socket: Duplex, status: Refusal): void {
  if (!socket.writable) return void socket.destroy();
  const { headers, body } = refusal(status);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} Refused\r\n${lines.join('')}\r\n${body}`);
  // Who does not close its own end would keep its place among the connections for ever. At once would cut the answer off.
  const late = realClock.after(CLOSE_WITHIN, () => socket.destroy());
  socket.once('close', () => late[Symbol.dispose]());
}
