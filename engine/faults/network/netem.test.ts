import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { realClock } from '../../kernel/clock.ts';
import { type Effect } from '../../kernel/fault.ts';
import { netCapabilities } from '../../host/net-capabilities.ts';
import { contextOf, faultRequest, figureOf } from '../../../test/support/fault-life.ts';
import { networkInjector } from './injector.ts';
import { networkManifest, type NetworkParams } from './manifest.ts';
import { makeWorld, noWorld, type World } from './test-world.ts';

/** What needs netem. Where this kernel has none, guest.test.ts runs this file in one that has. */
const skip = noWorld() || netCapabilities()?.netem || false;

const near = (delivered: number | null | undefined, asked: number, share = 0.1): void =>
  assert.ok(delivered != null && Math.abs(delivered - asked) <= asked * share, `${delivered} is not within ${share * 100} % of ${asked}`);
/** What the machine is busy with besides makes some slower, none faster. */
const least = (values: readonly number[]): number => Math.min(...values);

let world: World;
/** For a few connections, in milliseconds, in an emulator on a busy machine. */
const SLOW = 60_000;

/** Holds one fault while `act` runs; the effect is what was measured last. All is then as it was. */
async function held(fields: Record<string, unknown>, act: (look: () => Promise<Effect>) => Promise<void>, device = world.dev): Promise<void> {
  const before = world.picture();
  const injector = networkInjector({ clock: realClock });
  const request = faultRequest<NetworkParams>(networkManifest, fields, { target: `netns:${world.here}/${device}` });
  const [plan] = await injector.plan(request, AbortSignal.timeout(60_000));
  assert.ok(plan);
  const context = contextOf(request);
  const print = await injector.fingerprint(plan.undo);
  await injector.inject(plan.undo, context);
  try {
    await act(() => injector.verify(plan.undo, context));
  } finally {
    await injector.revert(plan.undo);
    assert.equal(await injector.fingerprint(plan.undo), print);
  }
  assert.equal(world.picture(), before, 'byte for byte as before');
}

describe('a network fault with netem', { skip, timeout: 900_000 }, () => {
  before(async () => (world = await makeWorld()));
  after(() => world[Symbol.asyncDispose]());

  for (const direction of ['egress', 'ingress'] as const) {
    test(`delays port 5432 alone, ${direction}, over IPv4 and IPv6`, async (t) => {
        const usual = least(await world.connects(world.four, 5432, 10, SLOW));
      // Two seconds: on a busy machine all that is measured takes some tenths of a second longer.
      await held({ latency: '2s', port: 5432, direction, probe: `${world.four}:5432` }, async (look) => {
        for (const host of [world.four, world.six]) {
          const took = least(await world.connects(host, 5432, 3, SLOW));
          t.diagnostic(`${host}: ${usual} ms before, ${took} ms now`);
          near(took - usual, 2_000);
        }
        let effect = await look();
        for (; figureOf(effect, 'latency')?.delivered == null; effect = await look()) await realClock.sleep(200);
        assert.ok(least(await world.connects(world.four, 9000, 10, SLOW)) < 1_000, 'another port is not delayed');
        assert.equal(effect.bitten, true, effect.detail);
        near(figureOf(effect, 'latency')?.delivered, 2_000, 0.2);
        t.diagnostic(effect.detail);
      });
    });
  }

  test('loses, with correlation and without, exactly the share asked for; the counters agree', async (t) => {
    for (const correlation of [0, 0.5]) {
      await held({ loss: 0.2, correlation, port: 5432 }, async (look) => {
        await world.send('udp', world.four, 5432, 5_000, 10);
        const { unique, overflow } = await world.received();
        const lost = 1 - (unique + overflow) / 5_000;
        const effect = await look();
        t.diagnostic(`correlation ${correlation}: lost ${lost}, counted ${figureOf(effect, 'loss')?.delivered}`);
        near(lost, 0.2, correlation > 0 ? 0.2 : 0.1);
        assert.ok(Math.abs((figureOf(effect, 'loss')?.delivered ?? 0) - lost) < 0.005);
        assert.equal(effect.bitten, true);
      });
    }
  });

  test('duplicates and damages the share asked for', async (t) => {
    await held({ duplication: 0.3, port: 5432 }, async (look) => {
      await world.send('udp', world.four, 5432, 3_000);
      const { datagrams, unique } = await world.received();
      t.diagnostic(`${datagrams} of ${unique}`);
      const effect = await look();
      near(datagrams / unique - 1, 0.3);
      near(figureOf(effect, 'duplication')?.delivered, datagrams / unique - 1, 0.01);
      assert.equal(effect.bitten, true);
    });
    await held({ corruption: 0.3, port: 5432 }, async () => {
      await world.send('udp', world.four, 5432, 4_000);
      const { unique, damaged } = await world.received();
      t.diagnostic(`${unique} whole, ${damaged} damaged`);
      // The checksum is right for what was sent, so what was damaged is dropped where it arrives.
      near(1 - unique / 4_000, 0.3);
    });
    // Where what is damaged arrives in the same namespace, that one has counted it.
    await held({ corruption: 0.3, port: 5432, protocol: 'udp' }, async (look) => {
      await world.send('udp', '127.0.0.1', 5432, 2_000);
      const effect = await look();
      t.diagnostic(effect.detail + JSON.stringify(effect.figures));
      near(figureOf(effect, 'corruption')?.delivered, 0.3, 0.15);
    }, 'lo');
  });

  test('reorders the share asked for, and its counter says so', async (t) => {
    await held({ latency: '20ms', reordering: 0.25, port: 5432 }, async (look) => {
      await world.send('udp', world.four, 5432, 4_000);
      const effect = await look();
      t.diagnostic(`${figureOf(effect, 'reordering')?.delivered}, ${JSON.stringify(await world.received())}`);
      near(figureOf(effect, 'reordering')?.delivered, 0.25);
    });
  });

  test('varies the delay by the jitter', async (t) => {
    await held({ latency: '1s', jitter: '500ms', port: 5432 }, async () => {
      const took = await world.connects(world.four, 5432, 25, SLOW);
      const mean = took.reduce((sum, one) => sum + one, 0) / took.length;
      t.diagnostic(`mean ${mean}, from ${Math.min(...took)} to ${Math.max(...took)}`);
      assert.equal(took.length, 25);
      near(mean, 1_000, 0.2);
      assert.ok(Math.max(...took) - Math.min(...took) > 400);
    });
  });

  test('a rate with a delay: both hold', async (t) => {
    await held({ rate: '200kbit', latency: '100ms', port: 5432 }, async (look) => {
      // 400 a second, four times what may pass, for five seconds.
      const sending = world.send('udp', world.four, 5432, 2_000, 50);
      let effect = await look();
      for (let over = false; !over; await realClock.sleep(100)) {
        effect = await look();
        over = await Promise.race([sending.then(() => true), realClock.sleep(0).then(() => false)]);
      }
      const { datagrams, ms } = await world.received();
      // 200 bytes with the heads of UDP, IP and Ethernet: 8, 20 and 14.
      const rate = ((datagrams - 1) * 242 * 8) / ms;
      t.diagnostic(`${rate} kbit/s over ${ms} ms; ${effect.detail}, ${JSON.stringify(figureOf(effect, 'rate'))}`);
      near(rate, 200);
      near(figureOf(effect, 'rate')?.delivered, 25, 0.2);
      assert.ok(least(await world.connects(world.four, 5432, 3, SLOW)) > 95);
    });
  });
});
