import assert from 'node:assert/strict';
import { test } from 'node:test';
import { millis } from '../kernel/brands.ts';
import { newRunId } from '../kernel/random.ts';
import { type Route } from '../contract/models.ts';
import { forever, hasCode, type Troubles, virtualRoom } from '../lifecycle/test-parts.ts';
import { type FirebreakFile, type Policy } from '../policy/file.ts';
import { Applied } from './applied.ts';
import { type Prepared } from './prepare.ts';

/** An apply over the real lifecycle, in virtual time; a fault spoils a folder, and routes are only counted. */
const TTL = millis(60_000);

function scene(troubles: Troubles = {}) {
  const room = virtualRoom(troubles);
  const { clock, lifecycle, world } = room;
  const open = new Set<string>();
  const openRoutes = async (routes: readonly Route[]) => {
    for (const { name } of routes) open.add(name);
    return { routes, [Symbol.asyncDispose]: async () => routes.forEach(({ name }) => open.delete(name)) };
  };
  const run = newRunId();
  const applied = new Applied({ clock, lifecycle, openRoutes }, run, TTL);
  const [one = '', two = ''] = world.paths;
  const policy = (name: string, target: string, hash = 1): Policy => ({
    name, type: 'folder', target, route: '', params: {}, place: { file: 'x.yaml', line: 7, column: 5 }, hash,
  });
  const spoilOne = policy('spoil-one', one);
  const spoilTwo = policy('spoil-two', two, 2);
  const file = (policies: readonly Policy[], more: Partial<FirebreakFile> = {}): Prepared => ({
    seed: more.seed ?? 1,
    file: {
      version: 1, file: 'x.yaml', source: '', name: 'x', seed: undefined, warmupDuration: millis(0),
      enableDefaultIgnored: true, ignoredCommands: {}, routes: [], policies, experiment: null, ...more,
    },
  });
  const ids = (): Record<string, string> =>
    Object.fromEntries(
      lifecycle.reports().flatMap(({ state, policy: name, id }) => (state === 'active' ? [[name, id]] : [])),
    );
  const begin = (prepared: Prepared): Promise<void> => clock.runUntil(applied.begin(prepared, forever));
  /** Everything is put back, and the journal has nothing open. */
  const proveClean = (): void => {
    assert.ok(world.calm());
    assert.deepEqual([lifecycle.open(), [...open]], [[], []]);
  };
  return { ...room, applied, begin, open, spoilOne, spoilTwo, policy, file, ids, one, two, proveClean };
}
const route = (name: string, port: number): Route => ({
  name, protocol: 'http', listen: `127.0.0.1:${port}`, upstream: '127.0.0.1:9',
});

test('what is unchanged keeps its fault; the rest is removed, replaced and added with the time that remains', async () => {
  using s = scene();
  await s.begin(s.file([s.spoilOne, s.spoilTwo]));
  const before = s.ids();
  assert.deepEqual(Object.keys(before), ['spoil-one', 'spoil-two']);

  await s.clock.advance(20_000);
  const changed = await s.clock.runUntil(s.applied.reload(s.file([s.spoilOne, { ...s.spoilTwo, hash: 3 }])));
  const counts = { added: 0, changed: 1, removed: 0, unchanged: 1, routesOpened: 0, routesClosed: 0 };
  assert.deepEqual(changed, { change: counts, issues: [] });
  assert.equal(s.ids()['spoil-one'], before['spoil-one']);
  assert.notEqual(s.ids()['spoil-two'], before['spoil-two']);
  assert.deepEqual(s.injector.calls, ['inject one', 'inject two', 'revert two', 'inject two']);

  const removed = await s.clock.runUntil(s.applied.reload(s.file([s.spoilOne])));
  assert.deepEqual(removed?.change, { ...counts, changed: 0, removed: 1 });
  const added = await s.clock.runUntil(s.applied.reload(s.file([s.spoilTwo, s.spoilOne])));
  assert.deepEqual(added?.change, { ...counts, changed: 0, added: 1 });
  assert.equal(s.ids()['spoil-one'], before['spoil-one']);

  const begun = s.clock.now();
  const released = await s.clock.runUntil(s.applied.released);
  assert.ok(begun < TTL && s.clock.now() >= TTL && s.clock.now() < TTL + 2_000, 'no fault outlives the time');
  assert.equal(released.why, 'hold-over');
  assert.deepEqual(released.faults.map(({ policy }) => policy), ['spoil-one', 'spoil-two', 'spoil-two', 'spoil-two']);
  assert.ok(released.reverted);
  s.proveClean();
});

test('a changed seed or list of what is protected changes every policy it governs', async () => {
  using s = scene();
  await s.begin(s.file([s.spoilOne]));
  const before = s.ids();
  await s.clock.runUntil(s.applied.reload(s.file([s.spoilOne], { seed: 2 })));
  assert.notEqual(s.ids()['spoil-one'], before['spoil-one']);
  await s.clock.runUntil(s.applied.end('enough'));
  s.proveClean();
});

