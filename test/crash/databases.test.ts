import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { realClock } from '../../engine/kernel/clock.ts';
import { SERVERS, type TestServer } from '../../engine/faults/database/test-servers.ts';
import { type Boundary, BOUNDARIES } from '../../engine/lifecycle/models.ts';
import { temporary } from '../../engine/lifecycle/test-parts.ts';
import { openJournal } from '../../engine/store/journal.ts';
import { BUSY_MACHINE, eventually, firebreak, logOf, NOTHING_LEFT, startChild } from './harness.ts';

/** The sessions and locks on real databases after Firebreak was killed with -9; what is left is counted by the server itself. */
const SOME: readonly Boundary[] = ['journaled', 'injected', 'bitten', 'reverting', 'undone'];
const WAYS: Readonly<Record<string, { readonly fields: string; readonly at: readonly Boundary[] }>> = {
  'connections taken': { fields: 'action: connections, reserve: 3', at: BOUNDARIES },
  'a table locked': { fields: 'action: table_lock, table: orders', at: SOME },
  'rows locked': { fields: 'action: row_lock, table: orders, where: "id <= 100"', at: SOME },
  'queries slowed': { fields: 'action: slow, sessions: 6', at: SOME },
};
const IN_THE_WORLD: readonly Boundary[] = ['injected', 'applied', 'bitten', 'ending', 'reverting'];
const VARIABLE = 'FIREBREAK_CRASH_URL';

for (const [kind, { skip, start }] of Object.entries(SERVERS)) {
  describe(`${kind} and a Firebreak that is killed`, { skip, timeout: 900_000 }, () => {
    let server: TestServer;
    before(async () => void (server = await start()));
    after(() => server[Symbol.asyncDispose]());
    const intact = async (): Promise<boolean> => {
      const { sessions, locks } = await server.others();
      return sessions === 0 && locks === 0;
    };

    for (const [way, { fields, at }] of Object.entries(WAYS)) {
      for (const boundary of at) {
        test(`${way}: the engine killed with -9 when "${boundary}" leaves no session and no lock`, async (t) => {
          using dir = temporary();
          await eventually('nobody is there', intact, BUSY_MACHINE);
          const stateDir = join(dir.path, 'state');
          const text = `version: 1\npolicies:\n  - { name: hit, type: database, target: "env:${VARIABLE}", ${fields} }`;
          await using engine = startChild('./engine-child.ts', [stateDir, boundary, text], { [VARIABLE]: server.url });
          await engine.hears('boundary');
          using journal = openJournal(stateDir, realClock);
          if (IN_THE_WORLD.includes(boundary)) assert.equal(await intact(), false, 'the fault is in the world');
          await engine.kill();
          const clean = async (): Promise<boolean> => journal.open().length === 0 && (await intact());
          const took = await eventually('nothing is left', clean, NOTHING_LEFT, () => logOf(stateDir));
          t.diagnostic(`nothing was left after ${Math.round(took)} ms`);
          assert.deepEqual(JSON.parse(await firebreak('recover', '--json', '--state-dir', stateDir)), []);
        });
      }
    }

    test('an engine that is stopped and not dead is relieved of its sessions by the watchdog', async () => {
      using dir = temporary();
      await eventually('nobody is there', intact, BUSY_MACHINE);
      const stateDir = join(dir.path, 'state');
      const text = `version: 1\npolicies:\n  - { name: hit, type: database, target: "env:${VARIABLE}", action: table_lock, table: orders }`;
      await using engine = startChild('./engine-child.ts', [stateDir, 'none', text], { [VARIABLE]: server.url });
      await engine.hears('bitten');
      engine.process.kill('SIGSTOP');
      await eventually('the sessions are ended', intact, 2 * NOTHING_LEFT, () => logOf(stateDir));
    });
  });
}
