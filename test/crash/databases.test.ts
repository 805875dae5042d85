import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type Boundary, BOUNDARIES } from '../../engine/lifecycle/models.ts';
import { temporary } from '../../engine/lifecycle/test-parts.ts';
import { DATABASE_KINDS, DATABASE_WAYS, databaseScene, noDatabase } from './database-scenes.ts';
import { eventually, logOf, NOTHING_LEFT, startChild } from './harness.ts';
import { killEngine } from './kill.ts';
import { endShared } from './shared.ts';

/** The sessions and locks on real databases after Firebreak was killed with -9; what is left is counted by the server itself. */
const SOME: readonly Boundary[] = ['journaled', 'injected', 'bitten', 'reverting', 'undone'];
after(endShared);

for (const kind of DATABASE_KINDS) {
  describe(`${kind} and a Firebreak that is killed`, { skip: noDatabase(kind), timeout: 900_000 }, () => {
    for (const [way, fields] of Object.entries(DATABASE_WAYS)) {
      for (const boundary of way.startsWith('taken') ? BOUNDARIES : SOME) {
        test(`${way} ${kind}: the engine killed with -9 when "${boundary}" leaves no session and no lock`, async (t) => {
          t.diagnostic(`nothing was left after ${Math.round(await killEngine(() => databaseScene(kind, fields), boundary))} ms`);
        });
      }
    }

    test('an engine that is stopped and not dead is relieved of its sessions by the watchdog', async () => {
      using dir = temporary();
      await using scene = await databaseScene(kind, DATABASE_WAYS['locked table of']);
      const stateDir = join(dir.path, 'state');
      await using engine = startChild('./engine-child.ts', [stateDir, 'none', scene.text], scene.env);
      await engine.hears('bitten');
      engine.process.kill('SIGSTOP');
      await eventually('the sessions are ended', scene.intact, 2 * NOTHING_LEFT, () => logOf(stateDir));
    });
  });
}
