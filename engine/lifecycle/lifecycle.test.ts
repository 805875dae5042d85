import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type FaultId, millis } from '../kernel/brands.ts';
import { fakeIdentity, folderLifecycle, forever, hasCode, HOLD, requestFor, virtualRoom } from './test-parts.ts';

const states = ({ bus }: Pick<ReturnType<typeof virtualRoom>, 'bus'>): string[] =>
  bus.recent().flatMap(({ body }) => (body.kind === 'fault' ? [`${body.fault.policy} ${body.fault.state}`] : []));

test('a fault is journaled, injected, measured, reverted in reverse order and proven clean', async () => {
  using at = virtualRoom();
  const set = await at.start();
  assert.equal(at.world.calm(), false);
  assert.deepEqual(
    at.journal.open().map(({ step }) => step),
    ['applied', 'applied'],
  );
  assert.equal(await at.clock.runUntil(set.verified(millis(1_000))), 'bitten');
  const reports = await at.clock.runUntil(set.revert('done'));
  assert.deepEqual(at.injector.calls, ['inject one', 'inject two', 'revert two', 'revert one']);
  assert.deepEqual(
    reports.map(({ state, reverted, effect }) => [state, reverted, effect.bitten]),
    [
      ['clean', true, true],
      ['clean', true, true],
    ],
  );
  assert.equal(at.world.calm(), true);
  assert.deepEqual([at.journal.open(), at.lifecycle.open(), at.lifecycle.reports()], [[], [], []]);
  assert.deepEqual(
    states(at)
      .filter((text) => text.startsWith('one'))
      .map((text) => text.slice(4)),
    ['planned', 'injecting', 'active', 'reverting', 'clean'],
  );
  assert.equal(at.bus.recent().filter(({ body }) => body.kind === 'injected').length, 2);
});

test('the undo record is on the disk before anything changes', async () => {
  const seen: unknown[] = [];
  using at = virtualRoom(
    {},
    {
      boundary: (name, fault) => {
        if (name === 'journaled') seen.push([at.world.calm(), at.journal.latest(fault as FaultId)?.step]);
      },
    },
  );
  const set = await at.start();
  assert.deepEqual(seen[0], [true, 'planned']);
  await at.clock.runUntil(set.revert('done'));
});

test('an inject that fails half-way is undone, with all that came before it', async () => {
  using at = virtualRoom();
  const planned = await at.plan();
  const second = at.injector.inject;
  at.injector.inject = async (undo, context) => {
    await second(undo, context);
    if (undo.folder.endsWith('two')) throw new Error('the disk went away');
  };
  await assert.rejects(
    at.clock.runUntil(at.lifecycle.start(planned, HOLD, forever)),
    (error: Error) => hasCode('inject-failed')(error) && /disk went away/.test(error.message),
  );
  assert.equal(at.world.calm(), true);
  assert.deepEqual(at.journal.open(), []);
});

test('a fault that never bites is inconclusive, and reverted', async () => {
  using at = virtualRoom({ neverBites: true });
  const set = await at.start();
  assert.equal(await at.clock.runUntil(set.verified(millis(2_000))), 'inconclusive');
  const reports = await at.clock.runUntil(set.revert('inconclusive'));
  assert.deepEqual(
    reports.map(({ effect, reverted }) => [effect.bitten, reverted]),
    [
      [false, true],
      [false, true],
    ],
  );
  assert.equal(at.world.calm(), true);
});

test('an effect that goes while its fault is held is told at once, and that it is back', async () => {
  using at = virtualRoom();
  const told = (): readonly string[] => at.bus.recent().flatMap(({ body }) => (body.kind === 'log' ? [body.text] : []));
  const set = await at.start();
  await at.clock.runUntil(set.verified(millis(1_000)));
  const [one] = at.world.paths;
  assert.ok(one !== undefined);
  const write = (text: string): void => ['a', 'b'].forEach((file) => writeFileSync(join(one, file), text));
  write('mended by another');
  await at.clock.advance(2_000);
  assert.deepEqual(told(), [], 'one measurement or two may miss it');
  await at.clock.advance(2_000);
  assert.deepEqual(told(), ['one on folder one is not seen to act any more: 0 files spoiled']);
  write('spoiled');
  await at.clock.advance(2_000);
  assert.deepEqual(told().slice(1), ['one on folder one is seen to act again']);
  await at.clock.runUntil(set.revert('done'));
  assert.equal(told().length, 2);
});

test('a policy that finds no target is inconclusive', async () => {
  using at = virtualRoom();
  const planned = await at.lifecycle.plan([requestFor('/nowhere/at/all')], forever);
  const set = await at.lifecycle.start(planned, HOLD, forever);
  assert.equal(await set.verified(millis(100)), 'inconclusive');
  assert.match((await set.revert('done'))[0]?.note ?? '', /no target/);
});

