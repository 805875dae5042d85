import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { realClock } from '../../kernel/clock.ts';
import { type Effect } from '../../kernel/fault.ts';
import { netCapabilities } from '../../host/net-capabilities.ts';
import { contextOf, faultLife, faultRequest, figureOf } from '../../../test/support/fault-life.ts';
import { type Blueprint } from './blueprint.ts';
import { networkInjector } from './injector.ts';
import { networkManifest, type NetworkParams } from './manifest.ts';
import { makeWorld, noWorld, type World } from './test-world.ts';

const skip = noWorld();
const requestIn = (world: World, fields: Record<string, unknown>, policy = 'p') =>
  faultRequest<NetworkParams>(networkManifest, fields, { target: `netns:${world.here}/${world.dev}`, policy });
const near = (delivered: number | null | undefined, asked: number, share = 0.1): void =>
  assert.ok(delivered != null && Math.abs(delivered - asked) <= asked * share, `${delivered} is not within ${share * 100} % of ${asked}`);
const code = (expected: string) => (error: unknown) => error instanceof Error && 'code' in error && error.code === expected;

/** One fault from plan to revert; afterwards all is as it was. */
async function whole(world: World, fields: Record<string, unknown>, act: () => Promise<void>): Promise<Effect> {
  const before = world.picture();
  const effect = await faultLife(networkInjector({ clock: realClock }), requestIn(world, fields), act);
  assert.equal(world.picture(), before, 'byte for byte as before');
  return effect;
}

