import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FirebreakError } from '../kernel/errors.ts';
import { shared } from '../kernel/fault.ts';
import { type UndoDraft } from '../store/journal.ts';
import { type UndoStep } from '../store/journal-record.ts';
import { type LifecycleParts } from './lifecycle.ts';
import { type Lease, type PlannedFault } from './models.ts';
import { guard } from './plan.ts';
import {
  folderFacts,
  folderLifecycle,
  forever,
  hasCode,
  HOLD,
  requestFor,
  type Troubles,
  virtualRoom,
} from './test-parts.ts';

test('HALT silences the wire first, reverts everything, and overrules what was planned before it', async () => {
  using at = virtualRoom();
  const set = await at.start();
  const before = await at.lifecycle.plan([], forever);
  const stale = await at.lifecycle.plan([requestFor(at.world.paths[0]!, 'later')], forever);
  const halting = at.lifecycle.halt('the test');
  assert.equal(at.wire.halted, true, 'in the same turn');
  const { tookMs, faults } = await at.clock.runUntil(halting);
  assert.ok(tookMs >= 0 && tookMs < 1_000, `${tookMs} ms`);
  assert.deepEqual(
    [faults.map(({ state }) => state), at.world.calm(), await set.ended],
    [['clean', 'clean'], true, 'halted'],
  );
  assert.equal(at.lifecycle.halted, true);
  assert.ok(at.bus.recent().some(({ body }) => body.kind === 'halt' && body.by === 'the test' && body.faults !== undefined));
  await assert.rejects(at.lifecycle.start(stale, HOLD, forever), hasCode('halted'));
  assert.equal(at.wire.halted, true);
  // What is planned afterwards is a new decision, and clears the word.
  const next = await at.start();
  assert.deepEqual([at.lifecycle.halted, at.wire.halted, before], [false, false, []]);
  await at.clock.runUntil(next.revert('done'));
  assert.equal(at.world.calm(), true);
});

test('HALT while faults are being injected injects no further one', async () => {
  const wait = Promise.withResolvers<void>();
  using at = virtualRoom({ injectWaits: wait.promise });
  const starting = at.start();
  starting.catch(() => {});
  await at.clock.advance(100);
  const halting = at.lifecycle.halt('the test');
  await at.clock.advance(100);
  wait.resolve();
  await at.clock.runUntil(halting);
  await assert.rejects(at.clock.runUntil(starting), hasCode('fault-ended'));
  assert.ok(!at.injector.calls.includes('inject two'));
  assert.equal(at.world.calm(), true);
  assert.deepEqual(at.journal.open(), []);
});

test('a wire fault that HALT could not remove keeps the wire silent', async () => {
  const troubles: Troubles = { revertFails: 99 };
  using at = virtualRoom(troubles, { facts: { folder: { ...folderFacts, layer: 'wire' } } });
  await at.start();
  await at.clock.runUntil(at.lifecycle.halt('the test'));
  await assert.rejects(at.lifecycle.start([], HOLD, forever), hasCode('residue'));
  assert.equal(at.wire.halted, true);
  troubles.revertFails = 0;
  await at.clock.runUntil(at.lifecycle.recover());
  await at.lifecycle.start([], HOLD, forever);
  assert.equal(at.wire.halted, false);
});

test('a process that stood still for longer than a lease reverts what it holds', async () => {
  using at = virtualRoom();
  const set = await at.start();
  await at.clock.advance(9_000);
  assert.equal(at.world.calm(), false, 'nine seconds of ordinary life are no reason');
  at.clock.slept = 3_600_000;
  await at.clock.advance(2_000);
  assert.equal(await set.ended, 'lease-lost');
  assert.equal(at.world.calm(), true);
  assert.deepEqual(at.journal.open(), []);
  const next = await at.start();
  assert.equal(at.wire.halted, false, 'a lost lease is over when something new is started');
  await at.clock.runUntil(next.revert('done'));
});

test('a word that the sentinel has set is answered by its message, not taken for a lost lease', async () => {
  using at = virtualRoom();
  const set = await at.start();
  at.wire.halted = true;
  at.clock.slept = 60_000;
  await at.clock.advance(2_000);
  assert.equal(at.world.calm(), false);
  await at.clock.runUntil(at.lifecycle.halt('a second terminal'));
  assert.equal(await set.ended, 'halted');
  assert.equal(at.world.calm(), true);
});

test('nothing is injected without a watchdog, on another platform, where it is unavailable, or unknown', async () => {
  const lease: Lease = {
    ready: () => Promise.reject(new FirebreakError('watchdog-unavailable', 'no')),
    until: () => null,
  };
  const cases: [string, Troubles, Partial<LifecycleParts>][] = [
    ['watchdog-unavailable', {}, { lease }],
    ['fault-unavailable', {}, { facts: { folder: { ...folderFacts, platforms: ['plan9'] } } }],
    ['fault-unavailable', { unavailable: 'no such folder here' }, {}],
    ['unknown-fault', {}, { facts: {} }],
    ['protected-target', { planThrows: new FirebreakError('protected-target', 'not that one') }, {}],
  ];
  for (const [expected, troubles, parts] of cases) {
    using at = virtualRoom(troubles, parts);
    await assert.rejects(at.clock.runUntil(at.start()), hasCode(expected), expected);
    assert.deepEqual([at.injector.calls, at.journal.open(), at.world.calm()], [[], [], true], expected);
  }
});

