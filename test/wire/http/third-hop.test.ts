import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { it } from 'node:test';
import type { TrafficLine } from '../../../engine/contract/room.ts';
import { createWire } from '../../../engine/wire/create.ts';
import { policy } from '../parts.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

/** A service that asks the next one, passing on who asks; the last one answers. */
async function service(next: string | undefined): Promise<Server> {
  const server = createServer((request, response) => {
    if (next === undefined) return void response.end('done');
    const { traceparent = '', baggage = '' } = request.headers as Record<string, string>;
    fetch(`http://${next}/hop`, { headers: { traceparent, baggage } }).then(
      async (answer) => void response.writeHead(answer.status).end(await answer.text()),
      () => void response.writeHead(502).end(),
    );
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server;
}

it('one request is followed by its baggage and failed at its third hop, and told with its trace', { timeout: 300_000 }, async () => {
  await using stack = new AsyncDisposableStack();
  const wire = stack.use(createWire());
  let next: string | undefined;
  for (const name of ['third', 'second', 'first']) {
    const server = await service(next);
    stack.defer(() => {
      server.closeAllConnections();
      server.close();
    });
    const upstream = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const [route] = await wire.open([{ name, protocol: 'http', listen: '127.0.0.1:0', upstream }]);
    next = route?.listen;
  }
  const lines: TrafficLine[] = [];
  using _listening = wire.listen(false, (batch) => lines.push(...batch.lines));
  const when = "baggage['chaos'] == 'on' && route == 'third'";
  const struck = policy({ when, errorChance: 1, errorCode: 503, errorBody: 'third hop' });
  await wire.add(struck);
  const ask = async (baggage: string): Promise<[number, string]> => {
    const headers = { traceparent: `00-${TRACE}-00f067aa0ba902b7-01`, baggage };
    const answer = await fetch(`http://${next}/`, { headers });
    return [answer.status, await answer.text()];
  };
  assert.deepEqual(await ask('team=a'), [200, 'done']);
  assert.deepEqual(await ask('team=a,chaos=off'), [200, 'done']);
  assert.deepEqual(await ask('team=a,chaos=on;ttl=1'), [503, 'third hop']);
  assert.equal(wire.counters(struck.id)?.matched, 1, 'only the third hop of the one request');
  const deadline = performance.now() + 60_000;
  while (lines.length === 0 && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(lines.map(({ route, action, traceId, parentId }) => [route, action, traceId, parentId]), [['third', 'error', TRACE, '00f067aa0ba902b7']]);
});