test('when one cannot be injected at the beginning, none is, and the routes are closed', async () => {
  let count = 0;
  using s = scene({ onInject: () => (++count === 2 ? Promise.reject(new Error('no room')) : undefined) });
  await assert.rejects(s.begin(s.file([s.spoilOne, s.spoilTwo], { routes: [route('a', 1)] })), /no room/);
  const released = await s.applied.released;
  assert.ok(released.reverted);
  s.proveClean();
});

test('what this machine cannot do is refused before the first is injected', async () => {
  using s = scene({ unavailable: 'no disk' });
  await assert.rejects(s.begin(s.file([s.spoilOne, s.spoilTwo])), hasCode('fault-unavailable'));
  assert.deepEqual(s.injector.calls, []);
});

test('a caller who changes his mind during the warm-up gets his own reason back, and nothing is injected', async () => {
  using s = scene();
  const caller = new AbortController();
  const begun = s.applied.begin(s.file([s.spoilOne], { warmupDuration: millis(9_000), routes: [route('a', 1)] }), caller.signal);
  await s.clock.advance(1_000);
  caller.abort(new Error('never mind'));
  await assert.rejects(begun, /never mind/);
  assert.deepEqual(s.injector.calls, []);
  s.proveClean();
});

test('a reload that cannot be planned changes nothing, and opens no route', async () => {
  const troubles: Troubles = {};
  using s = scene(troubles);
  await s.begin(s.file([s.spoilOne], { routes: [route('a', 1)] }));
  const before = s.ids();
  troubles.planThrows = new Error('protected');
  const next = s.file([s.spoilTwo], { routes: [route('b', 2)] });
  await assert.rejects(s.applied.reload(next), /protected/);
  await assert.rejects(s.applied.reload(s.file([s.spoilOne], { routes: [route('a', 3)] })), hasCode('route-differs'));
  assert.deepEqual([s.ids(), [...s.open]], [before, ['a']]);
  await s.clock.runUntil(s.applied.end('enough'));
  s.proveClean();
});

test('what a reload could not inject concerns that policy alone, is told with its place and tried with the next', async () => {
  const troubles: Troubles = {};
  using s = scene(troubles);
  await s.begin(s.file([s.spoilOne]));
  const before = s.ids();
  troubles.injectHalfWay = true;
  const both = s.file([s.spoilOne, s.spoilTwo]);
  const half = await s.clock.runUntil(s.applied.reload(both));
  assert.deepEqual(half?.issues.map(({ line, column, path }) => [line, column, path]), [[7, 5, 'spoil-two']]);
  assert.deepEqual([half?.change.added, half?.change.unchanged, s.ids()], [0, 1, before]);
  troubles.injectHalfWay = false;
  const whole = await s.clock.runUntil(s.applied.reload(both));
  assert.deepEqual([whole?.change.added, whole?.issues], [1, []]);
  await s.clock.runUntil(s.applied.end('enough'));
  s.proveClean();
});

test('nothing takes the place of what is not proven reverted; the end tries it again', async () => {
  const troubles: Troubles = {};
  using s = scene(troubles);
  await s.begin(s.file([s.spoilOne]));
  troubles.revertFails = Infinity;
  const reloaded = await s.clock.runUntil(s.applied.reload(s.file([{ ...s.spoilOne, hash: 9 }])));
  assert.match(reloaded?.issues[0]?.message ?? '', /not proven reverted/);
  assert.deepEqual([reloaded?.change.changed, reloaded?.change.removed, s.ids()], [0, 1, {}]);
  troubles.revertFails = 0;
  const released = await s.clock.runUntil(s.applied.end('enough'));
  assert.equal(released.faults.length, 1);
  assert.ok(released.reverted);
  s.proveClean();
});

test('a route of the file comes and goes with it, but stays while a fault that was injected on it is held', async () => {
  using s = scene();
  const wire = { ...s.policy('all-http', s.one), type: 'folder' };
  const folderRoute = (name: string): Route => ({ ...route(name, 1), protocol: 'folder' as Route['protocol'], listen: name });
  await s.begin(s.file([wire], { routes: [folderRoute('a'), folderRoute('b')] }));
  const added = await s.applied.reload(s.file([wire], { routes: [folderRoute('a'), folderRoute('b'), route('c', 3)] }));
  assert.deepEqual([added?.change.routesOpened, [...s.open]], [1, ['a', 'b', 'c']]);
  const fewer = await s.applied.reload(s.file([wire], { routes: [folderRoute('a')] }));
  assert.deepEqual([fewer?.change.routesClosed, [...s.open]], [1, ['a', 'b']], 'b is used');
  const replaced = await s.clock.runUntil(s.applied.reload(s.file([{ ...wire, hash: 2 }], { routes: [folderRoute('a')] })));
  assert.deepEqual([replaced?.change.routesClosed, [...s.open]], [1, ['a']]);
  await s.clock.runUntil(s.applied.end('enough'));
  s.proveClean();
});

