import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type EngineClient } from '../contract/client.ts';
import { errnoOf, EXIT, FirebreakError, messageOf } from '../kernel/errors.ts';
import { ToxiproxyProxies } from './toxiproxy-proxies.ts';
import { badBody, ToxiproxyError } from './toxiproxy-toxics.ts';

/** The version of Toxiproxy whose API this is: clients ask for it to know what they may use. */
const API_VERSION = '2.12.0';
/** Largest body of a request, in bytes; a list of the most routes that an engine takes is far below. */
const MAX_BODY = 5 * 1024 * 1024;
/** How long a toxic stays when nobody removes it: every fault has an end. */
const DAY = 86_400_000;

export interface ToxiproxyOptions {
  /** `127.0.0.1`, `::1`, `localhost`, or any address with `anywhere`. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Whoever reaches the API can break every connection that it carries, without a password. */
  readonly anywhere: boolean;
  /** How long a toxic stays at most, in milliseconds. */
  readonly ttlMs?: number;
}

export interface ToxiproxyServer extends AsyncDisposable {
  /** `host:port`. */
  readonly address: string;
  /** Opens the proxies of a Toxiproxy configuration file, by its text. Throws FirebreakError `bad-toxiproxy-config`. */
  populate(text: string, file: string): Promise<number>;
}

interface Reply {
  readonly status: number;
  readonly body: string;
  readonly type: string;
}
const json = (value: unknown, status = 200): Reply => ({ status, body: JSON.stringify(value), type: 'application/json' });
/** As Go's http.Error writes it, which makes plain text even of JSON. */
const plain = (body: string, status: number): Reply => ({ status, body: `${body}\n`, type: 'text/plain; charset=utf-8' });
const NOTHING: Reply = { status: 204, body: '', type: '' };

const isLoopback = (host: string): boolean => host === '' || host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);

/**
 * Serves Toxiproxy's HTTP API over an engine, so that its published clients drive Firebreak unchanged. Throws
 * FirebreakError `not-loopback` and `listen-failed`. Disposing removes its proxies with their toxics.
 */
export async function listenToxiproxy(client: EngineClient, options: ToxiproxyOptions): Promise<ToxiproxyServer> {
  const { port, anywhere } = options;
  if (!anywhere && !isLoopback(options.host)) {
    throw new FirebreakError('not-loopback', `The Toxiproxy API has no password, so it is not opened on ${options.host}.`, {
      hint: 'Use 127.0.0.1, or add --toxiproxy-anywhere if everybody who reaches that address may break these connections.',
      exitCode: EXIT.usage,
    });
  }
  const host = options.host === '' || options.host === 'localhost' ? '127.0.0.1' : options.host;
  const proxies = new ToxiproxyProxies(client, options.ttlMs ?? DAY);
  const server = createServer((request, response) => {
    answer(client, proxies, request).then(
      (reply) => send(response, reply),
      (error: unknown) => send(response, failed(error)),
    );
  });
  await new Promise<void>((resolve, reject) => {
    const refused = (error: Error): void =>
      reject(
        new FirebreakError('listen-failed', `The Toxiproxy API cannot listen on ${host}:${port}: ${error.message}.`, {
          hint: errnoOf(error) === 'EADDRINUSE' ? 'Another program listens there, perhaps Toxiproxy itself: choose another port.' : 'See the cause.',
          exitCode: EXIT.usage,
          cause: error,
        }),
      );
    server.once('error', refused).listen(port, host, () => resolve(void server.off('error', refused)));
  });
  const bound = server.address();
  const at = typeof bound === 'object' && bound !== null ? bound.port : port;
  return {
    address: `${host.includes(':') ? `[${host}]` : host}:${at}`,
    populate: async (text, file) => {
      try {
        const { proxies: made, error } = await proxies.populate(parse(text));
        if (error !== undefined) throw error;
        return made.length;
      } catch (error) {
        throw new FirebreakError('bad-toxiproxy-config', `${file}: ${messageOf(error)}`, {
          hint: 'It is a JSON array such as [{"name": "redis", "listen": "127.0.0.1:26379", "upstream": "127.0.0.1:6379"}].',
          exitCode: EXIT.usage,
          cause: error,
        });
      }
    },
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      await proxies.clear().catch(() => {});
    },
  };
}

