import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { millis } from '../kernel/brands.ts';
import { VirtualClock } from '../kernel/clock.ts';
import { FirebreakError } from '../kernel/errors.ts';
import { type FaultId } from '../kernel/brands.ts';
import { type LifecycleParts } from './lifecycle.ts';
import { fakeIdentity, folderLifecycle, folders, forever, requestFor, temporary, type Troubles } from './test-parts.ts';

const HOLD = millis(5_000);

/** A lifecycle in virtual time over the folders `one` and `two`. */
function room(troubles: Troubles = {}, parts: Partial<LifecycleParts> = {}) {
  const stack = new DisposableStack();
  const dir = stack.use(temporary());
  const world = folders(dir.path, ['one', 'two']);
  const clock = new VirtualClock();
  const made = folderLifecycle(join(dir.path, 'state'), troubles, { ...parts, clock });
  stack.use(made.journal);
  const plan = () => made.lifecycle.plan(world.paths.map((path) => requestFor(path)), forever);
  const start = async () => made.lifecycle.start(await plan(), HOLD, forever);
  const states = () => made.bus.recent().flatMap(({ body }) => (body.kind === 'fault' ? [`${body.fault.policy} ${body.fault.state}`] : []));
  return { ...made, clock, world, plan, start, states, [Symbol.dispose]: () => stack.dispose() };
}
const code = (expected: string) => (error: unknown) => error instanceof FirebreakError && error.code === expected;

test('a fault is journaled, injected, measured, reverted in reverse order and proven clean', async () => {
  using at = room();
  const set = await at.start();
  assert.equal(at.world.calm(), false);
  assert.deepEqual(at.journal.open().map(({ step }) => step), ['applied', 'applied']);
  assert.equal(await at.clock.runUntil(set.verified(millis(1_000))), 'bitten');
  const reports = await at.clock.runUntil(set.revert('done'));
  assert.deepEqual(at.injector.calls, ['inject one', 'inject two', 'revert two', 'revert one']);
  assert.deepEqual(reports.map(({ state, reverted, effect }) => [state, reverted, effect.bitten]), [['clean', true, true], ['clean', true, true]]);
  assert.equal(at.world.calm(), true);
  assert.deepEqual([at.journal.open(), at.lifecycle.open(), at.lifecycle.reports()], [[], [], []]);
  assert.deepEqual(at.states().filter((text) => text.startsWith('one')).map((text) => text.slice(4)), ['planned', 'injecting', 'active', 'reverting', 'clean']);
  assert.equal(at.bus.recent().filter(({ body }) => body.kind === 'injected').length, 2);
});

test('the undo record is on the disk before anything changes', async () => {
  const seen: unknown[] = [];
  using at = room({}, { boundary: (name, fault) => { if (name === 'journaled') seen.push([at.world.calm(), at.journal.latest(fault as FaultId)?.step]); } });
  const set = await at.start();
  assert.deepEqual(seen[0], [true, 'planned']);
  await at.clock.runUntil(set.revert('done'));
});

test('an inject that fails half-way is undone, with all that came before it', async () => {
  using at = room();
  const planned = await at.plan();
  const second = at.injector.inject;
  at.injector.inject = async (undo, context) => {
    await second(undo, context);
    if (undo.folder.endsWith('two')) throw new Error('the disk went away');
  };
  await assert.rejects(at.clock.runUntil(at.lifecycle.start(planned, HOLD, forever)), (error: Error) => code('inject-failed')(error) && /disk went away/.test(error.message));
  assert.equal(at.world.calm(), true);
  assert.deepEqual(at.journal.open(), []);
});

test('a fault that never bites is inconclusive, and reverted', async () => {
  using at = room({ neverBites: true });
  const set = await at.start();
  assert.equal(await at.clock.runUntil(set.verified(millis(2_000))), 'inconclusive');
  const reports = await at.clock.runUntil(set.revert('inconclusive'));
  assert.deepEqual(reports.map(({ effect, reverted }) => [effect.bitten, reverted]), [[false, true], [false, true]]);
  assert.equal(at.world.calm(), true);
});

test('a policy that finds no target is inconclusive', async () => {
  using at = room();
  const planned = await at.lifecycle.plan([requestFor('/nowhere/at/all')], forever);
  const set = await at.lifecycle.start(planned, HOLD, forever);
  assert.equal(await set.verified(millis(100)), 'inconclusive');
  assert.match((await set.revert('done'))[0]?.note ?? '', /no target/);
});