test('an unavailable fault is planned with its reason and without targets', async () => {
  using at = virtualRoom({ unavailable: 'no such folder here' });
  const [planned] = await at.plan();
  assert.deepEqual([planned?.unavailable, planned?.targets], ['no such folder here', []]);
});

test('two faults of one type on the very same target collide, in one run, across runs and processes', async () => {
  using at = virtualRoom();
  const path = at.world.paths[0]!;
  await assert.rejects(
    at.lifecycle.plan([requestFor(path, 'a'), requestFor(path, 'b')], forever),
    (error: Error) => hasCode('collision')(error) && /a/.test(error.message),
  );
  const planned = await at.lifecycle.plan([requestFor(path, 'a')], forever);
  const again = await at.lifecycle.plan([requestFor(path, 'b')], forever);
  const set = await at.lifecycle.start(planned, HOLD, forever);
  await assert.rejects(at.lifecycle.start(again, HOLD, forever), hasCode('collision'));
  const other = folderLifecycle('', {}, { journal: at.journal, clock: at.clock });
  await assert.rejects(other.lifecycle.start(again, HOLD, forever), hasCode('collision'));
  await at.clock.runUntil(set.revert('done'));
  const late = await at.lifecycle.start(again, HOLD, forever);
  await at.clock.runUntil(late.revert('done'));
  assert.equal(at.world.calm(), true);
});

test('what two faults may not have at once: by type, a place of the machine by any, and what is shared only in one way', () => {
  const fault = (policy: string, type: string, ...takes: string[]): PlannedFault => ({
    request: { ...requestFor('/nowhere', policy), type }, explain: '', unavailable: '',
    targets: [{ target: `the target of ${policy}`, undo: {}, action: '', inverse: '', reversible: true, takes }],
  });
  const refusal = (...faults: PlannedFault[]): string => {
    try {
      guard(faults, []);
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };
  const group = '/sys/fs/cgroup (the control group of 7, node)';
  assert.deepEqual(
    [
      refusal(fault('a', 'process', '7 (node)'), fault('b', 'process', '7 (node)')),
      refusal(fault('a', 'process', '7 (node)'), fault('b', 'kernel', '7 (node)')),
      refusal(fault('a', 'process', '7 (node)', group), fault('b', 'kernel', group)),
      refusal(fault('a', 'dns', shared('the questions', 'x')), fault('b', 'dns', shared('the questions', 'x'))),
      refusal(fault('a', 'dns', shared('the questions', 'x')), fault('b', 'dns', shared('the questions', 'y'))),
      refusal(fault('a', 'process', group, group)),
    ],
    ['b and a would do the same to the target of b', '', `b and a would both change ${group}`, '', 'b and a would each have the questions in its own way', ''],
  );
});

test('when the journal cannot be written nothing is injected; when it fails later all is undone anyway', async () => {
  let full = true;
  using at = virtualRoom({}, {});
  const journal = Object.create(at.journal) as typeof at.journal;
  journal.append = ((draft: UndoDraft, unless: readonly UndoStep[] = []) => {
    if (full) throw new FirebreakError('journal-unwritable', 'the disk is full');
    return at.journal.append(draft, unless);
  }) as typeof at.journal.append;
  for (const method of ['open', 'latest', 'damage', 'mend'] as const)
    journal[method] = at.journal[method].bind(at.journal) as never;
  const shop = folderLifecycle('', {}, { journal, clock: at.clock });
  const planned = () =>
    shop.lifecycle.plan(
      at.world.paths.map((path) => requestFor(path)),
      forever,
    );
  await assert.rejects(
    at.clock.runUntil(shop.lifecycle.start(await planned(), HOLD, forever)),
    hasCode('journal-unwritable'),
  );
  assert.deepEqual([shop.injector.calls, at.world.calm()], [[], true]);
  full = false;
  const set = await shop.lifecycle.start(await planned(), HOLD, forever);
  full = true;
  const reports = await at.clock.runUntil(set.revert('done'));
  assert.equal(at.world.calm(), true);
  assert.ok(reports.every(({ state, note }) => state === 'unconfirmed' && /journal could not be told/.test(note)));
  full = false;
  assert.ok((await at.clock.runUntil(set.revert('again'))).every(({ reverted }) => reverted));
});

test('closing the engine reverts what it holds', async () => {
  using at = virtualRoom();
  await at.start();
  await at.clock.runUntil(Promise.resolve(at.lifecycle[Symbol.asyncDispose]()));
  assert.equal(at.world.calm(), true);
  assert.deepEqual(at.journal.open(), []);
});
