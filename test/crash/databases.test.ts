import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { SERVERS, type TestServer } from '../../engine/faults/database/test-servers.ts';
import { type Boundary, BOUNDARIES } from '../../engine/lifecycle/models.ts';
import { temporary } from '../../engine/lifecycle/test-parts.ts';
import { BUSY_MACHINE, eventually, logOf, NOTHING_LEFT, startChild } from './harness.ts';
import { killEngine } from './kill.ts';
import { type Scene } from './scenes.ts';

/** The sessions and locks on real databases after Firebreak was killed with -9; what is left is counted by the server itself. */
const SOME: readonly Boundary[] = ['journaled', 'injected', 'bitten', 'reverting', 'undone'];
const WAYS: Readonly<Record<string, { readonly fields: string; readonly at: readonly Boundary[] }>> = {
  'connections taken': { fields: 'action: connections, reserve: 3', at: BOUNDARIES },
  'a table locked': { fields: 'action: table_lock, table: orders', at: SOME },
  'rows locked': { fields: 'action: row_lock, table: orders, where: "id <= 100"', at: SOME },
  'queries slowed': { fields: 'action: slow, sessions: 6', at: SOME },
};
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
    const scene = (fields: string): Scene => ({
      text: `version: 1\npolicies:\n  - { name: hit, type: database, target: "env:${VARIABLE}", ${fields} }`,
      env: { [VARIABLE]: server.url },
      note: () => {},
      visible: async () => !(await intact()),
      intact,
      [Symbol.asyncDispose]: async () => {},
    });

    for (const [way, { fields, at }] of Object.entries(WAYS)) {
      for (const boundary of at) {
        test(`${way}: the engine killed with -9 when "${boundary}" leaves no session and no lock`, async (t) => {
          await eventually('nobody is there', intact, BUSY_MACHINE);
          t.diagnostic(`nothing was left after ${Math.round(await killEngine(async () => scene(fields), boundary))} ms`);
        });
      }
    }

    test('an engine that is stopped and not dead is relieved of its sessions by the watchdog', async () => {
      using dir = temporary();
      await eventually('nobody is there', intact, BUSY_MACHINE);
      const stateDir = join(dir.path, 'state');
      const { text, env } = scene('action: table_lock, table: orders');
      await using engine = startChild('./engine-child.ts', [stateDir, 'none', text], env);
      await engine.hears('bitten');
      engine.process.kill('SIGSTOP');
      await eventually('the sessions are ended', intact, 2 * NOTHING_LEFT, () => logOf(stateDir));
    });
  });
}