for (const step of ['injectWaits', 'verifyWaits', 'revertWaits'] as const) {
  test(`an abort while ${step.replace('Waits', '')} is under way leaves nothing behind`, async () => {
    const wait = Promise.withResolvers<void>();
    using at = room({ [step]: wait.promise });
    const abort = new AbortController();
    const starting = at.lifecycle.start(await at.plan(), HOLD, abort.signal);
    starting.catch(() => {});
    await at.clock.advance(100);
    abort.abort(new Error('breach'));
    await at.clock.advance(3_000);
    wait.resolve();
    if (step === 'injectWaits') await assert.rejects(at.clock.runUntil(starting), /breach/);
    else await at.clock.runUntil((await starting).revert('aborted'));
    await at.clock.advance(1_000);
    assert.equal(at.world.calm(), true);
    assert.deepEqual(at.journal.open(), []);
    assert.deepEqual(at.lifecycle.reports(), []);
  });
}

test('an abort before the first fault injects nothing', async () => {
  using at = room();
  await assert.rejects(at.lifecycle.start(await at.plan(), HOLD, AbortSignal.abort(new Error('breach'))), /breach/);
  assert.deepEqual(at.injector.calls, []);
});

test('a revert that fails is tried again within its deadline', async () => {
  using at = room({ revertFails: 2 });
  const set = await at.start();
  const reports = await at.clock.runUntil(set.revert('done'));
  assert.deepEqual(reports.map(({ state }) => state), ['clean', 'clean']);
  assert.equal(at.world.calm(), true);
});

test('a revert that keeps failing leaves its record open, does not stop the others, and recover retries it', async () => {
  const troubles: Troubles = { revertFails: 3 };
  using at = room(troubles);
  const set = await at.start();
  const reports = await at.clock.runUntil(set.revert('done'));
  assert.deepEqual(reports.map(({ policy, state, note }) => [policy, state, note]), [['one', 'clean', ''], ['two', 'unconfirmed', 'the disk is away']]);
  assert.deepEqual(at.lifecycle.open().map(({ policy, step }) => [policy, step]), [['two', 'reverting']]);
  const recovered = await at.clock.runUntil(at.lifecycle.recover());
  assert.deepEqual([recovered.cleared.map(({ policy }) => policy), recovered.open], [['two'], []]);
  assert.equal(at.world.calm(), true);
  assert.deepEqual(at.lifecycle.reports(), []);
});

test('a revert that hangs is left open at its deadline; the next fault is reverted all the same', async () => {
  using at = room();
  const set = await at.start();
  const revert = at.injector.revert;
  const never = Promise.withResolvers<void>();
  at.injector.revert = (undo) => (undo.folder.endsWith('two') ? never.promise : revert(undo));
  const reports = await at.clock.runUntil(set.revert('done'));
  assert.deepEqual(reports.map(({ state, note }) => [state, note]), [['clean', ''], ['unconfirmed', 'undoing it took too long']]);
  at.injector.revert = revert;
  await at.clock.runUntil(set.revert('once more'));
  assert.equal(at.world.calm(), true);
});

test('a state that is not what it was is unconfirmed, never clean', async () => {
  const troubles: Troubles = { foreignChange: true };
  using at = room(troubles);
  const reports = await at.clock.runUntil((await at.start()).revert('done'));
  assert.ok(reports.every(({ state, reverted, note }) => state === 'unconfirmed' && !reverted && /not the state before/.test(note)));
  assert.equal(at.lifecycle.open().length, 2);
  troubles.foreignChange = false;
  assert.deepEqual((await at.clock.runUntil(at.lifecycle.recover())).open, []);
});

test('a state that cannot be read is not touched; one that cannot be read any more is unconfirmed', async () => {
  const troubles: Troubles = { unreadable: true };
  using at = room(troubles);
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
  using at = room(troubles);
  const set = await at.start();
  const reports = await at.clock.runUntil(set.revert('done'));
  assert.ok(reports.every(({ state, note }) => state === 'unconfirmed' && /cannot bring this back by itself: restore/.test(note)));
  troubles.foreignChange = false;
  assert.ok((await at.clock.runUntil(set.revert('the supervisor did it'))).every(({ state }) => state === 'clean'));
});

