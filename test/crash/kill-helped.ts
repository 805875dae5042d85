import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { realClock } from '../../engine/kernel/clock.ts';
import { type Boundary, BOUNDARIES } from '../../engine/lifecycle/models.ts';
import { temporary } from '../../engine/lifecycle/test-parts.ts';
import { openJournal } from '../../engine/store/journal.ts';
import { REAL, Running } from '../cli/process.ts';
import { BUSY_MACHINE, eventually, logOf, NOTHING_LEFT, reaching, startChild } from './harness.ts';
import { IN_THE_WORLD } from './kill.ts';
import { type Scene } from './scenes.ts';

/** What needs root is done by a helper, and it, its engine or both are killed: as the engine stands at a boundary, or as the helper does. */

export const DYING = ['engine', 'helper', 'both'] as const;
export type Dying = (typeof DYING)[number];
/** The life of a fault as the helper sees it: the guards of the engine are none of its business. */
export const OF_HELPER: readonly Boundary[] = BOUNDARIES.filter((name) => name !== 'guarded');
/** It ends nothing by itself, so these come when its engine asks for them. */
const ASKED_FOR: readonly Boundary[] = ['ending', 'reverting', 'undone', 'closed'];

export interface Helped extends AsyncDisposable {
  readonly helper: Running;
  readonly helperState: string;
  readonly env: Readonly<Record<string, string>>;
}

const placeOf = (path: string) => ({ FIREBREAK_HELPER: join(path, 'helper.sock'), FIREBREAK_HELPER_STATE: join(path, 'helper') });
const SELF = process.getuid?.() ?? 0;

/** Where the engine of a user lives, and what it finds in its environment. */
function homeOf({ user = SELF, env }: Pick<Scene, 'user' | 'env'>, path: string) {
  const [home, stateDir] = [join(path, 'home'), join(path, 'state')];
  chmodSync(path, 0o711);
  for (const folder of [home, stateDir]) {
    mkdirSync(folder, { mode: 0o700 });
    chownSync(folder, user, -1);
  }
  const through = user === SELF ? [] : ['setpriv', '--reuid', String(user), '--regid', String(user), '--clear-groups'];
  return { user, stateDir, through, env: { ...placeOf(path), ...env, HOME: home } };
}

/** A helper of a user, which its engines find by their environment. */
export async function helped(path: string, user = SELF): Promise<Helped> {
  const env = placeOf(path);
  const helper = new Running(REAL, ['helper', '--uid', String(user)], env);
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
/** Where the check must fail before the kill. */
const inTheWorld = async (scene: Scene, when: Boundary): Promise<void> => {
  if (IN_THE_WORLD.includes(when) && scene.passing !== true) await eventually('the fault is in the world', scene.visible, BUSY_MACHINE);
};
/** What the engine's journal still wonders about is settled as soon as there is a helper to ask. */
async function settled(path: string, { user, stateDir, through, env }: ReturnType<typeof homeOf>, logs: () => string): Promise<void> {
  await using again = await helped(path, user);
  const [program = '', ...args] = [...through, process.execPath, '--disable-warning=ExperimentalWarning', REAL, 'recover', '--json', '--state-dir', stateDir];
  const { stdout } = await promisify(execFile)(program, args, { env: { ...process.env, ...env }, timeout: BUSY_MACHINE });
  assert.equal(stdout, '[]\n', logs() + again.helper.out);
}

/** Kills with -9 as the engine stands at a boundary; everything must be as before, by itself. */
export const killBesideHelper = (makeScene: () => Promise<Scene>, when: Boundary, dying: Dying): Promise<void> =>
  reaching(async (reached) => {
    using dir = temporary();
    await using scene = await makeScene();
    const home = homeOf(scene, dir.path);
    const { stateDir } = home;
    await using stage = await helped(dir.path, home.user);
    await using engine = startChild('./engine-child.ts', [stateDir, when, scene.text], home.env, home.through);
    await engine.hears('boundary');
    await inTheWorld(scene, when);
    reached();
    if (dying !== 'engine') stage.helper.child.kill('SIGKILL');
    if (dying !== 'helper') await engine.kill();
    if (dying !== 'engine') await stage.helper.code();
    const logs = (): string => logOf(stateDir) + logOf(stage.helperState);
    // The engine that stands still at a boundary is not dead: only then its own journal may still be open.
    const states = dying === 'engine' ? [stage.helperState, stateDir] : [stage.helperState];
    await eventually('nothing is left', nothingLeft(states, scene.intact), NOTHING_LEFT, logs);
    assert.equal(await scene.visible(), false);
    if (dying === 'both') await settled(dir.path, home, logs);
  });

/** The same as the helper itself stands at a boundary: it dies in the middle of what it was asked to do. */
export const killHelperAt = (makeScene: () => Promise<Scene>, when: Boundary, dying: Exclude<Dying, 'engine'>): Promise<void> =>
  reaching(async (reached) => {
    using dir = temporary();
    await using scene = await makeScene();
    const home = homeOf(scene, dir.path);
    const { stateDir, env } = home;
    await using helper = startChild('./helper-child.ts', [when, String(home.user)], env);
    await helper.hears('serving');
    await using engine = startChild('./engine-child.ts', [stateDir, ASKED_FOR.includes(when) ? 'abort' : 'none', scene.text], env, home.through);
    await helper.hears('boundary');
    await inTheWorld(scene, when);
    reached();
    await Promise.all([helper.kill(), ...(dying === 'both' ? [engine.kill()] : [])]);
    const logs = (): string => logOf(stateDir) + logOf(env.FIREBREAK_HELPER_STATE);
    await eventually('nothing is left', nothingLeft([env.FIREBREAK_HELPER_STATE], scene.intact), NOTHING_LEFT, logs);
    assert.equal(await scene.visible(), false);
    if (dying === 'both') await settled(dir.path, home, logs);
  });
