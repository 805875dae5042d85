import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { realClock } from '../../kernel/clock.ts';
import { type Effect } from '../../kernel/fault.ts';
import { type NetCapabilities, netCapabilities } from '../../host/net-capabilities.ts';
import { findReaders } from '../../host/packet-reader.ts';
import { signal } from '../../host/signals.ts';
import { contextOf, faultRequest, figureOf } from '../../../test/support/fault-life.ts';
import { type Blueprint } from './blueprint.ts';
import { networkInjector } from './injector.ts';
import { networkManifest, type NetworkParams } from './manifest.ts';
import { makeWorld, noWorld, type World } from './test-world.ts';

/** What is delayed by a program that rules leave packets to, on a kernel without netem. */
const tried = noWorld() === false ? netCapabilities() : undefined;
const skip = noWorld() || (tried?.reader === 'netem does it' ? 'this kernel has netem' : tried?.reader) || false;
const can = (): NetCapabilities | undefined => tried;

/** What the machine is busy with besides makes some slower, none faster. */
const least = (values: readonly number[]): number => Math.min(...values);
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
const near = (delivered: number | null | undefined, asked: number, share = 0.1): void =>
  assert.ok(delivered != null && Math.abs(delivered - asked) <= asked * share, `${delivered} is not within ${share * 100} % of ${asked}`);
/** Never less than asked for; on a busy machine more. */
const slower = (delivered: number | null | undefined, asked: number): void =>
  assert.ok(delivered != null && delivered >= asked * 0.9 && delivered < asked * 1.5, `${delivered} is not ${asked} or a little more`);

let world: World;