test('amend commits the longer record before the injector goes on, and is refused once the end has begun', async () => {
  let amendLater: (() => void) | undefined;
  using at = room({
    onInject: (context, undo) => {
      const extra = join(undo.folder, '..', 'extra');
      writeFileSync(extra, 'prior');
      const longer = { folder: undo.folder, files: { ...undo.files, '../extra': 'prior' } };
      context.amend(longer);
      const row = at.journal.latest(context.fault);
      assert.deepEqual([row?.step, row?.undo], ['amended', longer]);
      writeFileSync(extra, 'spoiled');
      amendLater = () => context.amend(undo);
    },
  });
  const set = await at.lifecycle.start([(await at.plan())[0]!], HOLD, forever);
  await at.clock.runUntil(set.revert('done'));
  assert.equal(at.world.calm(), true);
  assert.throws(() => amendLater?.(), code('fault-ended'));
});

test('amend is refused when another process has reverted the fault meanwhile', async () => {
  let amend: (() => void) | undefined;
  using at = room({ onInject: (context, undo) => void (amend = () => context.amend(undo)) });
  const set = await at.lifecycle.start([(await at.plan())[0]!], HOLD, forever);
  const { seq: _seq, at: _at, ...row } = at.journal.open()[0]!;
  at.journal.append({ ...row, step: 'reverted' });
  assert.throws(() => amend?.(), code('fault-ended'));
  await at.clock.runUntil(set.revert('done'));
  assert.equal(at.world.calm(), true, 'the engine reverts once more, whatever the journal says');
});

test('an inject that ignores its abort is reverted now, and again when it returns', async () => {
  const wait = Promise.withResolvers<void>();
  using at = room({ injectWaits: wait.promise, onInject: (_context, undo) => writeFileSync(join(undo.folder, 'a'), 'spoiled late') });
  const abort = new AbortController();
  const starting = at.lifecycle.start([(await at.plan())[0]!], HOLD, abort.signal);
  starting.catch(() => {});
  await at.clock.advance(100);
  abort.abort(new Error('breach'));
  await assert.rejects(at.clock.runUntil(starting), /breach/);
  assert.equal(at.lifecycle.reports()[0]?.state, 'unconfirmed');
  assert.equal(at.journal.open().length, 1, 'it stays open as long as inject may still change something');
  wait.resolve();
  await at.clock.advance(1_000);
  assert.equal(at.world.calm(), true);
  assert.deepEqual([at.journal.open(), at.lifecycle.reports()], [[], []]);
});

test('every hold has an end', async () => {
  using at = room();
  const set = await at.start();
  await at.clock.advance(HOLD + 2_000);
  assert.equal(await set.ended, 'hold-over');
  assert.equal(at.world.calm(), true);
  assert.equal((await set.revert('late')).every(({ reverted }) => reverted), true);
});

test('reverting twice, and at once, undoes once', async () => {
  using at = room();
  const set = await at.start();
  await at.clock.runUntil(Promise.all([set.revert('a'), set.revert('b'), set[Symbol.asyncDispose]()]));
  await at.clock.runUntil(set.revert('c'));
  assert.deepEqual(at.injector.calls.filter((call) => call.startsWith('revert')), ['revert two', 'revert one']);
});

test('recover leaves alone what a live process owns, and what this one holds', async () => {
  const identity = fakeIdentity(process.pid, ({ started }) => started !== 'dead');
  using at = room({}, { identity });
  const set = await at.start();
  const { seq: _seq, at: _at, ...row } = at.journal.open()[0]!;
  at.journal.append({ ...row, fault: 'f-aaaaaaaaaaaa' as FaultId, policy: 'foreign', owner: { pid: 4_000_001, started: 'alive' } });
  at.journal.append({ ...row, fault: 'f-bbbbbbbbbbbb' as FaultId, policy: 'orphan', owner: { pid: 4_000_002, started: 'dead' } });
  const other = folderLifecycle('', {}, { journal: at.journal, identity: { ...identity, self: { pid: 4_000_003, started: 'other' } }, clock: at.clock });
  const { cleared, open } = await at.clock.runUntil(other.lifecycle.recover());
  assert.deepEqual([cleared.map(({ policy }) => policy), open.map(({ policy }) => policy)], [['orphan'], ['one', 'two', 'foreign']]);
  assert.deepEqual((await at.clock.runUntil(at.lifecycle.recover())).cleared, [], 'what is held is not recovered');
  await at.clock.runUntil(set.revert('done'));
});
