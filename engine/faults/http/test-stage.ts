import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request as httpRequest } from 'node:http';
import { type AddressInfo } from 'node:net';
import { selfIdentity, stateOf } from '../../host/identity.ts';
import { millis } from '../../kernel/brands.ts';
import { errnoOf } from '../../kernel/errors.ts';
import { type Effect, type FaultRequest, type InjectContext } from '../../kernel/fault.ts';
import { newFaultId, newRunId } from '../../kernel/random.ts';
import { createWire } from '../../wire/create.ts';
import { httpInjector } from './injector.ts';
import { type WireUndo } from '../../wire/injector.ts';
import { httpManifest, type HttpParams } from './manifest.ts';

export const owner = selfIdentity();
export const fields = (over: Record<string, unknown>): HttpParams => httpManifest.params.parse(over);
const ROUTES = ['payments', 'orders'].map((name) => ({
  name,
  protocol: 'http' as const,
  listen: '127.0.0.1:0',
  upstream: '127.0.0.1:1',
}));
export const requestOf = (
  params: HttpParams,
  over: Partial<FaultRequest<HttpParams>> = {},
): FaultRequest<HttpParams> => ({
  run: newRunId(),
  policy: 'slow',
  type: 'http',
  target: '/charge*',
  route: '',
  routes: ROUTES,
  ignored: [],
  params,
  seed: 42,
  hold: millis(1_000),
  ...over,
});
export const contextOf = (request: FaultRequest<HttpParams>): InjectContext<HttpParams, WireUndo> => ({
  fault: newFaultId(),
  request,
  signal: new AbortController().signal,
  amend: () => {},
  injected: () => {},
});

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
  const injector = httpInjector({ wire, owner, ownerState: stateOf });

  /** The whole life of one fault; proves that traffic afterwards is what it was before. */
  const during = async (request: FaultRequest<HttpParams>, act: () => Promise<void>): Promise<Effect> => {
    const context = contextOf(request);
    const untouched = async (): Promise<object[]> => [
      visible(await get(payments, '/charge/1?x=2')),
      visible(await get(orders, '/charge')),
    ];
    const [plan] = await injector.plan(request, context.signal);
    assert.ok(plan);
    const record = injector.undo.parse(JSON.parse(JSON.stringify(plan.undo)));
    const [traffic, print] = [await untouched(), await injector.fingerprint(record)];
    await injector.inject(record, context);
    await injector.inject(record, context);
    assert.notEqual(await injector.fingerprint(record), print);
    await act();
    const effect = await injector.verify(record, context);
    await injector.revert(record);
    await injector.revert(record);
    assert.equal(await injector.fingerprint(record), print);
    assert.deepEqual(await untouched(), traffic);
    return effect;
  };
  return { payments, orders, wire, injector, during, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
export const figureOf = (effect: Effect, name: string) => effect.figures.find((figure) => figure.name === name);
