import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { millis } from '../kernel/brands.ts';
import { forever, hasCode, HOLD, requestFor, type Troubles, virtualRoom } from './test-parts.ts';

/** One fault is stopped by hand, over the real lifecycle and a real journal, in virtual time. */
type Room = ReturnType<typeof virtualRoom>;
const idOf = (at: Room, policy: string): string =>
  at.lifecycle.reports().find((report) => report.policy === policy)?.id ?? assert.fail(`no fault of ${policy}`);
const stop = (at: Room, policy: string): Promise<boolean> =>
  at.clock.runUntil(at.lifecycle.stopFault(idOf(at, policy), 'too loud'));
const states = (at: Room): unknown[] => at.lifecycle.reports().map(({ policy, state }) => [policy, state]);
const spoiled = (at: Room): boolean[] =>
  at.world.paths.map((path) => readFileSync(join(path, 'a'), 'utf8') === 'spoiled');

test('one fault is reverted and proven clean, the other goes on, and the journal knows why', async () => {
  using at = virtualRoom();
  const set = await at.start();
  const id = idOf(at, 'one');
  assert.deepEqual(spoiled(at), [true, true]);
  assert.equal(await stop(at, 'one'), true);
  assert.deepEqual(spoiled(at), [false, true]);
  assert.deepEqual(states(at), [['one', 'clean'], ['two', 'active']]);
  assert.deepEqual(at.lifecycle.open().map(({ policy, step }) => [policy, step]), [['two', 'applied']]);
  const [report] = set.stopped();
  assert.deepEqual(
    [report?.id, report?.state, report?.reverted, report?.note, report?.effect.bitten],
    [id, 'clean', true, 'stopped by hand: too loud', true],
  );
  assert.deepEqual(at.injector.calls, ['inject one', 'inject two', 'revert one']);
  assert.deepEqual(
    at.bus.recent().flatMap(({ body }) => (body.kind === 'fault' && body.fault.id === id ? [body.fault.state] : [])),
    ['planned', 'injecting', 'active', 'reverting', 'clean'],
  );
  assert.equal(await at.clock.runUntil(at.lifecycle.stopFault(id, 'again')), false, 'it is held no more');
  assert.equal(await at.lifecycle.stopFault('f-000000000000', 'unknown'), false);
  assert.deepEqual(states(at), [['one', 'clean'], ['two', 'active']]);
  await at.clock.runUntil(set.revert('done'));
  assert.deepEqual([at.world.calm(), at.lifecycle.open(), at.lifecycle.reports()], [true, [], []]);
  assert.deepEqual(at.injector.calls.filter((call) => call.startsWith('revert')), ['revert one', 'revert two']);
});

test('with the last of its faults the set ends, and says so', async () => {
  using at = virtualRoom();
  const set = await at.start();
  assert.equal(await stop(at, 'two'), true);
  assert.equal(await stop(at, 'one'), true);
  assert.equal(await at.clock.runUntil(set.ended), 'stopped');
  assert.deepEqual([at.world.calm(), at.lifecycle.open(), at.lifecycle.reports()], [true, [], []]);
});

test('two who stop the same fault at once wait for the same end', async () => {
  const wait = Promise.withResolvers<void>();
  using at = virtualRoom({ revertWaits: wait.promise });
  const set = await at.start();
  const both = Promise.all(['a', 'b'].map((who) => at.lifecycle.stopFault(idOf(at, 'one'), who)));
  await at.clock.advance(100);
  assert.deepEqual(states(at), [['one', 'reverting'], ['two', 'active']]);
  const all = set.revert('done');
  wait.resolve();
  assert.deepEqual(await at.clock.runUntil(both), [true, true]);
  await at.clock.runUntil(all);
  assert.equal(at.injector.calls.filter((call) => call === 'revert one').length, 1);
  assert.equal(at.world.calm(), true);
});

test('one that is being injected is stopped alone; one that has not begun never begins', async () => {
  for (const policy of ['one', 'two']) {
    const wait = Promise.withResolvers<void>();
    using at = virtualRoom({ injectWaits: wait.promise });
    const starting = at.start();
    await at.clock.advance(100);
    assert.deepEqual(states(at), [['one', 'injecting'], ['two', 'planned']]);
    const stopping = at.lifecycle.stopFault(idOf(at, policy), 'not that one');
    await at.clock.advance(10);
    wait.resolve();
    assert.equal(await at.clock.runUntil(stopping), true);
    const set = await at.clock.runUntil(starting);
    assert.deepEqual(spoiled(at), [policy !== 'one', policy !== 'two']);
    assert.equal(await at.clock.runUntil(set.verified(millis(1_000))), 'bitten', 'what was stopped is not waited for');
    await at.clock.runUntil(set.revert('done'));
    assert.deepEqual([at.world.calm(), at.lifecycle.open()], [true, []]);
  }
});

test('one that is not proven clean is an error; the other goes on, and recover tries again meanwhile', async () => {
  const troubles: Troubles = { revertFails: 3 };
  using at = virtualRoom(troubles);
  const set = await at.start();
  await assert.rejects(stop(at, 'one'), (error: unknown) => hasCode('residue')(error) && /one on folder one/.test(String(error)));
  assert.deepEqual(states(at), [['one', 'unconfirmed'], ['two', 'active']]);
  assert.match(set.stopped()[0]?.note ?? '', /^stopped by hand: too loud; the disk is away$/);
  const { cleared, open } = await at.clock.runUntil(at.lifecycle.recover());
  assert.deepEqual([cleared, open].map((list) => list.map(({ policy }) => policy)), [['one'], ['two']]);
  assert.deepEqual([states(at), spoiled(at)], [[['one', 'clean'], ['two', 'active']], [false, true]]);
  await at.clock.runUntil(set.revert('done'));
  assert.equal(at.world.calm(), true);
});

test('stopping again is the way to try again', async () => {
  using at = virtualRoom({ revertFails: 3 });
  const set = await at.start();
  await assert.rejects(stop(at, 'one'), hasCode('residue'));
  assert.equal(await stop(at, 'one'), true);
  await at.clock.runUntil(set.revert('done'));
  assert.equal(at.world.calm(), true);
});

test('HALT in the middle of a stop ends everything', async () => {
  const wait = Promise.withResolvers<void>();
  using at = virtualRoom({ verifyWaits: wait.promise });
  await at.start();
  const stopping = at.lifecycle.stopFault(idOf(at, 'one'), 'too loud');
  const halting = at.lifecycle.halt('the test');
  assert.equal(at.wire.halted, true);
  wait.resolve();
  assert.equal(await at.clock.runUntil(stopping), true);
  const { faults } = await at.clock.runUntil(halting);
  assert.deepEqual(faults.map(({ state }) => state), ['clean', 'clean']);
  assert.equal(at.world.calm(), true);
});

test('a fault of another set is not touched, and what one has left another may take', async () => {
  using at = virtualRoom();
  const [one = '', two = ''] = at.world.paths;
  const begin = async (target: string) =>
    at.clock.runUntil(at.lifecycle.start(await at.lifecycle.plan([requestFor(target)], forever), HOLD, forever));
  const sets = [await begin(one), await begin(two)];
  assert.equal(await stop(at, 'one'), true);
  assert.deepEqual([states(at), spoiled(at)], [[['two', 'active']], [false, true]]);
  sets.push(await begin(one));
  assert.deepEqual(spoiled(at), [true, true]);
  for (const set of sets) await at.clock.runUntil(set.revert('done'));
  assert.equal(at.world.calm(), true);
});
