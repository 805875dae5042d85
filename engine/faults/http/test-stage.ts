import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request as httpRequest } from 'node:http';
import { type AddressInfo } from 'node:net';
import { faultLife, faultRequest, onWire } from '../../../test/support/fault-life.ts';
import { errnoOf } from '../../kernel/errors.ts';
import { type Effect, type FaultRequest } from '../../kernel/fault.ts';
import { createWire } from '../../wire/create.ts';
import { httpInjector } from './injector.ts';
import { httpManifest, type HttpParams } from './manifest.ts';

const ROUTES = ['payments', 'orders'].map((name) => ({
  name,
  protocol: 'http' as const,
  listen: '127.0.0.1:0',
  upstream: '127.0.0.1:1',
}));
export const requestOf = (
  fields: Record<string, unknown>,
  over: Partial<FaultRequest<HttpParams>> = {},
): FaultRequest<HttpParams> => faultRequest(httpManifest, fields, { policy: 'slow', target: '/charge*', routes: ROUTES, ...over });

/** What a client saw: the whole response, or the code of the error. */
export interface Seen {
  readonly status: number;
  readonly headers: Readonly<IncomingMessage['headers']>;
  readonly body: string;
  readonly failure: string;
  readonly ms: number;
}
export function get(port: number, path: string, headers: Record<string, string> = {}): Promise<Seen> {
  const start = performance.now();
  const failed = (error: unknown): Seen => ({
    status: 0,
    headers: {},
    body: '',
    failure: errnoOf(error),
    ms: performance.now() - start,
  });
  return new Promise((resolve) => {
    const request = httpRequest({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
      let body = '';
      response
        .setEncoding('utf8')
        .on('data', (text: string) => (body += text))
        .on('error', (error) => resolve(failed(error)));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body,
          failure: '',
          ms: performance.now() - start,
        }),
      );
    });
    request.on('error', (error) => resolve(failed(error))).end();
  });
}
/** What must be the same before and after a fault. */
const visible = ({ status, headers, body, failure }: Seen): object => ({ status, headers, body, failure });

/** A real service behind a real route, and another route to the same service. */
export async function stage() {
  const stack = new AsyncDisposableStack();
  const server = createServer((request, response) => {
    response.sendDate = false;
    response.end(`${request.method} ${request.url}`);
  }).listen(0, '127.0.0.1');
  stack.defer(() => void server.close());
  await once(server, 'listening');
  const upstream = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const wire = stack.use(createWire());
  const opened = await wire.open(ROUTES.map((route) => ({ ...route, upstream })));
  const [payments = 0, orders = 0] = opened.map(({ listen }) => Number(listen.split(':').at(-1)));
  const injector = httpInjector(onWire(wire));

  /** Proves that traffic afterwards is what it was before. */
  const during = async (request: FaultRequest<HttpParams>, act: () => Promise<void>): Promise<Effect> => {
    const untouched = async (): Promise<object[]> => [
      visible(await get(payments, '/charge/1?x=2')),
      visible(await get(orders, '/charge')),
    ];
    const traffic = await untouched();
    const effect = await faultLife(injector, request, act);
    assert.deepEqual(await untouched(), traffic);
    return effect;
  };
  return { payments, orders, wire, injector, during, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