async function answer(client: EngineClient, proxies: ToxiproxyProxies, request: IncomingMessage): Promise<Reply> {
  const { method = 'GET', headers } = request;
  // A page in a browser must not reach it: as Toxiproxy does, and by Origin where a page has changed the first.
  if (headers['user-agent']?.startsWith('Mozilla/') === true || headers.origin !== undefined) return plain('User agent not allowed', 403);
  const path = segmentsOf(request.url ?? '/');
  const [top, proxy = '', toxics, toxic = ''] = path;
  const route = `${top}${path.length > 1 && top === 'proxies' ? `/${['', 'p', 'p/toxics', 'p/toxics/t'][path.length - 1] ?? '?'}` : ''}`;
  if (path.includes('') || (path.length > 1 && top !== 'proxies') || (path.length > 2 && toxics !== 'toxics') || path.length > 4) return plain('404 page not found', 404);
  const handlers: Readonly<Record<string, Readonly<Record<string, () => Promise<Reply>>>>> = {
    proxies: {
      GET: async () => json(proxies.list()),
      POST: async () => json(await proxies.create(await bodyOf(request)), 201),
    },
    'proxies/p': {
      GET: async () => json(proxies.show(proxy)),
      POST: async () => json((proxies.show(proxy), await proxies.update(proxy, await bodyOf(request)))),
      DELETE: async () => (await proxies.remove(proxy), NOTHING),
    },
    'proxies/p/toxics': {
      GET: async () => json(proxies.show(proxy).toxics),
      POST: async () => json((proxies.show(proxy), await proxies.addToxic(proxy, await bodyOf(request)))),
    },
    'proxies/p/toxics/t': {
      GET: async () => json(proxies.toxic(proxy, toxic)),
      POST: async () => json((proxies.toxic(proxy, toxic), await proxies.changeToxic(proxy, toxic, await bodyOf(request)))),
      DELETE: async () => (await proxies.removeToxic(proxy, toxic), NOTHING),
    },
    populate: {
      POST: async () => {
        const { proxies: made, error } = await bodyOf(request)
          .then((body) => proxies.populate(body))
          .catch((thrown: unknown) => ({ proxies: [], error: thrown }));
        // An empty list of Go is written as null.
        const list = made.length === 0 ? null : made;
        return error === undefined ? json({ proxies: list }, 201) : json({ ...complaint(error), proxies: list }, statusOf(error));
      },
    },
    reset: { POST: async () => (await proxies.reset(), NOTHING) },
    version: { GET: async () => ({ status: 200, body: `{"version": "${API_VERSION}"}\n`, type: 'application/json;charset=utf-8' }) },
    metrics: {
      // The Prometheus text exposition format 0.0.4.
      GET: async () => ({ status: 200, body: await client.query('metrics', {}), type: 'text/plain; version=0.0.4; charset=utf-8' }),
    },
  };
  const methods = handlers[route];
  if (methods === undefined) return plain('404 page not found', 404);
  const handler = methods[method === 'PATCH' && path.length !== 1 && path.length !== 3 ? 'POST' : method];
  return handler === undefined ? { status: 405, body: '', type: '' } : handler();
}

function segmentsOf(url: string): string[] {
  const path = url.split('?')[0] ?? '';
  try {
    return path.split('/').slice(1).map(decodeURIComponent);
  } catch {
    return ['?'];
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > MAX_BODY) throw badBody(`more than ${MAX_BODY} bytes`);
    parts.push(part);
  }
  return parse(Buffer.concat(parts).toString('utf8'));
}
function parse(text: string): unknown {
  if (text.trim() === '') throw badBody('EOF');
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw badBody(messageOf(error));
  }
}

const statusOf = (error: unknown): number => (error instanceof ToxiproxyError ? error.status : 500);
function complaint(error: unknown): { readonly error: string; readonly status: number } {
  const hint = error instanceof FirebreakError && error.hint !== '' ? ` (${error.hint})` : '';
  return { error: `${messageOf(error)}${hint}`, status: statusOf(error) };
}
const failed = (error: unknown): Reply => plain(JSON.stringify(complaint(error)), statusOf(error));

function send(response: ServerResponse, { status, body, type }: Reply): void {
  response.writeHead(status, { ...(type !== '' && { 'content-type': type }), 'x-content-type-options': 'nosniff' });
  response.end(body);
}
