import assert from 'node:assert/strict';
import { existsSync, rmSync, statSync } from 'node:fs';
import { type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { millis } from '../kernel/brands.ts';
import { VirtualClock } from '../kernel/clock.ts';
import { type Injector } from '../kernel/fault.ts';
import { type ProcessMark } from '../store/journal-record.ts';
import { watchdogAddress } from './addresses.ts';
import { type Bypass } from './bypass.ts';
import { rescueTools } from './halt.ts';
import { dial, fromWatchdog, type FromWatchdog, hear, MAX_LINE, type RouteMark, say } from './messages.ts';
import {
  fakeIdentity,
  folderFacts,
  folderInjector,
  folderLifecycle,
  folders,
  forever,
  requestFor,
  temporary,
  type Troubles,
} from './test-parts.ts';
import { runWatchdog, type WatchdogOptions } from './watchdog.ts';

const ENGINE: ProcessMark = { pid: 4_000_100, started: 'the engine' };
const ROUTE: RouteMark = { name: 'shop', listen: '127.0.0.1:1', upstream: '127.0.0.1:2' };

/** A watchdog in virtual time, and an engine of another pid that holds a fault on two folders. */
async function room(troubles: Troubles = {}, options: Partial<WatchdogOptions> = {}, layer: 'host' | 'wire' = 'host') {
  const stack = new AsyncDisposableStack();
  const dir = stack.use(temporary());
  const world = folders(dir.path, ['one', 'two']);
  const stateDir = join(dir.path, 'state');
  const clock = new VirtualClock();
  let alive = true;
  const isAlive = (mark: ProcessMark): boolean => mark.pid !== ENGINE.pid || alive;
  const engine = folderLifecycle(
    stateDir,
    {},
    {
      clock,
      identity: { self: ENGINE, alive: isAlive },
      facts: { folder: { ...folderFacts, layer } },
    },
  );
  stack.use(engine.journal);
  const log: string[] = [];
  const injector = folderInjector(troubles) as Injector;
  const tools = rescueTools({
    stateDir,
    journal: engine.journal,
    clock,
    identity: fakeIdentity(process.pid, isAlive),
    injectors: { folder: injector },
  });
  const watchdog = await runWatchdog({ ...tools, ...options, log: (text) => log.push(text) });
  assert.ok(watchdog !== undefined);
  const dispose = async (): Promise<void> => clock.runUntil(Promise.resolve(watchdog[Symbol.asyncDispose]()));
  stack.defer(dispose);
  const heard: FromWatchdog[] = [];
  const call = async (): Promise<Socket> => {
    const socket = await dial(watchdogAddress(stateDir));
    stack.defer(() => void socket.destroy());
    hear(socket, fromWatchdog, (message) => heard.push(message));
    return socket;
  };
  const hello = async (): Promise<Socket> => {
    const socket = await call();
    say(socket, { kind: 'hello', owner: ENGINE, routes: [ROUTE] });
    await eventually(() => heard.some(({ kind }) => kind === 'ready'));
    return socket;
  };
  const inject = async () =>
    engine.lifecycle.start(
      await engine.lifecycle.plan(
        world.paths.map((path) => requestFor(path)),
        forever,
      ),
      millis(3_600_000),
      forever,
    );
  const clean = (): boolean => world.calm() && engine.journal.open().length === 0;
  const die = (socket: Socket): void => {
    alive = false;
    socket.destroy();
  };
  return {
    stateDir,
    clock,
    engine,
    world,
    log,
    tools,
    watchdog,
    heard,
    call,
    hello,
    inject,
    clean,
    die,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Lets real sockets deliver; virtual time stands still meanwhile. */
async function eventually(condition: () => boolean): Promise<void> {
  for (const end = performance.now() + 60_000; !condition(); await new Promise((resolve) => setImmediate(resolve))) {
    assert.ok(performance.now() < end, 'not within a minute');
  }
}

test('who renews keeps what it holds; who falls silent loses it after 10 s and is told so', async () => {
  await using at = await room();
  const socket = await at.hello();
  await at.inject();
  for (let second = 0; second < 20; second++) {
    say(socket, { kind: 'beat', routes: [] });
    await eventually(() => at.heard.filter(({ kind }) => kind === 'ack').length === second + 1);
    await at.clock.advance(1_000);
  }
  assert.equal(at.world.calm(), false);
  await at.clock.advance(8_000);
  assert.equal(at.world.calm(), false, 'nine seconds of silence are no reason');
  await at.clock.advance(2_000);
  await at.clock.runUntil(eventually(at.clean));
  say(socket, { kind: 'beat', routes: [] });
  await eventually(() => at.heard.some(({ kind }) => kind === 'lease-lost'));
});

test('an engine that forgets when a fault was to end loses it half a minute later, and is told so', async () => {
  await using at = await room();
  const socket = await at.hello();
  await at.inject();
  for (const { seq: _seq, at: _at, ...draft } of at.engine.journal.open()) at.engine.journal.append({ ...draft, hold: 20_000 });
  for (let second = 0; second < 60; second++) {
    const told = at.heard.length;
    say(socket, { kind: 'beat', routes: [] });
    await eventually(() => at.heard.slice(told).some(({ kind }) => kind === 'ack'));
    await at.clock.advance(1_000);
    if (second === 48) assert.equal(at.world.calm(), false, 'it still has a second');
  }
  await at.clock.runUntil(eventually(at.clean));
  assert.ok(at.heard.some(({ kind }) => kind === 'lease-lost'));
  assert.match(at.log.join('\n'), /its time was over 30 s ago/);
});

test('what an engine has reverted and could not prove undone costs it nothing else, however long it stays open', async () => {
  await using at = await room();
  const socket = await at.hello();
  await at.inject();
  for (const { seq: _seq, at: _at, ...draft } of at.engine.journal.open())
    at.engine.journal.append({ ...draft, step: 'reverting', hold: 20_000, note: 'the disk is away' });
  for (let second = 0; second < 60; second++) {
    say(socket, { kind: 'beat', routes: [] });
    await eventually(() => at.heard.filter(({ kind }) => kind === 'ack').length === second + 1);
    await at.clock.advance(1_000);
  }
  assert.ok(!at.heard.some(({ kind }) => kind === 'lease-lost'), at.log.join('\n'));
  assert.equal(at.engine.journal.open().length, 2, 'it is the business of the engine, and of the next start');
});

test('an engine that dies loses what it holds at once, and its routes are taken over', async () => {
  const opened: string[] = [];
  const openBypass = async (route: RouteMark): Promise<Bypass> => {
    opened.push(route.listen);
    return { route, connections: 0, refusedSince: null, [Symbol.asyncDispose]: async () => void opened.pop() };
  };
  await using at = await room({}, { openBypass });
  const socket = await at.hello();
  await at.inject();
  at.die(socket);
  await at.clock.runUntil(eventually(at.clean));
  assert.ok(at.clock.now() < 2_000, `${at.clock.now()} ms`);
  assert.deepEqual(opened, [ROUTE.listen]);
  await at.clock.advance(60_000);
  assert.ok(existsSync(watchdogAddress(at.stateDir)), 'it stays while it stands in');
  // A new engine asks for the address.
  say(await at.call(), { kind: 'release', listen: [ROUTE.listen] });
  await eventually(() => at.heard.some(({ kind }) => kind === 'released'));
  assert.deepEqual(opened, []);
});

test('a bypass ends when its upstream has refused for 30 s and nobody is connected', async () => {
  const state = { connections: 1, refusedSince: null as number | null, closed: false };
  const openBypass = async (route: RouteMark): Promise<Bypass> => ({
    route,
    get connections() {
      return state.connections;
    },
    get refusedSince() {
      return state.refusedSince;
    },
    [Symbol.asyncDispose]: async () => void (state.closed = true),
  });
  await using at = await room({}, { openBypass });
  at.die(await at.hello());
  await at.clock.advance(2_000);
  state.refusedSince = at.clock.now();
  await at.clock.advance(60_000);
  assert.equal(state.closed, false, 'somebody is still connected');
  state.connections = 0;
  await at.clock.advance(1_000);
  assert.equal(state.closed, true);
  await at.clock.advance(6_000);
  await at.watchdog.ended;
});

test('an orderly goodbye leaves routes and records alone; with nothing left to watch it ends', async () => {
  await using at = await room();
  const socket = await at.hello();
  say(socket, { kind: 'bye' });
  await new Promise((resolve) => socket.once('close', resolve));
  await at.clock.advance(4_000);
  assert.ok(existsSync(watchdogAddress(at.stateDir)));
  await at.clock.advance(3_000);
  await at.watchdog.ended;
  assert.ok(!at.log.some((line) => line.includes('standing in')));
});

for (const held of [true, false]) {
  test(`a state directory that is deleted ${held ? 'with a fault held' : 'when nothing is held'} is let go of`, async () => {
    const opened: string[] = [];
    const openBypass = async (route: RouteMark): Promise<Bypass> => {
      opened.push(route.listen);
      return { route, connections: 0, refusedSince: null, [Symbol.asyncDispose]: async () => void opened.pop() };
    };
    await using at = await room({}, { openBypass });
    const socket = await at.hello();
    if (held) await at.inject();
    rmSync(at.stateDir, { recursive: true });
    await at.clock.advance(2_000);
    assert.ok(!at.log.some((line) => line.startsWith('ending')), 'an engine is alive');
    at.die(socket);
    await at.clock.runUntil(at.watchdog.ended);
    assert.deepEqual([at.clean(), opened], [true, []]);
    assert.ok(at.log.includes('ending: the state directory was deleted'));
    assert.equal(existsSync(at.stateDir), held, 'made again only to save an open record');
  });
}

test('what fails to revert is tried again, ever more rarely, and then left to the next start', async () => {
  await using at = await room({ revertFails: 10_000 });
  const socket = await at.hello();
  await at.inject();
  at.die(socket);
  await at.clock.advance(120_000);
  assert.equal(at.log.filter((line) => line.startsWith('one on folder one: unconfirmed: the disk is away')).length, 5);
  assert.equal(at.engine.journal.open().length, 2, 'it stays open');
  await at.watchdog.ended;
});

test('a wire fault of a live, silent engine is never called reverted', async () => {
  await using at = await room({}, {}, 'wire');
  await at.hello();
  await at.inject();
  await at.clock.advance(12_000);
  assert.deepEqual([at.engine.journal.open().length, at.world.calm()], [2, false]);
});

test("one watchdog a state directory; its socket is its owner's alone; whoever talks nonsense is cut off", async () => {
  await using at = await room();
  assert.equal(await runWatchdog(at.tools), undefined);
  assert.equal(statSync(watchdogAddress(at.stateDir)).mode & 0o777, 0o600);
  for (const nonsense of [
    'hello\n',
    '{"kind":"reboot"}\n',
    '{"kind":"hello","owner":{"pid":-1,"started":""},"routes":[]}\n',
    'x'.repeat(MAX_LINE + 10),
  ]) {
    const socket = await at.call();
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(nonsense);
    await closed;
  }
  const socket = await at.hello();
  assert.ok(!socket.destroyed, 'and it serves on');
});
