import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { createWire } from '../../engine/wire/create.ts';
import { type Wire } from '../../engine/wire/wire.ts';
import { wirePolicy } from '../support/policy.ts';
import { type Figure, quantile } from './figure.ts';

const HALTS = 200;
/** Half of the connections get errors as fast as they ask, the other half wait for delayed responses. */
const CONNECTIONS = 32;
/** What a delayed request waits for; at any HALT some have just begun and some are nearly done. */
const LATENCY = 150;
/** Load before each HALT, in milliseconds; varied so that HALT does not keep step with the delays. */
const LOAD = [60, 110, 170];
/** Each connection must have brought this many clean responses after the HALT before it counts as over. */
const CLEAN = 3;
const OVER = 5_000;

/** Milliseconds from the call of `wire.halt()` to the last faulty response that any client sees, under load. */
export async function run(say: (line: string) => void): Promise<readonly Figure[]> {
  const upstream = createServer((socket) =>
    socket.on('data', (data) => answerAll(socket, data)).on('error', () => {}),
  ).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const wire = createWire();
  try {
    const [route] = await wire.open([
      { name: 'shop', protocol: 'http', listen: '127.0.0.1:0', upstream: addressOf(upstream.address()) },
    ]);
    await wire.add(wirePolicy({ id: 'f-errors', target: '/fail', errorChance: 1, errorCode: 503 }));
    await wire.add(wirePolicy({ id: 'f-delays', target: '/slow', latencyChance: 1, latencyMs: LATENCY }));
    const port = Number(route?.listen.split(':')[1]);
    const clients = await Promise.all(
      Array.from({ length: CONNECTIONS }, (_, i) => openClient(port, i % 2 === 0 ? '/fail' : '/slow')),
    );
    const took: number[] = [];
    let held = 0;
    for (let turn = 0; turn < HALTS; turn++) {
      const one = await haltOnce(wire, clients, LOAD[turn % LOAD.length] as number);
      took.push(one.tookMs);
      held += one.held;
      if ((turn + 1) % 50 === 0) say(`${turn + 1} of ${HALTS}`);
    }
    for (const client of clients) client.socket.destroy();
    if (held === 0) throw new Error('no response was being delayed at any HALT: the bench shows nothing');
    say(`${Math.round((held / HALTS) * 10) / 10} responses were being delayed at each HALT, on average`);
    const figure = (metric: string, value: number): Figure => ({
      bench: 'halt',
      metric,
      value: Math.round(value * 100) / 100,
      unit: 'ms',
    });
    return [
      figure(`p50 of ${HALTS}`, quantile(took, 0.5)),
      figure(`p99 of ${HALTS}`, quantile(took, 0.99)),
      figure(`max of ${HALTS}`, Math.max(...took)),
    ];
  } finally {
    await wire[Symbol.asyncDispose]();
    upstream.close();
  }
}

/** One client: a keep-alive connection that asks again as soon as it is answered. */
interface Client {
  readonly socket: Socket;
  readonly slow: boolean;
  sentAt: number;
  /** Called for each response, before the next request is sent. */
  onResponse: (faulty: boolean, sentAt: number, at: number) => void;
}

async function haltOnce(
  wire: Wire,
  clients: readonly Client[],
  load: number,
): Promise<{ readonly tookMs: number; readonly held: number }> {
  await wait(load);
  const clean = new Map(clients.map((client) => [client, 0]));
  let last = 0;
  let held = 0;
  let done = (): void => {};
  const over = new Promise<void>((resolve) => (done = resolve));
  // Every delayed response whose request was sent before the HALT is faulty, however early it is let go.
  const start = performance.now();
  wire.halt();
  for (const client of clients) {
    client.onResponse = (faulty, sentAt, at) => {
      const wasHeld = client.slow && sentAt < start;
      if (wasHeld) held++;
      if (faulty || wasHeld) last = Math.max(last, at - start);
      else clean.set(client, (clean.get(client) ?? 0) + 1);
      if (clean.get(client) === CLEAN && [...clean.values()].every((count) => count >= CLEAN)) done();
    };
  }
  const late = AbortSignal.timeout(OVER);
  await Promise.race([
    over,
    once(late, 'abort').then(() => Promise.reject(new Error(`still faulty ${OVER} ms after the HALT`))),
  ]);
  for (const client of clients) client.onResponse = () => {};
  wire.resume();
  return { tookMs: last, held };
}

async function openClient(port: number, path: '/fail' | '/slow'): Promise<Client> {
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  await once(socket, 'connect');
  const client: Client = { socket, slow: path === '/slow', sentAt: 0, onResponse: () => {} };
  const ask = (): void => {
    client.sentAt = performance.now();
    socket.write(`GET ${path} HTTP/1.1\r\nHost: shop\r\n\r\n`);
  };
  let text = '';
  socket.on('error', () => {});
  socket.on('data', (data) => {
    text += data.toString('latin1');
    const end = responseEnd(text);
    if (end < 0) return;
    const at = performance.now();
    const faulty = text.startsWith('HTTP/1.1 503') || at - client.sentAt >= LATENCY;
    text = text.slice(end);
    client.onResponse(faulty, client.sentAt, at);
    ask();
  });
  ask();
  return client;
}

/** Where the first response in the text ends; -1 when it is not complete. */
function responseEnd(text: string): number {
  const head = text.indexOf('\r\n\r\n');
  if (head < 0) return -1;
  const length = Number(/content-length: *(\d+)/i.exec(text.slice(0, head))?.[1] ?? 0);
  return text.length >= head + 4 + length ? head + 4 + length : -1;
}

const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
/** These clients send one small request at a time, so one chunk is one request. */
function answerAll(socket: Socket, data: Buffer): void {
  const requests = data.toString('latin1').split('\r\n\r\n').length - 1;
  socket.write(ANSWER.repeat(requests));
}

const addressOf = (address: string | AddressInfo | null): string =>
  `127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`;
