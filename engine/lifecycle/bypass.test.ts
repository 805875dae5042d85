import assert from 'node:assert/strict';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { test } from 'node:test';
import { realClock, VirtualClock } from '../kernel/clock.ts';
import { FirebreakError } from '../kernel/errors.ts';
import { openBypass } from './bypass.ts';

async function serve(
  answer: (text: string) => string,
): Promise<{ port: number; close(): Promise<void>; server: Server }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let text = '';
    socket
      .setEncoding('utf8')
      .on('data', (chunk: string) => (text += chunk))
      .on('end', () => socket.end(answer(text)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    server,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
async function freePort(): Promise<number> {
  const { port, close } = await serve(String);
  await close();
  return port;
}
/** Sends everything, closes its half, and reads to the end; undefined when the connection was cut. */
function exchange(port: number, text: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => socket.end(text));
    socket
      .setEncoding('utf8')
      .on('data', (chunk: string) => (answer += chunk))
      .on('end', () => resolve(answer === '' ? undefined : answer))
      .on('error', () => resolve(undefined));
  });
}

test('bytes pass both ways, half-closed connections and large ones too', async () => {
  const upstream = await serve((text) => `${text.length} ${text.slice(0, 5)}${'y'.repeat(1_000_000)}`);
  const listen = await freePort();
  const bypass = await openBypass(
    { name: 'r', listen: `127.0.0.1:${listen}`, upstream: `127.0.0.1:${upstream.port}` },
    realClock,
  );
  const answers = await Promise.all([1, 2, 3].map((n) => exchange(listen, `hello${'x'.repeat(n * 300_000)}`)));
  assert.deepEqual(
    answers.map((answer) => [answer?.slice(0, 12), answer?.length]),
    [1, 2, 3].map((n) => [`${n * 300_000 + 5} hello`, 1_000_012]),
  );
  await bypass[Symbol.asyncDispose]();
  assert.equal(await exchange(listen, 'anyone?'), undefined);
  await upstream.close();
});

test('letting go cuts the connections, so that none escapes the next engine', async () => {
  const upstream = await serve(String);
  const listen = await freePort();
  const bypass = await openBypass(
    { name: 'r', listen: `127.0.0.1:${listen}`, upstream: `127.0.0.1:${upstream.port}` },
    realClock,
  );
  const socket = connect(listen, '127.0.0.1');
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('connect', resolve));
  while (bypass.connections === 0) await new Promise((resolve) => setImmediate(resolve));
  await bypass[Symbol.asyncDispose]();
  await closed;
  await upstream.close();
});

test('an upstream that refuses is noticed without traffic, and forgiven when it is back', async () => {
  const clock = new VirtualClock();
  const upstream = await serve(String);
  const listen = await freePort();
  const bypass = await openBypass(
    { name: 'r', listen: `127.0.0.1:${listen}`, upstream: `127.0.0.1:${upstream.port}` },
    clock,
  );
  await upstream.close();
  const settle = async (condition: () => boolean): Promise<void> => {
    for (const end = performance.now() + 60_000; !condition() && performance.now() < end;)
      await new Promise((resolve) => setImmediate(resolve));
    assert.ok(condition());
  };
  await clock.advance(5_000);
  await settle(() => bypass.refusedSince === 5_000);
  await clock.advance(5_000);
  assert.equal(bypass.refusedSince, 5_000, 'since the first refusal');
  const again = createServer((socket) => void socket.end()).listen(upstream.port, '127.0.0.1');
  await new Promise((resolve) => again.once('listening', resolve));
  await clock.advance(5_000);
  await settle(() => bypass.refusedSince === null);
  await bypass[Symbol.asyncDispose]();
  await new Promise((resolve) => again.close(resolve));
});

test('an upstream that is there is hardly ever tried, as servers count connections that come to nothing', async () => {
  const clock = new VirtualClock();
  const upstream = await serve(String);
  const seen: (number | undefined)[] = [];
  upstream.server.on('connection', ({ remotePort }) => void seen.push(remotePort));
  const listen = await freePort();
  await using bypass = await openBypass({ name: 'r', listen: `127.0.0.1:${listen}`, upstream: `127.0.0.1:${upstream.port}` }, clock);
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await new Promise((resolve) => setImmediate(resolve));
  };
  await clock.advance(24 * 3_600_000);
  const last = connect(upstream.port, '127.0.0.1');
  await new Promise((resolve) => last.once('connect', resolve));
  await until(() => seen.includes(last.localPort));
  assert.ok(seen.length > 5 && seen.length < 30, `${seen.length} connections in a day`);
  last.destroy();
  await upstream.close();
  await clock.advance(24 * 3_600_000);
  await until(() => bypass.refusedSince !== null);
});

test('an address that is taken is an error that says so', async () => {
  const upstream = await serve(String);
  const taken = `127.0.0.1:${upstream.port}`;
  await assert.rejects(
    openBypass({ name: 'shop', listen: taken, upstream: taken }, realClock),
    (error: unknown) => error instanceof FirebreakError && error.code === 'listen-failed' && /shop/.test(error.message),
  );
  await upstream.close();
});
