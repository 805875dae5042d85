import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { millis } from '../../kernel/brands.ts';
import { type Clock, realClock, VirtualClock } from '../../kernel/clock.ts';
import { type FaultRequest, type InjectContext, type Injector } from '../../kernel/fault.ts';
import { newFaultId, newRunId } from '../../kernel/random.ts';
import { freeze, groupFolder, isFrozen, ownGroup, thaw, usableFreezer } from '../../host/control-groups.ts';
import { readProcess } from '../../host/processes.ts';
import { processInjector } from './injector.ts';
import { processManifest, type ProcessParams } from './manifest.ts';
import { startFleet, until } from './test-fleet.ts';
import { type ProcessUndo } from './undo.ts';

const here = { skip: processInjector({ clock: realClock }).unavailable() || false };

interface Running {
  readonly injector: Injector<ProcessParams, ProcessUndo>;
  readonly context: InjectContext<ProcessParams, ProcessUndo>;
  readonly before: string;
  readonly injected: string[];
  /** What the journal would hold by now. */
  undo(): ProcessUndo;
}

function requestOf(target: string, raw: Record<string, unknown>): FaultRequest<ProcessParams> {
  return {
    run: newRunId(), policy: 'hit', type: 'process', target, route: '', routes: [], ignored: [],
    params: processManifest.params.parse(raw), seed: 7, hold: millis(60_000),
  };
}

/** Injects, lets the test look, and proves the revert through an injector that remembers nothing. */
async function withFault(target: string, raw: Record<string, unknown>, clock: Clock, look: (running: Running) => Promise<void>): Promise<void> {
  const injector = processInjector({ clock });
  const afterCrash = processInjector({ clock: realClock });
  const request = requestOf(target, raw);
  const [planned] = await injector.plan(request, AbortSignal.timeout(60_000));
  assert.ok(planned);
  let journal = JSON.stringify(planned.undo);
  const undo = (): ProcessUndo => injector.undo.parse(JSON.parse(journal));
  const before = await injector.fingerprint(undo());
  const holding = new AbortController();
  const injected: string[] = [];
  const context = {
    fault: newFaultId(), request, signal: holding.signal,
    amend: (longer: ProcessUndo) => void (journal = JSON.stringify(longer)),
    injected: (detail: string) => void injected.push(detail),
  };
  try {
    await injector.inject(undo(), context);
    await look({ injector, context, before, injected, undo });
  } finally {
    holding.abort();
    await afterCrash.revert(undo());
    assert.equal(planned.reversible, raw['action'] !== 'kill' && raw['action'] !== 'terminate');
    if (planned.reversible) assert.equal(await afterCrash.fingerprint(undo()), before);
    if (clock === realClock) await injector.revert(undo());
  }
}

const stopped = (fleet: { readonly pids: readonly number[]; state(pid: number): string }): number =>
  fleet.pids.filter((pid) => fleet.state(pid) === 'T').length;

test('one of three is stopped, and continues after revert', here, async () => {
  await using fleet = await startFleet(3);
  await withFault(`cmd:${fleet.word}`, {}, realClock, async ({ injector, context, before, undo }) => {
    await until('it is stopped', async () => (await injector.verify(undo(), context)).bitten);
    assert.equal(stopped(fleet), 1);
    assert.equal(undo().touched.length, 1);
    assert.notEqual(await injector.fingerprint(undo()), before);
    const { figures } = await injector.verify(undo(), context);
    assert.deepEqual(figures, [{ name: 'processes stopped', unit: 'count', requested: 1, delivered: 1, samples: 1 }]);
  });
  assert.equal(stopped(fleet), 0);
});

const freezer = usableFreezer('tried-by-tests');
const frozen = { skip: 'refusal' in freezer ? freezer.refusal : false };

test('one of three is frozen with what it starts, and goes on after revert in the group it was in', frozen, async () => {
  assert.ok(!('refusal' in freezer));
  await using fleet = await startFleet(3);
  const groups = (): unknown => fleet.pids.map((pid) => groupFolder(freezer, pid));
  const before = groups();
  await withFault(`cmd:${fleet.word}`, { action: 'freeze' }, realClock, async ({ injector, context, undo }) => {
    await until('it is frozen', async () => (await injector.verify(undo(), context)).bitten);
    const [one] = undo().touched;
    assert.equal(stopped(fleet), 0, 'no signal was sent');
    assert.ok(one?.group !== undefined && isFrozen(one.group));
    const { figures } = await injector.verify(undo(), context);
    assert.deepEqual(figures, [{ name: 'processes frozen', unit: 'count', requested: 1, delivered: 1, samples: 1 }]);
  });
  assert.deepEqual(groups(), before);
});