test('HALT ends it even while nothing is in force, and nothing is started afterwards', async () => {
  using s = scene();
  await s.begin(s.file([s.spoilOne]));
  await s.clock.runUntil(s.applied.reload(s.file([])));
  await s.clock.runUntil(s.lifecycle.halt('the test'));
  assert.equal((await s.clock.runUntil(s.applied.released)).why, 'halted');
  assert.equal(await s.applied.reload(s.file([s.spoilTwo])), undefined);
  assert.ok(s.lifecycle.halted, 'no start has lifted it');
  assert.deepEqual(s.injector.calls, ['inject one', 'revert one']);
  s.proveClean();
});

test('HALT ends it before a fault of somebody else has been put back', async () => {
  const gate = Promise.withResolvers<void>();
  using s = scene({ revertWaits: gate.promise });
  await s.begin(s.file([]));
  const [, other] = await s.plan();
  assert.ok(other !== undefined);
  await s.lifecycle.start([other], TTL, forever);
  const halting = s.lifecycle.halt('the test');
  assert.equal(s.applied.ended, true);
  gate.resolve();
  await s.clock.runUntil(halting);
  assert.equal((await s.clock.runUntil(s.applied.released)).why, 'halted');
  s.proveClean();
});

for (const [what, end] of [
  ['an abort', (s: ReturnType<typeof scene>) => s.applied.end('the test')],
  ['HALT', (s: ReturnType<typeof scene>) => s.lifecycle.halt('the test')],
  ['a lost lease', (s: ReturnType<typeof scene>) => s.lifecycle.leaseLost('the test')],
] as const) {
  test(`${what} in the middle of a reload waits for it, puts back what it began, and begins no more`, async () => {
    const gate = Promise.withResolvers<void>();
    const troubles: Troubles = {};
    using s = scene(troubles);
    await s.begin(s.file([s.spoilOne]));
    troubles.injectWaits = gate.promise;
    const third = { ...s.policy('spoil-one', s.one), hash: 5 };
    const reloading = s.applied.reload(s.file([s.spoilTwo, third]));
    while (!s.injector.calls.includes('inject two')) await s.clock.advance(50);
    const ended = end(s);
    await s.clock.advance(100);
    gate.resolve();
    const released = await s.clock.runUntil(s.applied.released);
    await s.clock.runUntil(Promise.resolve(ended));
    assert.equal(await reloading, undefined);
    assert.deepEqual(s.injector.calls.filter((call) => call.startsWith('inject')), ['inject one', 'inject two']);
    assert.ok(released.reverted);
    s.proveClean();
  });
}

test('a fault stopped by hand ends alone, stays ended through a reload, and begins anew when its policy is changed', async () => {
  using s = scene();
  await s.begin(s.file([s.spoilOne, s.spoilTwo]));
  const { 'spoil-one': id = '', 'spoil-two': other } = s.ids();
  assert.equal(await s.clock.runUntil(s.lifecycle.stopFault(id, 'too loud')), true);
  await s.clock.advance(100);
  assert.equal(s.applied.ended, false);
  assert.deepEqual(s.ids(), { 'spoil-two': other });
  await s.clock.runUntil(s.applied.reload(s.file([s.spoilOne, s.spoilTwo])));
  assert.deepEqual(s.ids(), { 'spoil-two': other });
  await s.clock.runUntil(s.applied.reload(s.file([{ ...s.spoilOne, hash: 9 }, s.spoilTwo])));
  assert.deepEqual(Object.keys(s.ids()).sort(), ['spoil-one', 'spoil-two']);
  await s.clock.runUntil(s.applied.end('done'));
  s.proveClean();
});

test('with its last fault stopped by hand an apply is over; one that follows a file goes on', async () => {
  for (const watched of [false, true]) {
    using s = scene();
    await s.begin(s.file([s.spoilOne, s.spoilTwo], { routes: [route('shop', 1)] }));
    if (watched) await s.applied.follow(async () => ({ [Symbol.asyncDispose]: async () => {} }));
    for (const id of Object.values(s.ids())) await s.clock.runUntil(s.lifecycle.stopFault(id, 'seen enough'));
    await s.clock.advance(100);
    assert.equal(s.applied.ended, !watched);
    if (watched) await s.clock.runUntil(s.applied.end('done'));
    const { why, faults, reverted } = await s.clock.runUntil(s.applied.released);
    assert.deepEqual([why, reverted], [watched ? 'done' : 'every fault was stopped by hand', true]);
    assert.deepEqual(faults.map(({ note }) => note), ['stopped by hand: seen enough', 'stopped by hand: seen enough']);
    s.proveClean();
  }
});
