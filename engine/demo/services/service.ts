import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { realClock } from '../../kernel/clock.ts';
import { messageOf } from '../../kernel/errors.ts';
import { fnv1a } from '../../kernel/hash.ts';
import { seededStream } from '../../kernel/random.ts';

/** What the demo tells a child in the first line of its stdin. */
export const childConfig = z.object({
  seed: z.int(),
  /** `host:port` of the route that leads to the next hop; '' for the last. */
  next: z.string(),
  /** Folder for the service's data; it may have to be made. */
  folder: z.string(),
  /** For the load generator: requests per second. */
  rate: z.number(),
  /** For the errands: where each protocol is served. For the load generator: where each errand is asked for. */
  parts: z.record(z.string(), z.string()).default({}),
});
export type ChildConfig = z.output<typeof childConfig>;
/** The same as the demo says it: what has a default may be left out. */
export type ChildSettings = z.input<typeof childConfig>;

export interface Reply {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}
/** By method and path, such as `POST /charge`. `body` is parsed JSON or undefined. */
export type Handlers = Readonly<Record<string, (body: unknown) => Promise<Reply> | Reply>>;

export interface ServiceContext extends ChildConfig {
  /** Takes as long as honest work would: `from` to `to` milliseconds, drawn from the seed. */
  work(from: number, to: number): Promise<void>;
  random(): number;
}

/** No request of the shop is longer; more is refused. */
const MAX_BODY = 65_536;

/**
 * Reads the configuration from stdin, then calls `start` once; ends this process when stdin closes, that is when the
 * parent ends, in whatever way.
 */
export function runChild(start: (config: ChildConfig) => void, atEnd: () => void = () => {}): void {
  // Ctrl-C or Ctrl-Z in a terminal reaches the whole group. The shop must stay up until the run has reverted and measured it.
  process.on('SIGINT', () => {});
  if (process.platform !== 'win32') process.on('SIGTSTP', () => {});
  createInterface({ input: process.stdin })
    .once('line', (line) => start(childConfig.parse(JSON.parse(line))))
    .once('close', () => {
      atEnd();
      process.exit(0);
    });
}

/** Writes one line of JSON for the parent. */
export const report = (news: unknown): void => void process.stdout.write(`${JSON.stringify(news)}\n`);

/**
 * Runs one service of the shop: listens at once (on `--port=N`, or on a free port), reports `{port}` on stdout, and
 * serves once it was configured. Every service answers GET /health.
 */
export function runService(name: string, build: (context: ServiceContext) => Handlers, atEnd?: () => void): void {
  let handlers: Handlers = {};
  let ready = false;
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      send(response, { status: 500, body: { error: messageOf(error) } });
    });
  });
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    if (!ready) return send(response, { status: 503, body: { error: `${name} is starting` } });
    if (path === '/health') return send(response, { status: 200, body: { service: name, healthy: true } });
    const handler = handlers[`${request.method} ${path}`];
    if (handler === undefined) {
      return send(response, { status: 404, body: { error: `${name} has no ${request.method} ${path}` } });
    }
    const body = await readJson(request);
    if (body === 'bad') return send(response, { status: 400, body: { error: 'expected JSON of at most 64 KiB' } });
    send(response, await handler(body));
  };
  // Longer than any client here keeps an idle connection, so that no request meets a connection about to close.
  server.keepAliveTimeout = 30_000;
  const port = Number(process.argv.find((argument) => argument.startsWith('--port='))?.slice('--port='.length) ?? 0);
  server.listen(port, '127.0.0.1', () => report({ port: (server.address() as AddressInfo).port }));
  runChild((config) => {
    const random = seededStream(config.seed, fnv1a(name));
    const work = (from: number, to: number): Promise<void> => realClock.sleep(from + random() * (to - from));
    handlers = build({ ...config, random, work });
    ready = true;
  }, atEnd);
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk as string;
    if (text.length > MAX_BODY) return 'bad';
  }
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return 'bad';
  }
}

function send(response: ServerResponse, { status, body, headers }: Reply): void {
  const text = `${JSON.stringify(body)}\n`;
  const length = Buffer.byteLength(text);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': length, ...headers });
  response.end(text);
}
