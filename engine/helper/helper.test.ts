import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { type Client, clientOf } from '../contract/client.ts';
import { helperApi } from '../contract/helper.ts';
import { millis } from '../kernel/brands.ts';
import { VirtualClock } from '../kernel/clock.ts';
import { type Injector } from '../kernel/fault.ts';
import { newRunId } from '../kernel/random.ts';
import { temporary } from '../lifecycle/test-parts.ts';
import { LEASE } from '../lifecycle/models.ts';
import { openJournal } from '../store/journal.ts';
import { memoryPair } from '../transport/memory.ts';
import { Helper, MOST_PLANS, PLAN_KEPT } from './helper.ts';

/** What a test may make go wrong. */
interface Troubles {
  watchdog?: Error;
  /** What the watchdog takes to be there. */
  slow?: Promise<void>;
  /** What inject waits for before it freezes, whether or not it is told to stop. */
  deaf?: Promise<void>;
}

/** A helper over a world of names, of which some are frozen. */
function stage(troubles: Troubles = {}) {
  const stack = new DisposableStack();
  const { path } = stack.use(temporary());
  const clock = new VirtualClock();
  const journal = stack.use(openJournal(path, clock));
  const frozen = new Set<string>();
  const undo = z.object({ name: z.string() });
  const injector: Injector<Record<string, unknown>, z.infer<typeof undo>> = {
    undo,
    unavailable: () => '',
    plan: async ({ target: name }) => [{ target: name, undo: { name }, action: 'freeze', inverse: 'thaw', reversible: true }],
    inject: async ({ name }) => {
      await troubles.deaf;
      frozen.add(name);
    },
    verify: async ({ name }) => ({ bitten: frozen.has(name), detail: '', figures: [] }),
    revert: async ({ name }) => void frozen.delete(name),
    fingerprint: async ({ name }) => (frozen.has(name) ? 'frozen' : 'running'),
  };
  const log: string[] = [];
  const ready = async (): Promise<void> => {
    await troubles.slow;
    if (troubles.watchdog !== undefined) throw troubles.watchdog;
  };
  const helper = new Helper({
    version: '1', self: { pid: process.pid, started: 'now' }, journal, injectors: { process: injector as unknown as Injector, resource: injector as unknown as Injector }, clock, lease: { ready }, capabilities: async () => [], log: (text) => log.push(text),
  });
  const join = (): Client<typeof helperApi> => {
    const [near, far] = memoryPair();
    helper.serve(far);
    return clientOf(helperApi, near);
  };
  return { clock, journal, frozen, log, helper, join, [Symbol.dispose]: () => stack.dispose() };
}
const asked = (over: object = {}) => ({
  run: newRunId(), policy: 'p', type: 'process', target: 'name:shop', params: { action: 'freeze' }, seed: 1, hold: millis(60_000), routes: [], ...over,
});
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await setImmediate();
}