test('a frozen process goes on by itself after its time, while the fault lasts', frozen, async () => {
  await using fleet = await startFleet(2);
  const clock = new VirtualClock();
  await withFault(`cmd:${fleet.word}`, { action: 'freeze', stopDuration: '2s' }, clock, async ({ undo }) => {
    const [one] = undo().touched;
    const group = one?.group ?? '';
    await until('it is frozen', () => isFrozen(group));
    await clock.advance(2_000);
    await until('it goes on', () => !existsSync(group));
  });
});

test('a process that somebody else has frozen stays so, and nothing is claimed of it', frozen, async () => {
  assert.ok(!('refusal' in freezer));
  await using fleet = await startFleet(1);
  const [pid = 0] = fleet.pids;
  const { started = '' } = readProcess(pid) ?? {};
  const theirs = ownGroup(groupFolder(freezer, pid) ?? '', 'somebody-else', pid);
  freeze(theirs, { pid, started });
  try {
    await until('it is frozen', () => isFrozen(theirs));
    await withFault(`cmd:${fleet.word}`, { action: 'freeze', allowLast: true }, realClock, async ({ injector, context, undo }) => {
      assert.deepEqual(undo().touched, []);
      assert.equal((await injector.verify(undo(), context)).bitten, false);
    });
    assert.deepEqual([groupFolder(freezer, pid), isFrozen(theirs)], [theirs, true]);
  } finally {
    await thaw(theirs, realClock);
  }
});

test('again and again: who is frozen is not taken once more, and one always runs', frozen, async () => {
  assert.ok(!('refusal' in freezer));
  await using fleet = await startFleet(3);
  const clock = new VirtualClock();
  const groups = (): (string | undefined)[] => fleet.pids.map((pid) => groupFolder(freezer, pid));
  const before = groups();
  await withFault(`cmd:${fleet.word}`, { action: 'freeze', interval: '1s' }, clock, async ({ undo }) => {
    const held = (): number => groups().filter((folder) => isFrozen(folder ?? '')).length;
    await until('it is frozen', () => held() === 1);
    for (let round = 0; round < 10; round++) {
      await clock.advance(1_000);
      await until('all that were taken are frozen', () => undo().touched.length === held());
    }
    assert.deepEqual([held(), new Set(undo().touched.map(({ pid }) => pid)).size], [2, 2]);
  });
  assert.deepEqual(groups(), before);
});

test('a group that was left behind is found, and removed, also after its process has ended', frozen, async () => {
  await using fleet = await startFleet(2);
  await withFault(`cmd:${fleet.word}`, { action: 'freeze' }, realClock, async ({ undo }) => {
    const [one] = undo().touched;
    await until('it is frozen', () => isFrozen(one?.group ?? ''));
    process.kill(one?.pid ?? 0, 'SIGKILL');
  });
});

test('a process that somebody else had stopped stays stopped', here, async () => {
  await using fleet = await startFleet(3);
  const [foreign] = fleet.pids;
  assert.ok(foreign);
  process.kill(foreign, 'SIGSTOP');
  await until('it is stopped', () => fleet.state(foreign) === 'T');
  await withFault(`cmd:${fleet.word}`, { percentage: 99 }, realClock, async () => {
    await until('one more is stopped, one survives', () => stopped(fleet) === 2);
  });
  assert.equal(fleet.state(foreign), 'T');
  assert.equal(stopped(fleet), 1);
});

test('each round commits its processes before it touches them, and spares the last', here, async () => {
  await using fleet = await startFleet(3);
  const clock = new VirtualClock();
  await withFault(`cmd:${fleet.word}`, { interval: '1s', jitter: 0.5 }, clock, async ({ undo, context, injector }) => {
    await until('the first is stopped', () => stopped(fleet) === 1);
    const amend = context.amend;
    Object.assign(context, {
      amend: (longer: ProcessUndo) => {
        const added = longer.touched.at(-1);
        assert.ok(added && fleet.state(added.pid) !== 'T', 'not stopped yet when it is committed');
        amend(longer);
      },
    });
    await clock.advance(400);
    assert.equal(undo().touched.length, 1, 'no round comes before the interval less its jitter');
    await clock.advance(1_600);
    await until('the second is stopped', () => stopped(fleet) === 2);
    await clock.advance(10_000);
    assert.equal(undo().touched.length, 2);
    assert.equal(stopped(fleet), 2, 'one always survives');
    await until('the fault is seen', async () => (await injector.verify(undo(), context)).bitten);
  });
  assert.equal(stopped(fleet), 0);
  await clock.advance(5_000);
  assert.equal(stopped(fleet), 0, 'no round comes after the hold');
});

