import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { noDisk } from '../../engine/faults/disk/test-disk.ts';
import { realClock } from '../../engine/kernel/clock.ts';
import { temporary } from '../../engine/lifecycle/test-parts.ts';
import { openJournal } from '../../engine/store/journal.ts';
import { Running, REAL } from '../cli/process.ts';
import { BUSY_MACHINE, eventually, logOf, NOTHING_LEFT, startChild } from './harness.ts';
import { filledScene, inodesScene, limitedScene, noLimits, readOnlyScene } from './machine-scenes.ts';

/** What the boundaries of a fault's life do not show: a kill in the middle of the work, and work that a helper does. */

describe('disks and limits, killed', { timeout: 600_000 }, () => {
  test('the engine killed while it is making files: they are removed', { skip: noDisk() }, async () => {
    using dir = temporary();
    await using scene = await inodesScene();
    const stateDir = join(dir.path, 'state');
    await using engine = startChild('./engine-child.ts', [stateDir, 'none', scene.text]);
    await eventually('the first file is there', scene.visible, BUSY_MACHINE);
    await engine.kill();
    using journal = openJournal(stateDir, realClock);
    await eventually('nothing is left', async () => journal.open().length === 0 && (await scene.intact()), NOTHING_LEFT, () => logOf(stateDir));
  });

  const SCENES = { 'read-only disk': readOnlyScene, 'limited process': limitedScene };
  for (const [name, makeScene] of Object.entries(SCENES)) {
    for (const when of ['injected', 'bitten'] as const) {
      test(`${name}: an engine without root and its helper, both killed when "${when}": nothing is left`, { skip: noDisk() || noLimits() }, async () => {
        using dir = temporary();
        await using scene = await makeScene();
        const env = { FIREBREAK_HELPER: join(dir.path, 'helper.sock'), FIREBREAK_HELPER_STATE: join(dir.path, 'helper') };
        await using helper = new Running(REAL, ['helper', '--uid', String(process.getuid?.() ?? 0)], env);
        await helper.says(/serving user/);
        const stateDir = join(dir.path, 'state');
        await using engine = startChild('./engine-child.ts', [stateDir, when, scene.text], { ...(process.env as Record<string, string>), ...env });
        await engine.hears('boundary');
        await eventually('the fault is in the world', scene.visible, BUSY_MACHINE);
        helper.child.kill('SIGKILL');
        await engine.kill();
        await helper.code();
        const gone = async (): Promise<boolean> => {
          using journal = openJournal(env.FIREBREAK_HELPER_STATE, realClock);
          return journal.open().length === 0 && scene.intact();
        };
        await eventually('nothing is left', gone, NOTHING_LEFT, () => logOf(env.FIREBREAK_HELPER_STATE));
        assert.equal(await scene.visible(), false);
      });
    }
  }

  test('fill: recorded before the file is there, so that a kill in between leaves nothing to forget', { skip: noDisk() }, async () => {
    using dir = temporary();
    await using scene = await filledScene();
    const stateDir = join(dir.path, 'state');
    await using engine = startChild('./engine-child.ts', [stateDir, 'journaled', scene.text]);
    await engine.hears('boundary');
    using journal = openJournal(stateDir, realClock);
    const [record] = journal.open();
    const undo = record?.undo as { readonly token: string; readonly folder: { readonly path: string } };
    assert.equal(existsSync(join(undo.folder.path, `firebreak-${undo.token}`)), false);
    assert.deepEqual(readdirSync(undo.folder.path).toSorted(), ['firebreak-0123456789abcdef01', 'lost+found']);
    await engine.kill();
    await eventually('nothing is left', async () => journal.open().length === 0 && (await scene.intact()), NOTHING_LEFT, () => logOf(stateDir));
  });
});
