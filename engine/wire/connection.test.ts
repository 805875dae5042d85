import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { it } from 'node:test';
import { FakeLink } from '../../test/wire/fake-link.ts';
import { Connection } from './connection.ts';
import type { OpenRoute } from './open-route.ts';
import { type Link, PassingSession } from './session.ts';

const portOf = (server: ReturnType<typeof createServer>): number => (server.address() as { port: number }).port;

it('a client that was stopped by an upstream which does not read goes on once that upstream is given up', { timeout: 60_000 }, async () => {
  const upstream = createServer({ pauseOnConnect: true });
  const front = createServer({ pauseOnConnect: true, allowHalfOpen: true });
  for (const server of [upstream, front]) await once(server.listen(0, '127.0.0.1'), 'listening');
  const { route } = new FakeLink('tcp', (link) => new PassingSession(link));
  const client = connect(portOf(front), '127.0.0.1');
  const [accepted] = (await once(front, 'connection')) as [Socket];
  let link: Link | undefined;
  const over = { ...route, port: portOf(upstream) } as unknown as OpenRoute<Connection>;
  const connection = new Connection(over, accepted, (of) => new PassingSession((link = of)));
  client.on('error', () => {}).write(Buffer.alloc(32 * 1_048_576));
  while (!connection.client.paused) await new Promise((resolve) => setTimeout(resolve, 2));
  link?.detachUpstream();
  assert.equal(connection.client.paused, false);
  connection.destroy();
  client.destroy();
  upstream.close();
  front.close();
});

it('a session that fails as it is closed is told of, and its connection counts no longer', { timeout: 60_000 }, async () => {
  const front = createServer({ pauseOnConnect: true, allowHalfOpen: true });
  await once(front.listen(0, '127.0.0.1'), 'listening');
  const { route } = new FakeLink('tcp', (link) => new PassingSession(link));
  const client = connect(portOf(front), '127.0.0.1');
  const [accepted] = (await once(front, 'connection')) as [Socket];
  const told: unknown[] = [];
  const bug = new Error('a bug');
  class Failing extends PassingSession {
    override closed(): void {
      throw bug;
    }
  }
  const gone = new Promise<Connection>((closed) => {
    const over = { ...route, closed, failed: (error: unknown) => told.push(error) } as unknown as OpenRoute<Connection>;
    new Connection(over, accepted, (link) => new Failing(link));
  });
  client.destroy();
  await gone;
  assert.deepEqual(told, [bug]);
  front.close();
});
