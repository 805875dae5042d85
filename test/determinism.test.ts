import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { compileSnapshot, DECISION, decide, type WirePolicy } from '../engine/policy/snapshot.ts';
import { createWire } from '../engine/wire/create.ts';
import { wirePolicy } from './support/policy.ts';

const REQUESTS = 10_000;
/** Enough connections that the system spreads them over all workers. */
const CONNECTIONS = 16;
const faulty = (over: Partial<WirePolicy> = {}): WirePolicy =>
  wirePolicy({ name: 'thirty', errorChance: 0.3, errorCode: 503, ...over });

/** What the dice say, without any wire: true for an error. */
function expected(policy: WirePolicy): boolean[] {
  const [compiled] = compileSnapshot([policy]).policies;
  assert.ok(compiled);
  return Array.from({ length: REQUESTS }, (_, index) => decide(compiled, index) === DECISION.error);
}

/** A keep-alive connection; `ask` sends one request and resolves with true when the answer is an error. */
async function client(port: number): Promise<{ ask: () => Promise<boolean>; socket: Socket }> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true);
  await once(socket, 'connect');
  const ask = (): Promise<boolean> =>
    new Promise((resolve, reject) => {
      let text = '';
      const onData = (data: Buffer): void => {
        text += data.toString('latin1');
        const head = text.indexOf('\r\n\r\n');
        const length = Number(/content-length: *(\d+)/i.exec(text)?.[1]);
        if (head < 0 || text.length < head + 4 + length) return;
        socket.off('data', onData).off('close', reject);
        resolve(text.startsWith('HTTP/1.1 503'));
      };
      socket.on('data', onData).once('close', reject);
      socket.write('GET /x HTTP/1.1\r\nHost: h\r\n\r\n');
    });
  return { ask, socket };
}

/** Runs 10,000 requests through a real wire: one at a time, the connections in turn, or all connections at once. */
async function through(workers: number, policy: WirePolicy, order: 'in turn' | 'at once'): Promise<boolean[]> {
  await using stack = new AsyncDisposableStack();
  const upstream = createServer((socket) => {
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')).on('error', () => {});
  }).listen(0, '127.0.0.1');
  stack.defer(() => void upstream.close());
  await once(upstream, 'listening');
  const wire = stack.use(createWire({ workers }));
  const target = `127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const [route] = await wire.open([{ name: 'r', protocol: 'http', listen: '127.0.0.1:0', upstream: target }]);
  await wire.add(policy);
  const port = Number(route?.listen.split(':').at(-1));
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => client(port)));
  stack.defer(() => clients.forEach(({ socket }) => socket.removeAllListeners('close').destroy()));

  const outcomes: boolean[] = [];
  if (order === 'in turn') {
    for (let i = 0; i < REQUESTS; i++) outcomes.push((await clients[i % CONNECTIONS]?.ask()) ?? false);
  } else {
    await Promise.all(
      clients.map(async ({ ask }) => {
        for (let i = 0; i < REQUESTS / CONNECTIONS; i++) outcomes.push(await ask());
      }),
    );
  }
  const counters = wire.counters(policy.id);
  assert.deepEqual(
    [counters?.matched, counters?.errors],
    [REQUESTS, outcomes.filter(Boolean).length],
    'the counters agree with the clients',
  );
  return outcomes;
}

describe('faults through the real wire', () => {
  for (const workers of [1, 4]) {
    it(
      `follow the one sequence of their seed with ${workers} ${workers === 1 ? 'worker' : 'workers'}`,
      { timeout: 300_000 },
      async () => {
        const policy = faulty();
        const outcomes = await through(workers, policy, 'in turn');
        assert.deepEqual(outcomes, expected(policy));
        const share = outcomes.filter(Boolean).length / REQUESTS;
        assert.ok(
          Math.abs(share - 0.3) <= 3 * Math.sqrt((0.3 * 0.7) / REQUESTS),
          `${share} is not 30 % within 3 sigma`,
        );
      },
    );
  }

  it('are as many when 4 workers race, whatever the fault id', { timeout: 300_000 }, async () => {
    const policy = faulty({ id: 'f-another00000' });
    const outcomes = await through(4, policy, 'at once');
    assert.equal(outcomes.length, REQUESTS);
    assert.equal(outcomes.filter(Boolean).length, expected(faulty()).filter(Boolean).length);
  });

  it('follow another sequence for another seed', () => {
    assert.notDeepEqual(expected(faulty({ seed: 43 })), expected(faulty()));
  });
});
