import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { millis } from '../kernel/brands.ts';
import { realClock, VirtualClock } from '../kernel/clock.ts';
import { type Injector } from '../kernel/fault.ts';
import { openJournal } from '../store/journal.ts';
import { createBus } from '../telemetry/bus.ts';
import { sentinelAddress, watchdogAddress } from './addresses.ts';
import { haltEverywhere, rescueTools, silence } from './halt.ts';
import { hear, say, toWatchdog } from './messages.ts';
import { openLifecycle } from './open.ts';
import { startSentinel } from './sentinel.ts';
import {
  fakeIdentity,
  folderFacts,
  folderInjector,
  folderLifecycle,
  folders,
  forever,
  requestFor,
  temporary,
} from './test-parts.ts';

test('HALT never says of a wire that it is silent when nobody has said so', async () => {
  using dir = temporary();
  const world = folders(dir.path, ['one']);
  const stateDir = join(dir.path, 'state');
  const clock = new VirtualClock();
  const owner = { pid: 4_000_100, started: 'the engine' };
  const engine = folderLifecycle(
    stateDir,
    {},
    {
      clock,
      identity: { self: owner, alive: () => true },
      facts: { folder: { ...folderFacts, layer: 'wire' } },
    },
  );
  using journal = engine.journal;
  const planned = await engine.lifecycle.plan(
    world.paths.map((path) => requestFor(path)),
    forever,
  );
  await engine.lifecycle.start(planned, millis(60_000), forever);
  const injectors = { folder: folderInjector() as Injector };
  const tools = rescueTools({ stateDir, journal, clock, identity: fakeIdentity(process.pid, () => true), injectors });
  const { faults, engines } = await clock.runUntil(haltEverywhere(tools, 'a second terminal'));
  assert.deepEqual(engines, []);
  assert.deepEqual(
    faults.map(({ outcome }) => outcome),
    ['unconfirmed'],
  );
  assert.match(faults[0]?.note ?? '', /process 4000100, cannot be reached and may inject on: .* kill -9 4000100/);
});

for (const layer of ['wire', 'host'] as const) {
  test(`HALT names the ${layer} fault that its engine reverted before anybody had looked into the journal`, async () => {
    using dir = temporary();
    const world = folders(dir.path, ['before', 'meanwhile']);
    const stateDir = join(dir.path, 'state');
    const facts = { folder: { ...folderFacts, layer } };
    const { lifecycle, journal } = folderLifecycle(stateDir, {}, { facts });
    using _journal = journal;
    await using _lifecycle = lifecycle;
    const [before, meanwhile] = await Promise.all(
      world.paths.map(async (path) =>
        lifecycle.start(await lifecycle.plan([requestFor(path)], forever), millis(60_000), forever),
      ),
    );
    await before?.revert('its run was over');
    const ended = realClock.wall();
    while (realClock.wall() === ended) await realClock.sleep(1);

    const halted = Promise.withResolvers<void>();
    const heard = (): void => void lifecycle.halt('the sentinel').then(() => halted.resolve(), halted.reject);
    await using _sentinel = await startSentinel({ stateDir, control: new SharedArrayBuffer(4), heard });
    // A watchdog that comes to it only when the engine has done everything.
    const watchdog = createServer((socket) => {
      hear(socket, toWatchdog, () => {
        void halted.promise.then(() => say(socket, { kind: 'halted', tookMs: 0, faults: [] }));
      });
    });
    await using _watchdog = { [Symbol.asyncDispose]: () => new Promise<void>((done) => watchdog.close(() => done())) };
    await new Promise<void>((done) => watchdog.listen(watchdogAddress(stateDir), done));

    const injectors = { folder: folderInjector() as Injector };
    const identity = fakeIdentity(4_000_200, () => true);
    using elsewhere = openJournal(stateDir, realClock);
    const tools = rescueTools({ stateDir, journal: elsewhere, clock: realClock, identity, injectors });
    const { faults, engines, tookMs } = await haltEverywhere(tools, 'a second terminal');
    assert.equal(world.calm(), true);
    assert.deepEqual(engines, [process.pid]);
    assert.deepEqual(
      faults.map(({ id, outcome }) => [id, outcome]),
      [[meanwhile?.reports()[0]?.id, 'reverted']],
    );
    assert.ok(tookMs > 0);
  });
}

test('a sentinel ends without complaint when its directory is no longer there', async () => {
  using dir = temporary();
  const stateDir = join(dir.path, 'state');
  mkdirSync(stateDir);
  const sentinel = await startSentinel({ stateDir, control: new SharedArrayBuffer(4), heard: () => {} });
  rmSync(stateDir, { recursive: true });
  writeFileSync(stateDir, 'not a directory');
  await sentinel[Symbol.asyncDispose]();
});

test('a sentinel that stops by itself is told of; one that is closed is not', async () => {
  using dir = temporary();
  const stateDir = join(dir.path, 'state');
  const bus = createBus(realClock);
  const told = Promise.withResolvers<string>();
  bus.subscribe(({ body }) => body.kind === 'log' && body.level === 'error' && told.resolve(body.text));
  // No room for the HALT word: the thread breaks on the first message.
  const wire = { control: new SharedArrayBuffer(0), halted: false, halt: () => {}, resume: () => {} };
  const engine = await openLifecycle({
    stateDir,
    spawnWatchdog: () => assert.fail('nothing to watch'),
    wire,
    injectors: {},
    facts: {},
    bus,
    clock: realClock,
    identity: fakeIdentity(),
  });
  assert.deepEqual(engine.sentinel(), { alive: true, note: '' });
  const silenced = await silence({ clock: realClock }, 'a test', 'halted', [sentinelAddress(stateDir, process.pid)]);
  assert.deepEqual(silenced, [], 'it does not say that it has halted what it has not');
  assert.match(await told.promise, /the sentinel thread stopped: .*; HALT from elsewhere cannot reach this engine/);
  assert.equal(engine.sentinel()?.alive, false);
  assert.notEqual(engine.sentinel()?.note, '');
  await engine[Symbol.asyncDispose]();

  let deaths = 0;
  const options = { stateDir, control: new SharedArrayBuffer(4), heard: () => {}, died: () => void deaths++ };
  const closed = await startSentinel(options);
  await closed[Symbol.asyncDispose]();
  assert.equal(deaths, 0);
});

test('an observer listens nowhere: a disk that can only be read is enough for it', async () => {
  using dir = temporary();
  const stateDir = join(dir.path, 'state');
  const clock = new VirtualClock();
  const wire = { control: new SharedArrayBuffer(4), halted: false, halt: () => {}, resume: () => {} };
  const observer = await openLifecycle({
    stateDir,
    observer: true,
    spawnWatchdog: () => assert.fail('no watchdog for an observer'),
    wire,
    injectors: {},
    facts: {},
    bus: createBus(clock),
    clock,
    identity: fakeIdentity(process.pid, () => true),
  });
  assert.equal(existsSync(sentinelAddress(stateDir, process.pid)), false);
  assert.equal(observer.sentinel(), null);
  await observer[Symbol.asyncDispose]();
});