/** Holds one fault while `act` runs. All is then as it was. */
async function held(fields: Record<string, unknown>, act: (look: () => Promise<Effect>, undo: Blueprint) => Promise<void>, by = / a program that holds up to 50,000 packets \(this kernel has no netem/): Promise<void> {
  const before = world.picture();
  const injector = networkInjector({ clock: realClock, capabilities: can });
  const request = faultRequest<NetworkParams>(networkManifest, fields, { target: `netns:${world.here}/${world.dev}`, hold: 60_000 as never });
  const [plan] = await injector.plan(request, AbortSignal.timeout(20_000));
  assert.ok(plan);
  assert.match(plan.action, by);
  const context = contextOf(request);
  const print = await injector.fingerprint(plan.undo);
  await injector.inject(plan.undo, context);
  assert.notEqual(await injector.fingerprint(plan.undo), print);
  try {
    await act(() => injector.verify(plan.undo, context), plan.undo);
  } finally {
    await injector.revert(plan.undo);
    await injector.revert(plan.undo);
    assert.equal(await injector.fingerprint(plan.undo), print);
  }
  assert.equal(world.picture(), before, 'byte for byte as before');
}
/** The newest that the program has told: it does so five times a second. */
async function told(look: () => Promise<Effect>, name: string): Promise<Effect> {
  await realClock.sleep(500);
  const effect = await look();
  assert.ok(figureOf(effect, name), effect.detail);
  return effect;
}

describe('a network fault without netem', { skip, timeout: 120_000 }, () => {
  before(async () => (world = await makeWorld()));
  after(() => world[Symbol.asyncDispose]());

  for (const direction of ['egress', 'ingress', 'both'] as const) {
    test(`delays port 5432 alone, ${direction}, over IPv4 and IPv6`, async (t) => {
      await held({ latency: '200ms', port: 5432, direction }, async (look) => {
        const asked = direction === 'both' ? 400 : 200;
        for (const host of [world.four, world.six]) {
          const usual = await world.connects(host, 9000, 3, 5_000);
          const took = await world.connects(host, 5432, 3, 20_000);
          t.diagnostic(`${host}: ${least(usual)} ms at another port, ${least(took)} ms here`);
          assert.ok(least(took) >= asked && least(usual) < asked / 2, 'another port is not delayed');
          near(least(took) - least(usual), asked);
        }
        const effect = await told(look, 'latency');
        assert.equal(effect.bitten, true, effect.detail);
        slower(figureOf(effect, 'latency')?.delivered, 200);
      });
    });
  }

  test('slows no TCP connection but by the latency, where the direction is left open', async (t) => {
    const sent = async (fields: Record<string, unknown>): Promise<number> => {
      let bytes = 0;
      await held({ latency: '100ms', port: 5432, ...fields }, async () => {
        await world.send('tcp', world.four, 5432, 2_000);
        ({ bytes } = await world.received());
      });
      return bytes;
    };
    const [open, leaving] = [await sent({}), await sent({ direction: 'egress' })];
    t.diagnostic(`${open} bytes in two seconds, ${leaving} when what leaves is held`);
    // Some hundred times as much: TCP lets only few packets of a socket wait on this machine.
    assert.ok(open > 10 * leaving);
  });

  test('varies the delay by the jitter', async (t) => {
    await held({ latency: '200ms', jitter: '100ms', correlation: 0.5, port: 5432, protocol: 'udp' }, async (look) => {
      await world.send('udp', world.four, 5432, 1_000, 5);
      await realClock.sleep(400);
      assert.equal((await world.received()).unique, 1_000, 'none is lost');
      const effect = await told(look, 'jitter');
      t.diagnostic(JSON.stringify(effect.figures));
      slower(figureOf(effect, 'latency')?.delivered, 200);
      slower(figureOf(effect, 'jitter')?.delivered, 100);
    });
  });

  test('reorders and damages the share asked for, and says what it did', async (t) => {
    await held({ latency: '50ms', reordering: 0.25, corruption: 0.2, loss: 0.1, correlation: 0.3, port: 5432, protocol: 'udp' }, async (look) => {
      await world.send('udp', world.four, 5432, 3_000, 5);
      await realClock.sleep(200);
      const { unique, late, overflow } = await world.received();
      const effect = await told(look, 'corruption');
      t.diagnostic(`${unique} arrived, ${late} of them late; ${JSON.stringify(effect.figures)}`);
      const [lost, damaged, early] = ['loss', 'corruption', 'reordering'].map((name) => figureOf(effect, name)?.delivered ?? 0) as [number, number, number];
      // Correlated losses come in batches, so that their share varies more.
      near(lost, 0.1, 0.3);
      near(damaged, 0.2 * 0.9);
      near(early, 0.25 * 0.9);
      assert.equal(unique, 3_000 - Math.round((lost + damaged) * 3_000), 'what was damaged is dropped by who receives it, as its checksum is not right');
      // The kernel counts them beside those that find no room; those whose port was changed it sees nowhere.
      near(overflow / 3_000, damaged);
      assert.ok(late > 0);
    });
  });

  test('sends the share asked for twice, beside a delay and without', async (t) => {
    for (const [share, fields] of [[0.3, { latency: '50ms', protocol: 'udp' }], [1, {}]] as const) {
      await held({ duplication: share, port: 5432, ...fields }, async (look) => {
        await world.send('udp', world.four, 5432, 3_000, 5);
        await world.send('udp', world.six, 5432, 3_000, 5);
        await realClock.sleep(200);
        const { datagrams, unique, overflow } = await world.received();
        const effect = await look();
        t.diagnostic(`${datagrams} of ${unique}; ${JSON.stringify(effect.figures)}`);
        const copies = (datagrams + overflow) / 6_000 - 1;
        near(copies, share);
        near(figureOf(effect, 'duplication')?.delivered, copies, 0.01);
        assert.equal(effect.bitten, true);
      }, / an nft rule that sends copies \(this kernel has no netem/);
    }
  });

  test('with a rate and a loss: all hold', async (t) => {
    await held({ latency: '100ms', loss: 0.2, rate: '1mbit', port: 5432, direction: 'egress' }, async (look) => {
      assert.ok(least(await world.connects(world.four, 5432, 5, 20_000)) >= 100);
      const sending = world.send('udp', world.four, 5432, 4_000, 5);
      let effect = await look();
      for (let over = false; !over; over = await Promise.race([sending.then(() => true), realClock.sleep(200).then(() => false)])) effect = await look();
      await realClock.sleep(300);
      await world.received();
      t.diagnostic(`${effect.detail}; ${JSON.stringify(effect.figures)}`);
      near(figureOf(effect, 'loss')?.delivered, 0.2, 0.15);
      near(figureOf(effect, 'rate')?.delivered, 125);
    });
  });

  test('several on one interface, beside a rate and a partition, removed in any order', async () => {
    const before = world.picture();
    const injector = networkInjector({ clock: realClock, capabilities: can });
    const { run } = faultRequest<NetworkParams>(networkManifest, {}, {});
    const start = async (fields: Record<string, unknown>, policy: string): Promise<Blueprint> => {
      const request = faultRequest<NetworkParams>(networkManifest, fields, { target: `netns:${world.here}/${world.dev}`, run, policy, hold: 60_000 as never });
      const [plan] = await injector.plan(request, AbortSignal.timeout(20_000));
      assert.ok(plan);
      await injector.inject(plan.undo, contextOf(request));
      return plan.undo;
    };
    const undone = [
      await start({ latency: '300ms', port: 5432 }, 'a'),
      await start({ latency: '100ms', port: 9000, direction: 'both' }, 'b'),
      await start({ rate: '1mbit', port: 80 }, 'c'),
      await start({ partition: 'drop', protocol: 'icmp' }, 'd'),
    ];
    await assert.rejects(start({ corruption: 0.1, port: 9000 }, 'e'), /strikes packets of/);
    const [late, less] = [least(await world.connects(world.six, 5432, 3, 20_000)), least(await world.connects(world.four, 9000, 3, 20_000))];
    assert.ok(late >= 300 && less >= 200 && less < 300, `${late} and ${less} ms`);
    const [first, second, ...others] = undone as [Blueprint, Blueprint, ...Blueprint[]];
    // By another process, which knows the record alone.
    await networkInjector({ clock: realClock }).revert(second);
    assert.ok(least(await world.connects(world.four, 9000, 3, 20_000)) < 100);
    assert.ok(least(await world.connects(world.four, 5432, 3, 20_000)) >= 300);
    for (const undo of [...others, first]) await injector.revert(undo);
    assert.equal(world.picture(), before);
  });

  test('a program that is killed holds nothing up, and the fault says that it does not bite', async () => {
    await held({ latency: '2s', port: 5432 }, async (look, undo) => {
      assert.ok(median(await world.connects(world.four, 5432, 1, 20_000)) >= 2_000);
      const [reader] = findReaders(undo.token);
      assert.ok(reader);
      signal(reader, 'kill');
      assert.ok(least(await world.connects(world.four, 5432, 3, 20_000)) < 1_500);
      const effect = await look();
      assert.equal(effect.bitten, false);
      assert.match(effect.detail, /has ended: they pass/);
    });
  });

  test('what waits when the fault ends goes on at once', async () => {
    let waiting: Promise<readonly number[]> | undefined;
    await held({ latency: '30s', port: 5432 }, async () => {
      waiting = world.connects(world.four, 5432, 1, 20_000);
      await realClock.sleep(1_000);
    });
    // TCP would ask again after one second, two and four.
    assert.equal((await waiting)?.length, 1);
  });
});
