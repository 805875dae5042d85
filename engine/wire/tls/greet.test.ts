import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { FakeLink } from '../../../test/wire/fake-link.ts';
import { helloOf, ServerAuthority } from '../../../test/wire/tls/parts.ts';
import { policy } from '../../../test/wire/parts.ts';
import type { OpenRoute } from '../open-route.ts';
import { PassingSession } from '../session.ts';
import { Greeter, TLS_SCOPE } from './greet.ts';
import type { TlsMaterial } from './material.ts';

/** A greeter on a route of its own, and a client's connection to it, of which both ends are in the hands of a test. */
async function stage(over: Partial<OpenRoute>, upstream?: TlsMaterial['upstream']) {
  using authority = await ServerAuthority.make();
  const shown = await authority.certify('localhost');
  const failures: unknown[] = [];
  const failed = (error: unknown): void => void failures.push(error);
  const link = new FakeLink('http', (same) => new PassingSession(same), [policy({ protocol: 'tcp', scope: TLS_SCOPE, latencyChance: 1, latencyMs: 600_000, target: 'slow' })], { failed, ...over });
  const flawed = { expired: shown, not_yet_valid: shown, wrong_name: shown, unknown_issuer: shown };
  const greeter = new Greeter(link.route, { sound: shown, flawed }, upstream);
  const server = createServer({ pauseOnConnect: true });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const arrived = once(server, 'connection') as Promise<[Socket]>;
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [accepted] = await arrived;
  const greeted: unknown[] = [];
  greeter.greet(accepted, (one) => greeted.push(one));
  return { link, client, accepted, greeted, failures, [Symbol.dispose]: () => (client.destroy(), accepted.destroy(), server.close()) };
}

describe('a handshake', { timeout: 60_000 }, () => {
  it('that waited and cannot go on ends its connection with a reset', async () => {
    const resets: (() => void)[] = [];
    using at = await stage({});
    const { acts } = at.link.route;
    const delayed = acts.delayed.bind(acts);
    acts.delayed = (verdict, subject, link, release) => {
      resets.push(() => link.reset());
      return delayed(verdict, subject, link, release);
    };
    const seen = once(at.client, 'error') as Promise<[NodeJS.ErrnoException]>;
    at.client.write(await helloOf({ servername: 'slow' }));
    while (resets.length === 0) await new Promise((resolve) => setImmediate(resolve));
    resets[0]?.();
    assert.equal((await seen)[0].code, 'ECONNRESET');
    while (!at.accepted.closed) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([at.greeted, at.failures, at.link.totals.policy(0).latencies], [[], [], 1]);
  });

  it('that fails by a bug ends its connection alone, and is told', async () => {
    // Nobody can connect with this; a route that opens has been tried with its files.
    using at = await stage({}, { cert: 'nonsense', key: 'nonsense' });
    const secured = connectTls({ socket: at.client, servername: 'localhost', rejectUnauthorized: false, ALPNProtocols: ['h2'] });
    await new Promise((resolve) => secured.on('error', () => {}).once('close', resolve));
    assert.equal(at.failures.length, 1);
    assert.match(String(at.failures[0]), /PEM|DECODER/);
  });
});
