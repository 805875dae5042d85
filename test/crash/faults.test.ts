import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { noStage } from '../../engine/faults/dns/test-stage.ts';
import { noWorld } from '../../engine/faults/network/test-world.ts';
import { noFaketime } from '../../engine/faults/time/test-clocked.ts';
import { realClock } from '../../engine/kernel/clock.ts';
import { type Boundary, BOUNDARIES } from '../../engine/lifecycle/models.ts';
import { temporary } from '../../engine/lifecycle/test-parts.ts';
import { openJournal } from '../../engine/store/journal.ts';
import { clockScene, nameScene } from './clock-and-name-scenes.ts';
import { BUSY_MACHINE, eventually, firebreak, logOf, NOTHING_LEFT, startChild } from './harness.ts';
import { callScene, connectScene, noKernel } from './kernel-scenes.ts';
import { filledScene, inodesScene, limitedScene, noDisk, noLimits, readOnlyScene, slowDiskScene } from './machine-scenes.ts';
import { packetScene } from './network-scenes.ts';
import { frozenScene, httpScene, noFreezer, processScene, resourceScene } from './scenes.ts';

const SCENES = {
  http: httpScene, resource: resourceScene, process: processScene, 'frozen process': frozenScene, 'refused connections': connectScene, 'broken reads': callScene,
  clock: clockScene, 'lost names': () => nameScene(false), 'lost names of a process': () => nameScene(true),
  'bad link': packetScene,
  'full disk': filledScene, 'disk without inodes': inodesScene, 'read-only disk': readOnlyScene, 'limited process': limitedScene, 'slow disk': slowDiskScene,
};
const SKIP: Readonly<Record<string, string | false>> = {
  'bad link': noWorld(),
  'full disk': noDisk(), 'disk without inodes': noDisk(), 'read-only disk': noDisk(), 'limited process': noLimits(), 'slow disk': noDisk() || noLimits(),
  'frozen process': noFreezer(), 'refused connections': noKernel('connect'), 'broken reads': noKernel('call'),
  clock: noFaketime, 'lost names': noStage, 'lost names of a process': noStage,
};
/** Where the fault is in the world, so that the check must fail before the kill. */
const IN_THE_WORLD: readonly Boundary[] = ['injected', 'applied', 'bitten', 'ending', 'reverting'];

for (const [type, makeScene] of Object.entries(SCENES)) {
  for (const boundary of BOUNDARIES) {
    test(
      `${type}: the engine killed with -9 when "${boundary}" leaves nothing behind`,
      { timeout: 240_000, skip: SKIP[type] ?? false },
      async (t) => {
        using dir = temporary();
        await using scene = await makeScene();
        const stateDir = join(dir.path, 'state');
        await using engine = startChild('./engine-child.ts', [stateDir, boundary, scene.text]);
        await engine.hears('boundary');
        using journal = openJournal(stateDir, realClock);
        scene.note(journal);
        // A signal that was sent has not always arrived yet.
        if (IN_THE_WORLD.includes(boundary)) await eventually('the fault is in the world', scene.visible, BUSY_MACHINE);
        await engine.kill();
        const clean = async (): Promise<boolean> =>
          journal.open().length === 0 && (await scene.intact()) && !(await scene.visible());
        const took = await eventually('nothing is left', clean, NOTHING_LEFT, () => logOf(stateDir));
        t.diagnostic(`nothing was left after ${Math.round(took)} ms`);
        assert.deepEqual(JSON.parse(await firebreak('recover', '--json', '--state-dir', stateDir)), []);
        assert.equal(await scene.intact(), true, 'recovery itself breaks nothing');
      },
    );
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
