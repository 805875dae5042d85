import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { realClock, VirtualClock } from '../kernel/clock.ts';
import { FirebreakError } from '../kernel/errors.ts';
import { httpProbeSpec, type Reading } from '../kernel/probe.ts';
import { MAX_BODY } from './exchange.ts';
import { createProbe } from './probe.ts';

const never = new AbortController().signal;

interface Server extends AsyncDisposable {
  readonly url: string;
  connections(): number;
}
async function listening(server: ReturnType<typeof createTcpServer>): Promise<Server> {
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on('connection', (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
const serve = (listener: RequestListener): Promise<Server> => listening(createServer(listener));

async function once(url: string, extra: Record<string, unknown> = {}): Promise<Reading> {
  await using probe = createProbe(httpProbeSpec.parse({ type: 'http', url, ...extra }), { clock: realClock });
  return await probe.poll(never);
}

describe('the HTTP probe', () => {
  it('reads a good answer and keeps its connection', async () => {
    await using server = await serve((_request, answer) => answer.end('fine'));
    await using probe = createProbe(httpProbeSpec.parse({ type: 'http', url: server.url }), { clock: realClock });
    for (let i = 0; i < 5; i++) {
      const reading = await probe.poll(never);
      assert.deepEqual([reading.ok, reading.error, reading.figures.samples], [true, '', i + 1]);
      assert.ok(reading.latency !== null && reading.latency > 0);
    }
    assert.equal(server.connections(), 1);
  });
  it('follows a route that opens and closes while it runs', async () => {
    await using server = await serve((_request, answer) => answer.end('fine'));
    const open = new Map<string, string>();
    const spec = httpProbeSpec.parse({ type: 'http', url: 'route://shop/health' });
    const connections = new Set<Socket>();
    const deps = { clock: realClock, listenOf: (name: string) => open.get(name), onSocket: (socket: Socket) => void connections.add(socket) };
    assert.throws(() => createProbe(spec, deps), { code: 'unknown-route' });
    await using probe = createProbe(spec, { ...deps, live: true });
    const closed = await probe.poll(never);
    assert.deepEqual([closed.ok, closed.error, closed.latency], [false, 'the route shop is not open', null]);
    open.set('shop', new URL(server.url).host);
    assert.equal((await probe.poll(never)).ok, true);
    open.delete('shop');
    const { error, figures, tally } = await probe.poll(never);
    assert.deepEqual([error, figures.samples], ['the route shop is not open', 3]);
    assert.deepEqual(tally, { satisfied: 1, tolerating: 0, frustrated: 2 });
    assert.deepEqual([connections.size, server.connections()], [1, 1]);
  });
  it('shows no password in its description', async () => {
    await using probe = createProbe(httpProbeSpec.parse({ type: 'http', url: 'http://me:secret@127.0.0.1:1/' }), { clock: realClock });
    assert.equal(probe.describe(), 'GET http://***@127.0.0.1:1/ every 1000 ms');
  });
  it('sends method, headers and body', async () => {
    await using server = await serve((request, answer) => {
      request.setEncoding('utf8').on('data', (body: string) => answer.end(`${request.method} ${request.headers['x-team']} ${body}`));
    });
    const extra = { method: 'POST', headers: { 'x-team': 'sre' }, body: 'grüß', contains: 'POST sre grüß' };
    assert.equal((await once(server.url, extra)).error, '');
  });
  it('judges by status, by class and by content, and follows no redirect', async () => {
    let asked = 0;
    await using server = await serve((request, answer) => {
      asked++;
      answer.writeHead(Number(request.url?.slice(1)), { location: '/200' }).end('body of the answer');
    });
    const error = async (status: number, extra = {}) => (await once(`${server.url}${status}`, extra)).error;
    assert.equal(await error(302), '');
    assert.equal(asked, 1);
    assert.equal(await error(503), 'HTTP 503');
    assert.equal(await error(404, { status: [404, '2xx'] }), '');
    assert.equal(await error(201, { status: [404, '2xx'] }), '');
    assert.equal(await error(302, { status: ['2xx'] }), 'HTTP 302');
    assert.equal(await error(200, { contains: 'of the' }), '');
    assert.equal(await error(200, { contains: 'off' }), 'the answer does not contain "off"');
  });
  it('names a refused connection', async () => {
    const gone = await serve((_request, answer) => answer.end());
    await gone[Symbol.asyncDispose]();
    const reading = await once(gone.url);
    assert.deepEqual([reading.ok, reading.latency, reading.error], [false, null, 'connection refused']);
    assert.equal(reading.figures.availability, 0);
    assert.equal(reading.figures.p99, null);
  });
  it('names a reset, an answer that breaks off, and what is no HTTP', async () => {
    await using reset = await listening(createTcpServer((socket) => socket.resetAndDestroy()));
    assert.equal((await once(reset.url)).error, 'connection reset');
    await using broken = await listening(createTcpServer((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf')));
    const half = await once(broken.url);
    assert.equal(half.error, 'connection broke off within the answer');
    assert.equal(half.figures.availability, 0);
    await using gibberish = await listening(createTcpServer((socket) => socket.end('SSH-2.0-OpenSSH\r\n')));
    assert.equal((await once(gibberish.url)).error, 'the answer is not valid HTTP');
  });
  it('ends at the timeout, also when the headers have come, and counts the timeout as latency', async () => {
    await using server = await serve((_request, answer) => answer.write('the rest never comes'));
    const reading = await once(server.url, { timeout: '60ms' });
    assert.deepEqual([reading.ok, reading.error, reading.latency, reading.figures.p99], [false, 'timed out after 60ms', 60, 60]);
  });
  it('reads time from its clock alone', async () => {
    const clock = new VirtualClock();
    await using server = await serve(() => {});
    await using probe = createProbe(httpProbeSpec.parse({ type: 'http', url: server.url, timeout: '2s' }), { clock });
    const reading = await clock.runUntil(probe.poll(never), 5_000);
    assert.equal(reading.error, 'timed out after 2s');
  });
  it('stops at once, and a stopped poll counts for nothing', async () => {
    const stop = new AbortController();
    await using server = await serve(() => stop.abort());
    await using probe = createProbe(httpProbeSpec.parse({ type: 'http', url: server.url }), { clock: realClock });
    const reading = await probe.poll(stop.signal);
    assert.deepEqual([reading.error, reading.figures.samples], ['stopped', 0]);
    assert.equal((await probe.poll(stop.signal)).error, 'stopped');
  });
  it('reads a bounded part of an endless body', async () => {
    let sent = 0;
    await using server = await serve((_request, answer) => {
      const more = (): void => {
        for (let free = true; free && !answer.destroyed; sent += 65_536) free = answer.write(Buffer.alloc(65_536, 'x'));
      };
      answer.on('drain', more).write('head');
      more();
    });
    const reading = await once(server.url, { contains: 'head' });
    assert.equal(reading.error, '');
    // What was cut off may still lie in socket buffers, but it does not go on.
    assert.ok(sent < 64 * MAX_BODY, `${sent} bytes sent`);
  });
  it('does not throw for a header that cannot be sent', async () => {
    assert.match((await once('http://127.0.0.1:1/', { headers: { 'bad name': 'x' } })).error, /bad name/);
  });
  it('polls hundreds of times a second, many at once', async () => {
    await using server = await serve((_request, answer) => answer.end('fine'));
    await using probe = createProbe(httpProbeSpec.parse({ type: 'http', url: server.url, window: '1m' }), { clock: realClock });
    for (let round = 0; round < 25; round++) {
      const readings = await Promise.all(Array.from({ length: 20 }, () => probe.poll(never)));
      assert.ok(readings.every(({ ok }) => ok));
    }
    const { figures } = await probe.poll(never);
    assert.deepEqual([figures.samples, figures.success_rate, figures.availability], [501, 1, 1]);
    assert.ok(server.connections() <= 21, `${server.connections()} connections`);
  });
});

describe('the URL of a probe', () => {
  it('may name a route', async () => {
    await using server = await serve((request, answer) => answer.end(request.url));
    const { host } = new URL(server.url);
    const spec = httpProbeSpec.parse({ type: 'http', url: 'route://shop/a?b=1', contains: '/a?b=1' });
    await using probe = createProbe(spec, { clock: realClock, listenOf: (name) => (name === 'shop' ? host : undefined) });
    assert.equal((await probe.poll(never)).error, '');
  });
  it('is refused with a remedy when it cannot be polled', () => {
    const make = (url: string) => () => createProbe(httpProbeSpec.parse({ type: 'http', url }), { clock: realClock });
    const refusal = (code: string) => (error: unknown) => error instanceof FirebreakError && error.code === code && error.exitCode === 2 && error.hint !== '';
    assert.throws(make('route://nowhere/x'), refusal('unknown-route'));
    assert.throws(make('ftp://127.0.0.1/'), refusal('bad-probe-url'));
    assert.throws(make('checkout'), refusal('bad-probe-url'));
  });
});