for (const step of ['injectWaits', 'verifyWaits', 'revertWaits'] as const) {
  test(`an abort while ${step.replace('Waits', '')} is under way leaves nothing behind`, async () => {
    const wait = Promise.withResolvers<void>();
    using at = virtualRoom({ [step]: wait.promise });
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

test('an abort at the very moment at which the last fault is in leaves nothing behind', async () => {
  const abort = new AbortController();
  let applied = 0;
  using at = virtualRoom(
    {},
    { boundary: (name) => void (name === 'applied' && ++applied === 2 && abort.abort(new Error('breach'))) },
  );
  const starting = at.lifecycle.start(await at.plan(), HOLD, abort.signal);
  await assert.rejects(at.clock.runUntil(starting), /breach/);
  assert.equal(at.world.calm(), true);
  assert.deepEqual(at.journal.open(), []);
});

test('what has ended is measured no more, and has no alarm left', async () => {
  using at = virtualRoom();
  let measured = 0;
  const verify = at.injector.verify;
  at.injector.verify = (undo, context) => {
    measured++;
    return verify(undo, context);
  };
  const abort = new AbortController();
  const set = await at.lifecycle.start(await at.plan(), HOLD, abort.signal);
  await at.clock.advance(3_000);
  assert.ok(measured > 2);
  abort.abort(new Error('breach'));
  await at.clock.runUntil(set.revert('aborted'));
  const [before, events] = [measured, at.bus.lastSeq];
  await at.clock.advance(2 * HOLD);
  assert.deepEqual([measured, at.bus.lastSeq, at.lifecycle.reports()], [before, events, []]);
});

test('an abort before the first fault injects nothing', async () => {
  using at = virtualRoom();
  await assert.rejects(at.lifecycle.start(await at.plan(), HOLD, AbortSignal.abort(new Error('breach'))), /breach/);
  assert.deepEqual(at.injector.calls, []);
});

test('amend commits the longer record before the injector goes on, and is refused once the end has begun', async () => {
  let amendLater: (() => void) | undefined;
  using at = virtualRoom({
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
  assert.throws(() => amendLater?.(), hasCode('fault-ended'));
});

test('amend is refused when another process has reverted the fault meanwhile', async () => {
  let amend: (() => void) | undefined;
  using at = virtualRoom({ onInject: (context, undo) => void (amend = () => context.amend(undo)) });
  const set = await at.lifecycle.start([(await at.plan())[0]!], HOLD, forever);
  const { seq: _seq, at: _at, ...row } = at.journal.open()[0]!;
  at.journal.append({ ...row, step: 'reverted' });
  assert.throws(() => amend?.(), hasCode('fault-ended'));
  await at.clock.runUntil(set.revert('done'));
  assert.equal(at.world.calm(), true, 'the engine reverts once more, whatever the journal says');
});

test('an inject that ignores its abort is reverted now, and again when it returns', async () => {
  const wait = Promise.withResolvers<void>();
  using at = virtualRoom({
    injectWaits: wait.promise,
    onInject: (_context, undo) => writeFileSync(join(undo.folder, 'a'), 'spoiled late'),
  });
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
  using at = virtualRoom();
  const set = await at.start();
  await at.clock.advance(HOLD + 2_000);
  assert.equal(await set.ended, 'hold-over');
  assert.equal(at.world.calm(), true);
  assert.equal(
    (await set.revert('late')).every(({ reverted }) => reverted),
    true,
  );
});

test('reverting twice, and at once, undoes once', async () => {
  using at = virtualRoom();
  const set = await at.start();
  await at.clock.runUntil(Promise.all([set.revert('a'), set.revert('b'), set[Symbol.asyncDispose]()]));
  await at.clock.runUntil(set.revert('c'));
  assert.deepEqual(
    at.injector.calls.filter((call) => call.startsWith('revert')),
    ['revert two', 'revert one'],
  );
});

test('recover leaves alone what a live process owns, and what this one holds', async () => {
  const identity = fakeIdentity(process.pid, ({ started }) => started !== 'dead');
  using at = virtualRoom({}, { identity });
  const set = await at.start();
  const { seq: _seq, at: _at, ...row } = at.journal.open()[0]!;
  at.journal.append({
    ...row,
    fault: 'f-aaaaaaaaaaaa' as FaultId,
    policy: 'foreign',
    owner: { pid: 4_000_001, started: 'alive' },
  });
  at.journal.append({
    ...row,
    fault: 'f-bbbbbbbbbbbb' as FaultId,
    policy: 'orphan',
    owner: { pid: 4_000_002, started: 'dead' },
  });
  const other = folderLifecycle(
    '',
    {},
    { journal: at.journal, identity: { ...identity, self: { pid: 4_000_003, started: 'other' } }, clock: at.clock },
  );
  const { cleared, open } = await at.clock.runUntil(other.lifecycle.recover());
  assert.deepEqual(
    [cleared.map(({ policy }) => policy), open.map(({ policy }) => policy)],
    [['orphan'], ['one', 'two', 'foreign']],
  );
  assert.deepEqual((await at.clock.runUntil(at.lifecycle.recover())).cleared, [], 'what is held is not recovered');
  await at.clock.runUntil(set.revert('done'));
});
