import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { realClock } from '../../engine/kernel/clock.ts';
import { temporary } from '../../engine/lifecycle/test-parts.ts';
import { openJournal } from '../../engine/store/journal.ts';
import { BUSY_MACHINE, eventually, firebreak, logOf, NOTHING_LEFT, startChild } from './harness.ts';
import { httpScene, processScene, resourceScene } from './scenes.ts';

/** Several scenes as one file. */
const merged = (texts: readonly string[]): string => {
  const part = (text: string, name: string): string =>
    new RegExp(`^${name}:\\n((?:  .*\\n?)+)`, 'm').exec(text)?.[1]?.replace(/\n?$/, '\n') ?? '';
  const section = (name: string): string => `${name}:\n${texts.map((text) => part(text, name)).join('')}`;
  return `version: 1\n${section('routes')}${section('policies')}`;
};

for (const blocked of [false, true]) {
  test(
    `\`firebreak halt\` ends all three faults of ${blocked ? 'an engine whose loop is blocked' : 'a live engine'}`,
    { timeout: 240_000 },
    async (t) => {
      using dir = temporary();
      const stateDir = join(dir.path, 'state');
      const unblock = join(dir.path, 'unblock');
      await using http = await httpScene();
      await using freeze = await processScene();
      await using burn = await resourceScene();
      const scenes = [http, freeze, burn];
      await using engine = startChild('./engine-child.ts', [
        stateDir,
        'none',
        merged([burn.text, http.text, freeze.text]),
      ]);
      await engine.hears('active');
      using journal = openJournal(stateDir, realClock);
      burn.note(journal);
      await eventually(
        'all three are in the world',
        async () => (await Promise.all(scenes.map((scene) => scene.visible()))).every(Boolean),
        BUSY_MACHINE,
      );
      if (blocked) {
        engine.write(`block ${unblock}`);
        await engine.hears('blocking');
      }
      const answer: unknown = JSON.parse(await firebreak('halt', '--json', '--state-dir', stateDir));
      t.diagnostic(JSON.stringify(answer));
      // The wire's workers serve on while the engine's own loop stands still.
      for (const scene of scenes) assert.deepEqual([await scene.visible(), await scene.intact()], [false, true]);
      if (blocked)
        assert.ok(
          !engine.said.some(({ what }) => what === 'unblocked'),
          'the engine was still blocked when all was clean',
        );
      writeFileSync(unblock, '');
      await eventually(
        'the engine closes its own records once it can',
        () => journal.open().length === 0,
        NOTHING_LEFT,
        () => logOf(stateDir),
      );
      assert.equal(await http.intact(), true);
    },
  );
}