test('a stopped process continues after stop_duration, and counts as delivered', here, async () => {
  await using fleet = await startFleet(2);
  const clock = new VirtualClock();
  await withFault(`cmd:${fleet.word}`, { stopDuration: '2s' }, clock, async ({ undo, context, injector }) => {
    await until('one is stopped', () => stopped(fleet) === 1);
    await clock.advance(2_000);
    await until('it runs again', () => stopped(fleet) === 0);
    assert.equal(undo().touched[0]?.resumed, true);
    assert.equal((await injector.verify(undo(), context)).figures[0]?.delivered, 1);
  });
});

test('a supervised process is killed; the time until it is back is measured', here, async () => {
  await using fleet = await startFleet(2, true);
  const first = fleet.pids;
  await withFault(`cmd:${fleet.word}`, { action: 'kill' }, realClock, async ({ injector, context, before, injected, undo }) => {
    await until('it is back', () => injected.some((text) => /all there again after \d+ ms/.test(text)));
    const effect = await injector.verify(undo(), context);
    assert.equal(effect.bitten, true);
    assert.match(effect.detail, /1 of 1 processes killed; supervisor recovery \d+ ms/);
    assert.equal(await injector.fingerprint(undo()), before);
  });
  assert.equal(fleet.pids.filter((pid) => first.includes(pid)).length, 1);
});

test('what nobody brings back is not called clean', here, async () => {
  await using fleet = await startFleet(3);
  await withFault(`cmd:${fleet.word}`, { action: 'terminate', percentage: 99 }, realClock, async ({ injector, context, before, undo }) => {
    await until('two have ended', () => fleet.pids.length === 1);
    assert.equal((await injector.verify(undo(), context)).figures[0]?.delivered, 2);
    await injector.revert(undo());
    assert.equal(await injector.fingerprint(undo()), `processes that match cmd:${fleet.word}: 1 of 3`);
    assert.notEqual(await injector.fingerprint(undo()), before);
  });
});

test('a process that ended by itself is no residue, nor is its pid anybody else', here, async () => {
  await using fleet = await startFleet(2);
  await withFault(`cmd:${fleet.word}`, {}, realClock, async ({ injector, before, undo }) => {
    await until('one is stopped', () => stopped(fleet) === 1);
    const [victim] = undo().touched;
    assert.ok(victim);
    const mistaken = { ...undo(), touched: [{ ...victim, started: `${victim.started}0` }] };
    await injector.revert(mistaken);
    assert.equal(fleet.state(victim.pid), 'T', 'another start time is another process');
    process.kill(victim.pid, 'SIGKILL');
    await until('it is gone', () => !fleet.pids.includes(victim.pid));
    assert.equal(await injector.fingerprint(undo()), before);
  });
});

const failsWith = (code: string) => (error: unknown) => error instanceof Error && 'code' in error && error.code === code;

test('plan refuses what is unsafe, and finds nothing where there is nothing', here, async () => {
  await using fleet = await startFleet(1);
  const injector = processInjector({ clock: realClock });
  const plan = (target: string, raw: Record<string, unknown> = {}) => injector.plan(requestOf(target, raw), AbortSignal.timeout(60_000));
  await assert.rejects(plan(`cmd:${fleet.word}`), failsWith('last-process'));
  await assert.rejects(plan(`pid:${process.pid}`), failsWith('protected-target'));
  await assert.rejects(plan('pid:1', { allowLast: true }), failsWith('protected-target'));
  await assert.rejects(plan(`pid:${process.ppid}`), failsWith('protected-target'));
  await assert.rejects(plan('nonsense'), failsWith('bad-target'));
  assert.deepEqual(await plan('name:no-such-program-anywhere'), []);
  const own = processInjector({ clock: realClock, own: () => fleet.pids });
  await assert.rejects(own.plan(requestOf(`cmd:${fleet.word}`, { allowLast: true }), AbortSignal.timeout(60_000)), failsWith('protected-target'));
  const [allowed] = await plan(`cmd:${fleet.word}`, { allowLast: true });
  assert.match(allowed?.action ?? '', new RegExp(`^stop ${fleet.pids[0]} \\(node\\) \\(1 of 1 that match\\)$`));
  assert.equal(fleet.state(fleet.pids[0] ?? 0) === 'T', false, 'plan changes nothing');
});
