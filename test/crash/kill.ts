import assert from 'node:assert/strict';
import { join } from 'node:path';
import { realClock } from '../../engine/kernel/clock.ts';
import { type Boundary } from '../../engine/lifecycle/models.ts';
import { temporary } from '../../engine/lifecycle/test-parts.ts';
import { openJournal } from '../../engine/store/journal.ts';
import { BUSY_MACHINE, eventually, firebreak, logOf, NOTHING_LEFT, reaching, startChild } from './harness.ts';
import { type Scene } from './scenes.ts';

/** Where the fault is in the world, so that the check must fail before the kill. */
export const IN_THE_WORLD: readonly Boundary[] = ['injected', 'applied', 'bitten', 'ending', 'reverting'];

/**
 * An engine is killed with -9 as it stands at a boundary; everything must be as before, by itself.
 * @returns the milliseconds that it took.
 */
export const killEngine = (makeScene: () => Promise<Scene>, boundary: Boundary): Promise<number> => reaching((reached) => killAt(makeScene, boundary, reached));

async function killAt(makeScene: () => Promise<Scene>, boundary: Boundary, reached: () => void): Promise<number> {
  using dir = temporary();
  await using scene = await makeScene();
  const stateDir = join(dir.path, 'state');
  await using engine = startChild('./engine-child.ts', [stateDir, boundary, scene.text], { ...process.env as Record<string, string>, ...scene.env });
  await engine.hears('boundary');
  using journal = openJournal(stateDir, realClock);
  scene.note(journal);
  // A signal that was sent has not always arrived yet.
  if (IN_THE_WORLD.includes(boundary) && scene.passing !== true) await eventually('the fault is in the world', scene.visible, BUSY_MACHINE);
  reached();
  await engine.kill();
  const clean = async (): Promise<boolean> => journal.open().length === 0 && (await scene.intact()) && (scene.passing === true || !(await scene.visible()));
  const took = await eventually('nothing is left', clean, NOTHING_LEFT, () => logOf(stateDir));
  assert.deepEqual(JSON.parse(await firebreak('recover', '--json', '--state-dir', stateDir)), []);
  assert.equal(await scene.intact(), true, 'recovery itself breaks nothing');
  return took;
}
