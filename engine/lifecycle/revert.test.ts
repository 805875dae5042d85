import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Troubles, virtualRoom } from './test-parts.ts';

test('a revert that fails is tried again within its deadline', async () => {
  using at = virtualRoom({ revertFails: 2 });
  const set = await at.start();
  const reports = await at.clock.runUntil(set.revert('done'));
  assert.deepEqual(
    reports.map(({ state }) => state),
    ['clean', 'clean'],
  );
  assert.equal(at.world.calm(), true);
});

test('a revert that keeps failing leaves its record open, stops no other, and recover retries it', async () => {
  const troubles: Troubles = { revertFails: 3 };
  using at = virtualRoom(troubles);
  const set = await at.start();
  const reports = await at.clock.runUntil(set.revert('done'));
  assert.deepEqual(
    reports.map(({ policy, state, note }) => [policy, state, note]),
    [
      ['one', 'clean', ''],
      ['two', 'unconfirmed', 'the disk is away'],
    ],
  );
  assert.deepEqual(
    at.lifecycle.open().map(({ policy, step }) => [policy, step]),
    [['two', 'reverting']],
  );
  const recovered = await at.clock.runUntil(at.lifecycle.recover());
  assert.deepEqual([recovered.cleared.map(({ policy }) => policy), recovered.open], [['two'], []]);
  assert.equal(at.world.calm(), true);
  assert.deepEqual(at.lifecycle.reports(), []);
});

test('a revert that hangs is left open at its deadline; the next fault is reverted all the same', async () => {
  using at = virtualRoom();
  const set = await at.start();
  const revert = at.injector.revert;
  const never = Promise.withResolvers<void>();
  at.injector.revert = (undo) => (undo.folder.endsWith('two') ? never.promise : revert(undo));
  const reports = await at.clock.runUntil(set.revert('done'));
  assert.deepEqual(
    reports.map(({ state, note }) => [state, note]),
    [
      ['clean', ''],
      ['unconfirmed', 'undoing it took too long'],
    ],
  );
  at.injector.revert = revert;
  await at.clock.runUntil(set.revert('once more'));
  assert.equal(at.world.calm(), true);
});

test('a state that is not what it was is unconfirmed, never clean', async () => {
  const troubles: Troubles = { foreignChange: true };
  using at = virtualRoom(troubles);
  const reports = await at.clock.runUntil((await at.start()).revert('done'));
  assert.ok(
    reports.every(
      ({ state, reverted, note }) => state === 'unconfirmed' && !reverted && /not the state before/.test(note),
    ),
  );
  assert.equal(at.lifecycle.open().length, 2);
  troubles.foreignChange = false;
  assert.deepEqual((await at.clock.runUntil(at.lifecycle.recover())).open, []);
});

test('a state that cannot be read is not touched; one that cannot be read any more is unconfirmed', async () => {
  const troubles: Troubles = { unreadable: true };
  using at = virtualRoom(troubles);
  await assert.rejects(at.clock.runUntil(at.start()), /cannot look/);
  assert.deepEqual([at.injector.calls, at.journal.open()], [[], []]);
  troubles.unreadable = false;
  const set = await at.start();
  troubles.unreadable = true;
  assert.ok((await at.clock.runUntil(set.revert('done'))).every(({ state }) => state === 'unconfirmed'));
  troubles.unreadable = false;
  await at.clock.runUntil(set.revert('again'));
  assert.equal(at.world.calm(), true);
});

test('what Firebreak cannot bring back is judged by the state, with a note of its own', async () => {
  const troubles: Troubles = { irreversible: true, foreignChange: true };
  using at = virtualRoom(troubles);
  const set = await at.start();
  const reports = await at.clock.runUntil(set.revert('done'));
  assert.ok(
    reports.every(
      ({ state, note }) => state === 'unconfirmed' && /cannot bring this back by itself: restore/.test(note),
    ),
  );
  troubles.foreignChange = false;
  assert.ok((await at.clock.runUntil(set.revert('the supervisor did it'))).every(({ state }) => state === 'clean'));
});