describe('the helper', { timeout: 60_000 }, () => {
  test('reverts what an engine holds when it leaves, and when it is silent for 10 s', async () => {
    using at = stage();
    for (const leave of [(client: Client<typeof helperApi>) => client.close(), () => void at.clock.advance(LEASE + 1_000)]) {
      const client = at.join();
      const [planned] = await client.query('plan', asked());
      assert.ok(planned);
      await client.command('inject', { fault: planned.fault });
      assert.equal((await client.query('verify', { fault: planned.fault })).bitten, true);
      leave(client);
      await until(() => at.frozen.size === 0 && at.journal.open().length === 0);
    }
    assert.deepEqual(at.log, []);
  });

  test('what has never begun is as it was, for the engine that asks and for the log', async () => {
    const troubles: Troubles = {};
    using at = stage(troubles);
    const client = at.join();
    const [journaled, planned] = [...(await client.query('plan', asked())), ...(await client.query('plan', asked({ target: 'name:other' })))];
    assert.ok(journaled && planned);
    const before = await client.query('fingerprint', { fault: journaled.fault });
    troubles.watchdog = new Error('the watchdog cannot be started');
    await assert.rejects(client.query('fingerprint', { fault: planned.fault }), /watchdog/);
    for (const { fault } of [journaled, planned]) {
      await assert.rejects(client.command('inject', { fault }), /watchdog/);
      for (let times = 0; times < 2; times++) await client.command('revert', { fault });
    }
    assert.equal(await client.query('fingerprint', { fault: journaled.fault }), before);
    assert.deepEqual([at.journal.open(), at.frozen.size], [[], 0]);
    client.close();
    await at.helper.dropAll('the test ends');
    assert.deepEqual(at.log, [], 'nothing is said to be left');
  });

  test('an engine that dies before it has begun leaves a fault that whoever recovers can prove undone', async () => {
    using at = stage();
    const client = at.join();
    const [planned] = await client.query('plan', asked());
    assert.ok(planned);
    const { fault } = planned;
    assert.deepEqual(at.journal.open(), [], 'a plan changes nothing');
    const before = await client.query('fingerprint', { fault });
    client.close();
    await at.helper.dropAll('the test ends');
    const watchdog = at.join();
    for (let times = 0; times < 2; times++) {
      await watchdog.command('revert', { fault });
      assert.equal(await watchdog.query('fingerprint', { fault }), before);
    }
    assert.deepEqual([at.journal.open(), at.log], [[], []]);
    watchdog.close();
  });

  test('two engines cannot hold the same, and what the second finds is not the work of the first', async () => {
    using at = stage();
    const [one, two] = [at.join(), at.join()];
    const [[first], [second]] = [await one.query('plan', asked()), await two.query('plan', asked({ policy: 'q' }))];
    assert.ok(first && second);
    await one.command('inject', { fault: first.fault });
    for (const call of ['fingerprint', 'inject'] as const) {
      const asking = call === 'inject' ? two.command('inject', { fault: second.fault }) : two.query('fingerprint', { fault: second.fault });
      await assert.rejects(asking, { code: 'collision' });
    }
    assert.deepEqual(at.journal.open().map(({ fault }) => fault), [first.fault]);
    await one.command('revert', { fault: first.fault });
    await two.command('inject', { fault: second.fault });
    assert.deepEqual([...at.frozen], ['name:shop']);
    one.close();
    two.close();
    await at.helper.dropAll('the test ends');
  });

  test('what does not come back from its inject is reverted under its feet, and once more when it does', async () => {
    const { promise: deaf, resolve: hears } = Promise.withResolvers<void>();
    using at = stage({ deaf });
    const client = at.join();
    const [planned] = await client.query('plan', asked());
    assert.ok(planned);
    const injecting = client.command('inject', { fault: planned.fault });
    injecting.catch(() => {});
    await until(() => at.journal.open().length === 1);
    client.close();
    await at.clock.runUntil(at.helper.dropAll('the test ends'));
    assert.match(at.log.join(), /has not come back/);
    assert.equal(at.journal.open()[0]?.step, 'reverting', 'it stays open: it may still begin');
    hears();
    await until(() => at.journal.open().length === 0);
    assert.equal(at.frozen.size, 0);
  });

  test('a plan that is not begun is forgotten in time, or when there are too many; what has begun is not', async () => {
    using at = stage();
    const client = at.join();
    const plan = async (target: string) => {
      const [planned] = await client.query('plan', asked({ target, hold: millis(2 * PLAN_KEPT) }));
      assert.ok(planned);
      return planned.fault;
    };
    const [begun, unused] = [await plan('name:shop'), await plan('name:other')];
    await client.command('inject', { fault: begun });
    for (let waited = 0; waited <= PLAN_KEPT; waited += LEASE / 2) {
      await client.command('beat', {});
      await at.clock.advance(LEASE / 2);
    }
    await assert.rejects(client.command('inject', { fault: unused }), { code: 'unknown-fault' });
    await assert.rejects(client.query('fingerprint', { fault: unused }), { code: 'unknown-fault' });
    const oldest = await plan('name:other');
    for (let plans = 0; plans < MOST_PLANS; plans++) await plan('name:other');
    await assert.rejects(client.command('inject', { fault: oldest }), { code: 'unknown-fault', hint: /plan again/ });
    assert.equal((await client.query('verify', { fault: begun })).bitten, true);
    await client.command('revert', { fault: begun });
    client.close();
    await at.helper.dropAll('the test ends');
    assert.deepEqual([at.log, at.frozen.size, at.journal.open()], [[], 0, []]);
  });

  test('what its engine was about to begin and did not is in nobody\'s way', async () => {
    const troubles: Troubles = {};
    using at = stage(troubles);
    const [client, other] = [at.join(), at.join()];
    const about = async (engine: Client<typeof helperApi>) => {
      const [planned] = await engine.query('plan', asked());
      assert.ok(planned);
      await engine.query('fingerprint', { fault: planned.fault });
      return planned;
    };
    const first = await about(client);
    await assert.rejects(about(other), { code: 'collision' }, 'it may begin at any moment');
    const second = await about(client);
    assert.deepEqual(at.journal.open().map(({ fault }) => fault), [second.fault], 'the engine knows better');
    await assert.rejects(client.command('inject', { fault: first.fault }));
    for (let seconds = 0; seconds <= LEASE / 1_000 + 1; seconds++) {
      await Promise.all([client, other].map((engine) => engine.command('beat', {})));
      await at.clock.advance(1_000);
    }
    await until(() => at.journal.open().length === 0);
    // One that begins, however long that takes, is not one that does not.
    const { fault } = await about(other);
    const { promise: slow, resolve: there } = Promise.withResolvers<void>();
    troubles.slow = slow;
    const injecting = other.command('inject', { fault });
    for (let seconds = 0; seconds <= LEASE / 1_000 + 1; seconds++) {
      await other.command('beat', {});
      await at.clock.advance(1_000);
    }
    there();
    await injecting;
    assert.deepEqual([at.frozen.size, at.log], [1, []]);
    client.close();
    other.close();
    await at.helper.dropAll('the test ends');
  });

  test('does only what needs root', async () => {
    using at = stage();
    const client = at.join();
    for (const over of [{ params: { action: 'kill' } }, { params: {} }, { type: 'resource', target: '', params: { cpuCores: 1, cpuLoad: 0.5 } }]) {
      await assert.rejects(client.query('plan', asked(over)), { code: 'not-allowed' }, JSON.stringify(over));
    }
    await assert.rejects(client.query('plan', asked({ params: { action: 'melt' } })), { code: 'invalid-input' });
    client.close();
  });
});
