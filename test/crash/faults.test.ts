import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { realClock } from '../../engine/kernel/clock.ts';
import { type Boundary, BOUNDARIES } from '../../engine/lifecycle/models.ts';
import { temporary } from '../../engine/lifecycle/test-parts.ts';
import { openJournal } from '../../engine/store/journal.ts';
import { OFTEN, SCENES, SKIP } from './all-scenes.ts';
import { CONTAINER_SCENES } from './container-scenes.ts';
import { DATABASE_SCENES } from './database-scenes.ts';
import { eventually, firebreak, logOf, NOTHING_LEFT, startChild } from './harness.ts';
import { killEngine } from './kill.ts';
import { httpScene } from './scenes.ts';
import { endShared } from './shared.ts';

/** What differs from fault to fault; the others are the lifecycle's own. `npm run residue` goes through all of them. */
const TELLING: readonly Boundary[] = ['journaled', 'injected', 'bitten', 'reverting', 'undone'];
const THROUGHOUT = ['http', 'resource', 'process', 'frozen process'];
/** They have tests of their own. */
const ELSEWHERE = [...Object.keys(CONTAINER_SCENES), ...Object.keys(DATABASE_SCENES)];
const boundariesOf = (fault: string): readonly Boundary[] => (THROUGHOUT.includes(fault) ? BOUNDARIES : Object.hasOwn(OFTEN, fault) ? TELLING : ['bitten']);

after(endShared);
for (const [type, makeScene] of Object.entries(SCENES).filter(([fault]) => !ELSEWHERE.includes(fault))) {
  for (const boundary of boundariesOf(type)) {
    test(`${type}: the engine killed with -9 when "${boundary}" leaves nothing behind`, { timeout: 240_000, skip: SKIP[type] ?? false }, async (t) => {
      t.diagnostic(`nothing was left after ${Math.round(await killEngine(makeScene, boundary))} ms`);
    });
  }
}

test('recover --close-routes ends what the watchdog does in the place of a dead engine', { timeout: 240_000 }, async () => {
  using dir = temporary();
  await using scene = await httpScene();
  const stateDir = join(dir.path, 'state');
  await using engine = startChild('./engine-child.ts', [stateDir, 'bitten', scene.text]);
  await engine.hears('boundary');
  using journal = openJournal(stateDir, realClock);
  scene.note(journal);
  await engine.kill();
  await eventually('traffic passes', scene.intact, NOTHING_LEFT, () => logOf(stateDir));
  await firebreak('recover', '--close-routes', '--state-dir', stateDir);
  assert.equal(await scene.intact(), false, 'nobody listens any more');
});
