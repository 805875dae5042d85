import assert from 'node:assert/strict';
import { join } from 'node:path';
import { realClock } from '../../engine/kernel/clock.ts';
import { type Boundary } from '../../engine/lifecycle/models.ts';
import { temporary } from '../../engine/lifecycle/test-parts.ts';
import { openJournal } from '../../engine/store/journal.ts';
import { cli, REAL, Running } from '../cli/process.ts';
import { BUSY_MACHINE, eventually, logOf, NOTHING_LEFT, startChild } from './harness.ts';
import { type Scene } from './scenes.ts';

/** What needs root is done by a helper, and it, its engine or both are killed. */

export const DYING = ['engine', 'helper', 'both'] as const;
export const WHEN: readonly Boundary[] = ['planned', 'journaled', 'injected', 'bitten', 'reverting'];
const BEFORE: readonly Boundary[] = ['planned', 'journaled'];

export interface Helped extends AsyncDisposable {
  readonly helper: Running;
  readonly helperState: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A helper of this user, which its engines find by their environment. */
export async function helped(path: string): Promise<Helped> {
  const env = { FIREBREAK_HELPER: join(path, 'helper.sock'), FIREBREAK_HELPER_STATE: join(path, 'helper') };
  const helper = new Running(REAL, ['helper', '--uid', String(process.getuid?.() ?? 0)], env);
  await helper.says(/serving user/);
  return { helper, helperState: env.FIREBREAK_HELPER_STATE, env, [Symbol.asyncDispose]: () => helper[Symbol.asyncDispose]() };
}

/** No open record anywhere, and everything as it was. */
const nothingLeft = (states: readonly string[], intact: () => Promise<boolean>) => async (): Promise<boolean> => {
  for (const state of states) {
    using journal = openJournal(state, realClock);
    if (journal.open().length > 0) return false;
  }
  return intact();
};

/** Kills with -9 at a boundary; everything must be as before, by itself. */
export async function killBesideHelper(makeScene: () => Promise<Scene>, when: Boundary, dying: (typeof DYING)[number]): Promise<void> {
  using dir = temporary();
  await using scene = await makeScene();
  await using stage = await helped(dir.path);
  const stateDir = join(dir.path, 'state');
  await using engine = startChild('./engine-child.ts', [stateDir, when, scene.text], { ...stage.env, ...scene.env });
  await engine.hears('boundary');
  if (!BEFORE.includes(when)) await eventually('the fault is in the world', scene.visible, BUSY_MACHINE);
  if (dying !== 'engine') stage.helper.child.kill('SIGKILL');
  if (dying !== 'helper') await engine.kill();
  if (dying !== 'engine') await stage.helper.code();
  const logs = (): string => logOf(stateDir) + logOf(stage.helperState);
  // The engine that stands still at a boundary is not dead: only then its own journal may still be open.
  const states = dying === 'engine' ? [stage.helperState, stateDir] : [stage.helperState];
  await eventually('nothing is left', nothingLeft(when === 'planned' ? [] : states, scene.intact), NOTHING_LEFT, logs);
  assert.equal(await scene.visible(), false);
  if (dying !== 'both' || when === 'planned') return;
  // What the engine's journal still wonders about is settled as soon as there is a helper to ask.
  await using again = await helped(dir.path);
  const recovered = await cli(REAL, ['recover', '--json', '--state-dir', stateDir], again.env);
  assert.deepEqual([recovered.code, recovered.out], [0, '[]\n'], logs() + again.helper.out);
}