describe('a network fault in a namespace', { skip, timeout: 200_000 }, () => {
  test('loses the share asked for, of the port asked for and no other', async () => {
    await using world = await makeWorld();
    let lost = 0;
    const effect = await whole(world, { loss: 0.2, port: 5432, protocol: 'udp' }, async () => {
      let arrived = 0;
      for (const host of [world.four, world.six]) {
        await world.send('udp', host, 5432, 4_000);
        const { unique, overflow } = await world.received();
        arrived += unique + overflow;
      }
      lost = 1 - arrived / 8_000;
      await world.send('udp', world.four, 9000, 500);
      const other = await world.received();
      assert.equal(other.datagrams + other.overflow, 500, 'another port loses none');
    });
    near(lost, 0.2);
    assert.equal(effect.bitten, true, effect.detail);
    const figure = figureOf(effect, 'loss');
    assert.deepEqual([figure?.requested, figure?.samples], [0.2, 8_000]);
    assert.ok(Math.abs((figure?.delivered ?? 0) - lost) < 0.002, `the counters say ${figure?.delivered}, the far end ${lost}`);
  });

  for (const [direction, port] of [['both', 5432], ['egress', 5432], ['ingress', 5432]] as const) {
    test(`cuts one port off, ${direction}, over IPv4 and IPv6; it comes back, others never go`, async () => {
      await using world = await makeWorld();
      const effect = await whole(world, { partition: 'drop', port, direction }, async () => {
        for (const host of [world.four, world.six]) {
          assert.deepEqual(await world.connects(host, port, 1), []);
          assert.equal((await world.connects(host, 9000, 1)).length, 1);
        }
        await world.send('udp', world.four, port, 50);
        assert.equal((await world.received()).datagrams, direction === 'ingress' ? 50 : 0, 'what is sent arrives when only what comes in is dropped');
      });
      assert.equal(effect.bitten, true, effect.detail);
      assert.equal(figureOf(effect, 'loss')?.delivered, 1);
      for (const host of [world.four, world.six]) assert.equal((await world.connects(host, port, 1)).length, 1);
    });
  }

  test('reject answers at once, and only the network named', async () => {
    await using world = await makeWorld();
    await whole(world, { partition: 'reject', cidr: 'fd99::/64' }, async () => {
      assert.deepEqual(await world.send('refused', world.six, 9000), { ECONNREFUSED: 1 });
      assert.equal((await world.connects(world.four, 9000, 1)).length, 1);
    });
  });

  for (const direction of ['egress', 'ingress'] as const) {
    test(`lets no more than the rate pass, ${direction}`, async () => {
      await using world = await makeWorld();
      // What arrives `here` is sent from `there`: the fault goes to the other end of the cable.
      const place = direction === 'egress' ? `netns:${world.here}/${world.dev}` : `netns:${world.there}/${world.dev.replace('va', 'vb')}`;
      const injector = networkInjector({ clock: realClock });
      const request = { ...requestIn(world, { rate: '4mbit', port: 5432, direction }), target: place };
      const [plan] = await injector.plan(request, AbortSignal.timeout(5_000));
      assert.ok(plan);
      const before = await injector.fingerprint(plan.undo);
      const context = contextOf(request);
      await injector.inject(plan.undo, context);
      try {
        const sending = world.send('tcp', world.four, 5432, 4_000);
        let effect: Effect | undefined;
        for (let look = 0; look < 30; look++) {
          await realClock.sleep(100);
          effect = await injector.verify(plan.undo, context);
        }
        assert.equal(effect?.bitten, true, effect?.detail);
        near(figureOf(effect, 'rate')?.delivered, 500);
        await sending;
        const { bytes, ms } = await world.received();
        near((bytes * 8) / ms / 1_000, 4);
        await world.send('tcp', world.four, 9000, 500);
        const other = await world.received();
        assert.ok((other.bytes * 8) / other.ms / 1_000 > 40, 'another port is as fast as before');
      } finally {
        await injector.revert(plan.undo);
        assert.equal(await injector.fingerprint(plan.undo), before);
      }
    });
  }

  test('several at once on one interface, removed in any order; the last gives the queue back', async () => {
    await using world = await makeWorld();
    const before = world.picture();
    const injector = networkInjector({ clock: realClock });
    const run = requestIn(world, {}).run;
    const start = async (fields: Record<string, unknown>, policy: string): Promise<{ undo: Blueprint; print: string }> => {
      const request = { ...requestIn(world, fields, policy), run };
      const [plan] = await injector.plan(request, AbortSignal.timeout(5_000));
      assert.ok(plan);
      const print = await injector.fingerprint(plan.undo);
      await injector.inject(plan.undo, contextOf(request));
      return { undo: plan.undo, print };
    };
    const first = await start({ rate: '1mbit', port: 5432 }, 'a');
    const second = await start({ rate: '2mbit', port: 9000, direction: 'both' }, 'b');
    const third = await start({ partition: 'drop', port: 7 }, 'c');
    await assert.rejects(start({ loss: 0.1, port: '5000-6000' }, 'd'), code('overlap'));
    await assert.rejects(start({ loss: 0.1, protocol: 'tcp' }, 'd'), code('overlap'));
    await start({ loss: 0.1, protocol: 'icmp' }, 'd').then(({ undo }) => injector.revert(undo));
    await assert.rejects(networkInjector({ clock: realClock }).plan(requestIn(world, { rate: '1mbit', port: 80 }), AbortSignal.timeout(5_000)), code('overlap'), 'of another process nothing is known but that it is there');
    for (const { undo, print } of [first, third, second]) {
      assert.notEqual(await injector.fingerprint(undo), print);
      // By another process, which knows the record alone.
      await networkInjector({ clock: realClock }).revert(undo);
      assert.equal(await injector.fingerprint(undo), print);
    }
    assert.equal(world.picture(), before);
  });

  test('policies of one file see each other before anything is done', async () => {
    await using world = await makeWorld();
    const injector = networkInjector({ clock: realClock });
    const { run } = requestIn(world, {});
    const plan = (fields: Record<string, unknown>, policy: string) => injector.plan({ ...requestIn(world, fields, policy), run }, AbortSignal.timeout(5_000));
    await plan({ loss: 0.1, port: 5432 }, 'a');
    await plan({ loss: 0.1, port: 5432 }, 'a');
    await plan({ loss: 0.1, port: 80 }, 'b');
    await assert.rejects(plan({ rate: '1mbit', cidr: '10.99.0.0/16' }, 'c'), code('overlap'));
    await plan({ loss: 0.1, port: 5432, direction: 'ingress' }, 'c');
  });

  test('a queue or rules of others stand: the plan refuses, and they stay byte for byte', async () => {
    await using world = await makeWorld();
    const plan = (fields: Record<string, unknown>) => networkInjector({ clock: realClock }).plan(requestIn(world, fields), AbortSignal.timeout(5_000));
    world.run('tc', 'qdisc', 'add', 'dev', world.dev, 'root', 'handle', '1:', 'tbf', 'rate', '100mbit', 'burst', '32k', 'latency', '50ms');
    world.run('tc', 'qdisc', 'add', 'dev', world.dev, 'clsact');
    world.run('nft', 'add table netdev other; add chain netdev other c { type filter hook egress device "' + world.dev + '" priority 5 ; }; add rule netdev other c counter accept');
    const before = world.picture();
    await assert.rejects(plan({ rate: '1mbit' }), /root queue tbf 1:.*not Firebreak's/);
    await assert.rejects(plan({ rate: '1mbit', direction: 'ingress' }), /queue clsact on arrival/);
    assert.equal(world.picture(), before);
    // Rules of its own do not need the queue.
    await whole(world, { partition: 'drop', port: 5432 }, async () => assert.deepEqual(await world.connects(world.four, 5432, 1), []));
    assert.equal(world.picture(), before);
  });

  test('an interface that was renamed is still cleaned, one that was replaced is left alone', async () => {
    await using world = await makeWorld();
    const injector = networkInjector({ clock: realClock });
    const request = requestIn(world, { rate: '1mbit', direction: 'both' });
    const [plan] = await injector.plan(request, AbortSignal.timeout(5_000));
    assert.ok(plan);
    const before = await injector.fingerprint(plan.undo);
    await injector.inject(plan.undo, contextOf(request));
    world.run('ip', 'link', 'set', world.dev, 'down');
    world.run('ip', 'link', 'set', world.dev, 'name', 'moved');
    await injector.revert(plan.undo);
    assert.equal(await injector.fingerprint(plan.undo), before);
    world.run('ip', 'link', 'set', 'moved', 'up');
    world.run('ip', 'link', 'set', 'moved', 'name', world.dev);
    world.run('ip', 'link', 'del', world.dev);
    world.run('ip', 'link', 'add', world.dev, 'type', 'veth');
    await assert.rejects(injector.inject(plan.undo, contextOf(request)), code('target-gone'));
    await injector.revert(plan.undo);
  });

  test('a namespace that has gone took everything with it', async () => {
    let gone: { undo: Blueprint; before: string } | undefined;
    const injector = networkInjector({ clock: realClock });
    {
      await using world = await makeWorld();
      const request = requestIn(world, { loss: 0.5 });
      const [plan] = await injector.plan(request, AbortSignal.timeout(5_000));
      assert.ok(plan);
      gone = { undo: plan.undo, before: await injector.fingerprint(plan.undo) };
      await injector.inject(plan.undo, contextOf(request));
    }
    await injector.revert(gone.undo);
    assert.equal(await injector.fingerprint(gone.undo), gone.before);
  });

  test('without netem and a program in its place no delay is promised, and the reason names what is missing', async () => {
    await using world = await makeWorld();
    const can = netCapabilities();
    assert.ok(can);
    const injector = networkInjector({ clock: realClock, capabilities: () => ({ ...can, netem: 'no netem', reader: 'no queue' }) });
    const request = requestIn(world, { latency: '100ms' });
    assert.match(injector.unavailable(request.params), /^no netem; no queue; a route of the wire/);
    await assert.rejects(injector.plan(request, AbortSignal.timeout(5_000)), code('fault-unavailable'));
    assert.equal(injector.unavailable(requestIn(world, { loss: 0.1 }).params), '');
  });
});
