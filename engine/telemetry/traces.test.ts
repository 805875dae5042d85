import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { realClock, VirtualClock } from '../kernel/clock.ts';
import { createBus } from './bus.ts';
import { ended, faultEvent, injected, sample, started } from './fixtures.ts';
import { createTraces, FLUSH_MS } from './traces.ts';

interface Value {
  stringValue?: string;
  intValue?: number;
  doubleValue?: number;
  boolValue?: boolean;
}
interface OtlpSpan {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: { key: string; value: Value }[];
  events: { name: string }[];
  status: { code: number; message?: string };
}

/** A real receiver on a real port that decodes OTLP JSON. With `answer` false it takes connections and stays silent. */
async function receiver(
  t: TestContext,
  answer = true,
): Promise<{ url: string; spans: OtlpSpan[]; paths: string[]; resource: Record<string, Value> }> {
  const spans: OtlpSpan[] = [];
  const paths: string[] = [];
  const resource: Record<string, Value> = {};
  const server: Server = createServer((request, response) => {
    paths.push(`${request.method} ${request.url} ${request.headers['content-type']}`);
    if (!answer) return;
    const chunks: Buffer[] = [];
    request
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => {
        const body = JSON.parse(Buffer.concat(chunks).toString()) as {
          resourceSpans: {
            resource: { attributes: { key: string; value: Value }[] };
            scopeSpans: { spans: OtlpSpan[] }[];
          }[];
        };
        for (const each of body.resourceSpans) {
          for (const { key, value } of each.resource.attributes) resource[key] = value;
          spans.push(...each.scopeSpans.flatMap((scope) => scope.spans));
        }
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans, paths, resource };
}
const attributes = (span: OtlpSpan | undefined): Record<string, unknown> =>
  Object.fromEntries((span?.attributes ?? []).map(({ key, value }) => [key, Object.values(value)[0]]));
const nanos = (ms: number): string => `${ms}000000`;

test('a run, its faults and each injected fault arrive as spans under one another', async (t) => {
  const { url, spans, paths, resource } = await receiver(t);
  const clock = new VirtualClock();
  const bus = createBus(clock);
  const traces = createTraces({ bus, endpoint: `${url}/`, env: {}, version: '1.2.3' });
  assert.ok(traces !== undefined);
  const figures = [{ name: 'latency chance', unit: 'ratio' as const, requested: 0.5, delivered: null, samples: 0 }];
  const began = clock.wall();
  bus.publish('r-1', started());
  bus.publish('r-1', faultEvent({ state: 'planned' }));
  await clock.advance(1_000);
  bus.publish(
    'r-1',
    faultEvent({ state: 'active', injectedAt: clock.wall(), effect: { bitten: false, detail: '', figures } }),
  );
  await clock.advance(500);
  bus.publish('r-1', injected('killed process 4711', 2));
  bus.publish('r-1', { kind: 'breach', when: 'success_rate < 0.95', heldMs: 0, sample });
  bus.publish(
    'r-1',
    faultEvent({
      state: 'clean',
      reverted: true,
      effect: { bitten: true, detail: '', figures: figures.map((each) => ({ ...each, delivered: 0.49 })) },
    }),
  );
  bus.publish('r-1', ended);
  await traces[Symbol.asyncDispose]();

  assert.deepEqual([...new Set(paths)], ['POST /v1/traces application/json']);
  assert.equal(resource['service.name']?.stringValue, 'firebreak');
  const find = (name: string): OtlpSpan | undefined => spans.find((span) => span.name === name);
  const [run, fault, one] = [find('experiment'), find('fault process'), find('injected')];
  assert.ok(run !== undefined && fault !== undefined && one !== undefined && spans.length === 3);
  assert.equal(fault.parentSpanId, run.spanId);
  assert.equal(one.parentSpanId, fault.spanId);
  assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 1);
  assert.deepEqual(
    [run.startTimeUnixNano, fault.startTimeUnixNano, fault.endTimeUnixNano].map(String),
    [began, began + 1_000, began + 1_500].map(nanos),
  );
  assert.deepEqual(attributes(fault), {
    'chaos.run': 'r-1',
    'chaos.fault': 'f-000000000001',
    'chaos.policy': 'slow',
    'chaos.type': 'process',
    'chaos.target': 'process 4711 (worker)',
    'chaos.bitten': true,
    'chaos.reverted': true,
    'chaos.injected': 2,
    'chaos.requested.latency_chance': 0.5,
    'chaos.delivered.latency_chance': 0.49,
    'chaos.unit.latency_chance': 'ratio',
  });
  assert.deepEqual(
    fault.events.map(({ name }) => name),
    ['active', 'injected', 'clean'],
  );
  assert.deepEqual(
    run.events.map(({ name }) => name),
    ['breach'],
  );
  assert.equal(attributes(one)['chaos.count'], 2);
  assert.equal(attributes(run)['chaos.verdict'], 'held');
});

test('residue is an error, and what is open at the end is sent as unfinished', async (t) => {
  const { url, spans } = await receiver(t);
  const bus = createBus(new VirtualClock());
  const traces = createTraces({ bus, env: { OTEL_EXPORTER_OTLP_ENDPOINT: url }, version: '1' });
  bus.publish('r-1', faultEvent({ id: 'f-1' }));
  bus.publish('r-1', faultEvent({ id: 'f-1', state: 'unconfirmed', note: 'could not be read' }));
  bus.publish('r-1', faultEvent({ id: 'f-2' }));
  await traces?.[Symbol.asyncDispose]();
  const [left, open] = ['f-1', 'f-2'].map((id) => spans.find((span) => attributes(span)['chaos.fault'] === id));
  assert.deepEqual(left?.status, { code: 2, message: 'could not be read' });
  assert.equal(attributes(open)['chaos.unfinished'], true);
});

test('off unless an endpoint is set; one that is no URL is logged', () => {
  const bus = createBus(new VirtualClock());
  assert.equal(createTraces({ bus, env: {}, version: '1' }), undefined);
  assert.equal(createTraces({ bus, endpoint: '', env: { OTEL_EXPORTER_OTLP_ENDPOINT: '' }, version: '1' }), undefined);
  assert.equal(bus.lastSeq, 0);
  for (const endpoint of ['nonsense', 'ftp://127.0.0.1'])
    assert.equal(createTraces({ bus, endpoint, env: {}, version: '1' }), undefined);
  assert.equal(bus.recent().filter(({ body }) => body.kind === 'log' && /traces are off/.test(body.text)).length, 2);
});

test('the endpoint for traces alone is used as it is', async (t) => {
  const { url, paths } = await receiver(t);
  const bus = createBus(new VirtualClock());
  const traces = createTraces({ bus, env: { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${url}/mine` }, version: '1' });
  bus.publish('r-1', faultEvent());
  await traces?.[Symbol.asyncDispose]();
  assert.deepEqual(paths, ['POST /mine application/json']);
});

test('a dead port stops nobody: publishing goes on, and disposing ends', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const bus = createBus(realClock);
  const traces = createTraces({ bus, endpoint: `http://127.0.0.1:${port}`, env: {}, version: '1' });
  bus.publish('r-1', faultEvent());
  for (let index = 0; index < 500; index++) bus.publish('r-1', injected('killed'));
  await traces?.[Symbol.asyncDispose]();
  assert.equal(bus.recent().filter(({ body }) => body.kind === 'log').length, 0, 'no listener failed');
});

test('a receiver that never answers is given two seconds at the end, and its queue is bounded', async (t) => {
  const { url, paths } = await receiver(t, false);
  const clock = new VirtualClock();
  const bus = createBus(clock);
  const traces = createTraces({ bus, endpoint: url, env: {}, version: '1', clock });
  bus.publish('r-1', faultEvent());
  for (let index = 0; index < 10_000; index++) bus.publish('r-1', injected('killed'));
  let done = false;
  const disposed = traces?.[Symbol.asyncDispose]().then(() => (done = true));
  await clock.advance(FLUSH_MS - 1);
  assert.equal(done, false);
  await clock.advance(1);
  await disposed;
  // 10,001 spans in batches of 256 would be 40 requests; the queue of 2,048 and one batch under way make 9.
  assert.ok(paths.length <= 9, `${paths.length} requests`);
});

test('a message that a fault acted on is a span in the trace that it came with; others are none', async (t) => {
  const { url, spans } = await receiver(t);
  const bus = createBus(new VirtualClock());
  let tell: Parameters<NonNullable<Parameters<typeof createTraces>[0]['traffic']>>[0] | undefined;
  let heard = true;
  const traffic = (take: NonNullable<typeof tell>): Disposable => {
    tell = take;
    return { [Symbol.dispose]: () => void (heard = false) };
  };
  const traces = createTraces({ bus, endpoint: url, env: {}, version: '1', traffic });
  assert.ok(traces !== undefined && tell !== undefined);
  const line = {
    at: 1_000, route: 'ledger', protocol: 'http', method: 'POST', target: '/entries', action: 'error', policy: 'third-hop', delayMs: 20, status: 503,
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736', parentId: '00f067aa0ba902b7',
  } as const;
  tell({ lines: [line, { ...line, action: 'pass' }, { ...line, traceId: '', parentId: undefined }] });
  await traces[Symbol.asyncDispose]();
  assert.equal(heard, false);
  assert.equal(spans.length, 1);
  const [span] = spans;
  assert.deepEqual([span?.name, span?.traceId, span?.parentSpanId], ['chaos error', line.traceId, line.parentId]);
  assert.deepEqual([span?.startTimeUnixNano, span?.endTimeUnixNano].map(String), [nanos(980), nanos(1_000)]);
  assert.deepEqual(attributes(span), {
    'chaos.route': 'ledger', 'chaos.protocol': 'http', 'chaos.policy': 'third-hop', 'chaos.method': 'POST', 'chaos.target': '/entries',
    'chaos.delay_ms': 20, 'chaos.status': 503,
  });
});
