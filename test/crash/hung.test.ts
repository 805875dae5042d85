import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { realClock } from '../../engine/kernel/clock.ts';
import { folders, temporary } from '../../engine/lifecycle/test-parts.ts';
import { openJournal } from '../../engine/store/journal.ts';
import { BUSY_MACHINE, type Child, eventually, logOf, NOTHING_LEFT, startChild } from './harness.ts';

interface Scene extends AsyncDisposable {
  readonly stateDir: string;
  readonly engine: Child;
  /** A blocked engine goes on when this file is there. */
  readonly unblock: string;
  calm(): boolean;
  clean(): boolean;
}

/** An engine that holds faults on two folders. */
async function scene(): Promise<Scene> {
  const stack = new AsyncDisposableStack();
  const dir = stack.use(temporary());
  const world = folders(dir.path, ['one', 'two']);
  const stateDir = join(dir.path, 'state');
  const engine = stack.use(startChild('./folder-engine.ts', [stateDir, 'none', ...world.paths]));
  await engine.hears('bitten');
  assert.equal(world.calm(), false);
  const journal = stack.adopt(openJournal(stateDir, realClock), (own) => own[Symbol.dispose]());
  return {
    stateDir,
    engine,
    unblock: join(dir.path, 'unblock'),
    calm: world.calm,
    clean: () => world.calm() && journal.open().length === 0,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

test("HALT from a second process while the engine's loop is blocked", { timeout: 240_000 }, async () => {
  await using at = await scene();
  await using second = startChild('./halt-child.ts', [at.stateDir, 'when-asked']);
  await second.hears('ready');
  at.engine.write(`block ${at.unblock}`);
  await at.engine.hears('blocking');
  second.write('halt');
  const result = await second.hears('halted');
  assert.equal(at.clean(), true);
  assert.ok(
    !at.engine.said.some(({ what }) => what === 'unblocked'),
    'the engine was still blocked when all was clean',
  );
  assert.deepEqual(result['engines'], [at.engine.pid]);
  assert.equal(result['by'], 'watchdog');
  assert.deepEqual(
    (result['faults'] as { outcome: string }[]).map(({ outcome }) => outcome),
    ['reverted', 'reverted'],
  );
  writeFileSync(at.unblock, '');
  // Unblocked, the engine learns what happened and ends its set.
  assert.equal((await at.engine.hears('ended'))['reason'], 'halted');
  await eventually('it is still clean', at.clean, NOTHING_LEFT);
});

test('the watchdog reverts what a blocked engine holds, and the engine learns of it', { timeout: 240_000 }, async () => {
  await using at = await scene();
  at.engine.write(`block ${at.unblock}`);
  await at.engine.hears('blocking');
  await eventually('everything is reverted', at.clean, NOTHING_LEFT, () => logOf(at.stateDir));
  assert.ok(
    !at.engine.said.some(({ what }) => what === 'unblocked'),
    'the engine was still blocked when all was clean',
  );
  writeFileSync(at.unblock, '');
  assert.equal((await at.engine.hears('ended'))['reason'], 'lease-lost');
  await eventually('it is still clean', at.clean, NOTHING_LEFT);
});

test('the watchdog reverts what a stopped engine (SIGSTOP) holds', { timeout: 240_000 }, async () => {
  await using at = await scene();
  process.kill(at.engine.pid, 'SIGSTOP');
  await eventually('everything is reverted', at.clean, NOTHING_LEFT, () => logOf(at.stateDir));
  process.kill(at.engine.pid, 'SIGCONT');
  assert.equal((await at.engine.hears('ended'))['reason'], 'lease-lost');
  await eventually('it is still clean', at.clean, NOTHING_LEFT);
});

test('HALT when the engine and the watchdog are dead', { timeout: 240_000 }, async () => {
  await using at = await scene();
  const watchdog = Number(at.engine.said.find(({ what }) => what === 'watchdog')?.['pid']);
  process.kill(watchdog, 'SIGKILL');
  await at.engine.kill();
  assert.equal(at.clean(), false);
  await using second = startChild('./halt-child.ts', [at.stateDir]);
  const result = await second.hears('halted');
  assert.equal(result['by'], 'this process');
  assert.equal(at.clean(), true);
});

test('a watchdog that is killed is replaced, and the new one keeps the promise', { timeout: 240_000 }, async () => {
  await using at = await scene();
  const first = Number(at.engine.said.find(({ what }) => what === 'watchdog')?.['pid']);
  process.kill(first, 'SIGKILL');
  const second = (): number => Number(at.engine.said.findLast(({ what }) => what === 'watchdog')?.['pid']);
  await eventually('another was started', () => second() !== first, BUSY_MACHINE);
  await eventually(
    'it knows the engine',
    () => existsSync(join(at.stateDir, 'watchdog.sock')) && logOf(at.stateDir).includes(`[${second()}] watching`),
    BUSY_MACHINE,
  );
  await at.engine.kill();
  await eventually('everything is reverted', at.clean, NOTHING_LEFT, () => logOf(at.stateDir));
});
