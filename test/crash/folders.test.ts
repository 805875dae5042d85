import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { realClock } from '../../engine/kernel/clock.ts';
import { BOUNDARIES } from '../../engine/lifecycle/models.ts';
import { folders, temporary } from '../../engine/lifecycle/test-parts.ts';
import { openJournal } from '../../engine/store/journal.ts';
import { eventually, hasEnded, logOf, NOTHING_LEFT, startChild } from './harness.ts';

for (const boundary of BOUNDARIES) {
  test(`an engine killed with -9 when "${boundary}" leaves nothing behind`, { timeout: 240_000 }, async () => {
    using dir = temporary();
    const world = folders(dir.path, ['one', 'two']);
    const stateDir = join(dir.path, 'state');
    await using engine = startChild('./folder-engine.ts', [stateDir, boundary, ...world.paths]);
    await engine.hears('boundary');
    // The check must be able to fail: while the fault is in the world, the folders are not calm.
    if (['injected', 'applied', 'bitten', 'ending', 'reverting'].includes(boundary)) assert.equal(world.calm(), false);
    await engine.kill();
    using journal = openJournal(stateDir, realClock);
    const clean = (): boolean => world.calm() && journal.open().length === 0;
    await eventually('all folders restored and the open list empty', clean, NOTHING_LEFT, () => logOf(stateDir));
    assert.deepEqual(journal.damage(), []);
    const watchdog = engine.said.find(({ what }) => what === 'watchdog')?.['pid'];
    if (typeof watchdog === 'number')
      await eventually(
        'the watchdog ended by itself',
        () => hasEnded(watchdog),
        10_000,
        () => logOf(stateDir),
      );
  });
}
