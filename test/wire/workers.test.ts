import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FirebreakError } from '../../engine/kernel/errors.ts';
import { createWire } from '../../engine/wire/create.ts';
import { get } from './corpus.ts';
import { echoing, Peer, policy, Upstream, wireTo } from './parts.ts';

const LIMIT = { timeout: 300_000 };
const REQUESTS = 10_000;
const CLIENTS = 8;
const ERROR_CHANCE = 0.3;

/** How each of `REQUESTS` requests over several connections went: how many failed, and the counters. */
async function decisions(workers: number): Promise<{ failed: number; matched: number; errors: number; late: number }> {
  await using upstream = await echoing();
  const { wire, address, errors } = await wireTo(upstream.address, { workers });
  await using _ = wire;
  const fault = policy({ name: 'same', errorChance: ERROR_CHANCE, errorCode: 500, latencyChance: 0.05, latencyMs: 1 });
  await wire.add(fault);
  const failures = await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      using client = await Peer.to(address);
      client.write(get('/x').repeat(REQUESTS / CLIENTS));
      await client.says('HTTP/1.1', REQUESTS / CLIENTS);
      return client.received.toString().split('HTTP/1.1 500').length - 1;
    }),
  );
  const counters = wire.counters(fault.id);
  await wire.remove(fault.id);
  assert.deepEqual(errors, []);
  assert.deepEqual(wire.counters(fault.id), counters, 'the counters of a removed policy stay readable');
  return {
    failed: failures.reduce((sum, count) => sum + count, 0),
    matched: counters?.matched ?? 0,
    errors: counters?.errors ?? 0,
    late: counters?.latencies ?? 0,
  };
}

describe('workers', LIMIT, () => {
  it('one seed gives the same decisions with one worker and with four, within 3 sigma of the chance', async () => {
    const [one, four] = [await decisions(1), await decisions(4)];
    assert.deepEqual(four, one);
    assert.equal(one.matched, REQUESTS);
    assert.equal(one.failed, one.errors);
    assert.ok(one.late > 0);
    const sigma = Math.sqrt(REQUESTS * ERROR_CHANCE * (1 - ERROR_CHANCE));
    assert.ok(Math.abs(one.failed - REQUESTS * ERROR_CHANCE) <= 3 * sigma, `${one.failed} of ${REQUESTS} failed`);
  });

  it('four workers share throttling', async () => {
    await using upstream = await echoing();
    const { wire, address } = await wireTo(upstream.address, { workers: 4 });
    await using _ = wire;
    // Slow enough that no second token is earned while the test runs.
    await wire.add(policy({ throttleRate: 0.001 }));
    const answers = await Promise.all(
      Array.from({ length: 12 }, async () => {
        using client = await Peer.to(address);
        client.write(get());
        await client.says('HTTP/1.1');
        return client.received.toString().slice(9, 12);
      }),
    );
    assert.deepEqual([answers.filter((code) => code === '200').length, answers.filter((code) => code === '429').length], [1, 11]);
  });

  it('no faulty answer starts after remove has resolved, with four workers under load', async () => {
    await using upstream = await echoing();
    const { wire, address } = await wireTo(upstream.address, { workers: 4 });
    await using _ = wire;
    const clients = await Promise.all(Array.from({ length: 8 }, () => Peer.to(address)));
    try {
      for (let round = 0; round < 20; round++) {
        const fault = policy({ errorChance: 1, errorCode: 500 });
        await wire.add(fault);
        await wire.remove(fault.id);
        const asked = clients.map(async (client) => {
          const before = client.length;
          client.write(get('/x'));
          await client.until(() => client.length > before, 'an answer');
          return client.received.subarray(before).toString().slice(9, 12);
        });
        assert.deepEqual(new Set(await Promise.all(asked)), new Set(['200']));
      }
    } finally {
      clients.forEach((client) => client[Symbol.dispose]());
    }
  });

  for (const workers of [1, 4]) {
    it(`all routes open or none does, with ${workers} workers`, async () => {
      await using upstream = await echoing();
      await using wire = createWire({ workers });
      const route = (name: string, listen: string) => ({ name, protocol: 'http' as const, listen, upstream: upstream.address });
      const failure = (error: FirebreakError): boolean => error.code === 'listen-failed' && error.message.includes('second') && error.message.includes('EADDRINUSE') && error.hint !== '';
      await assert.rejects(wire.open([route('first', '127.0.0.1:0'), route('second', upstream.address)]), failure);
      assert.deepEqual(wire.routes(), []);
      const [opened] = await wire.open([route('first', '127.0.0.1:0')]);
      await assert.rejects(wire.open([route('first', '127.0.0.1:0')]), { code: 'route-open' });
      await assert.rejects(wire.open([route('third', 'nonsense')]), { code: 'bad-address' });
      using client = await Peer.to(opened?.listen ?? '');
      client.write(get('/up'));
      await client.says('/up');
    });
  }
});

it('an upstream that several routes share is told apart by route', LIMIT, async () => {
  await using upstream = await Upstream.start();
  await using wire = createWire();
  const routes = await wire.open(['a', 'b'].map((name) => ({ name, protocol: 'http' as const, listen: '127.0.0.1:0', upstream: upstream.address })));
  await wire.add(policy({ route: 'a', errorChance: 1, errorCode: 500 }));
  const [a, b] = await Promise.all(routes.map(({ listen }) => Peer.to(listen)));
  a?.write(get());
  b?.write(get());
  await a?.says('HTTP/1.1 500');
  await (await upstream.next()).says('\r\n\r\n');
  assert.deepEqual(wire.routeCounters().map(({ name, requests, faults, active }) => ({ name, requests, faults, active })), [
    { name: 'a', requests: 1, faults: 1, active: 1 },
    { name: 'b', requests: 1, faults: 0, active: 1 },
  ]);
  a?.[Symbol.dispose]();
  b?.[Symbol.dispose]();
});
