import { after, before, describe, test } from 'node:test';
import { MYSQLS, type TestServer } from '../../engine/faults/database/test-servers.ts';
import { type Boundary } from '../../engine/lifecycle/models.ts';
import { DATABASE_WAYS } from './database-scenes.ts';
import { killEngine } from './kill.ts';

/** MySQL itself, which ends sessions in a way of its own; the other boundaries are databases.test.ts's, on MariaDB. */
const WHEN: Readonly<Record<keyof typeof DATABASE_WAYS, readonly Boundary[]>> = {
  'taken connections of': ['injected'], 'locked table of': ['bitten'], 'locked rows of': ['reverting'], 'slow queries of': ['bitten'],
};
const VARIABLE = 'FIREBREAK_CRASH_MYSQL';
const { skip, start } = MYSQLS['MySQL 8.0'] ?? { skip: 'MySQL 8.0 is not known', start: () => Promise.reject(new Error('MySQL 8.0 is not known')) };

describe('MySQL itself and a Firebreak that is killed', { skip, timeout: 300_000 }, () => {
  let server: TestServer;
  before(async () => void (server = await start()));
  after(() => server[Symbol.asyncDispose]());
  const nobody = async (): Promise<boolean> => JSON.stringify(await server.others()) === '{"sessions":0,"locks":0}';

  for (const [way, boundaries] of Object.entries(WHEN) as [keyof typeof WHEN, readonly Boundary[]][]) {
    for (const boundary of boundaries) {
      test(`${way} MySQL: the engine killed with -9 when "${boundary}" leaves no session and no lock`, async (t) => {
        const took = await killEngine(async () => ({
          text: `version: 1\npolicies:\n  - { name: hit, type: database, target: "env:${VARIABLE}", ${DATABASE_WAYS[way]} }`,
          env: { [VARIABLE]: server.url },
          note: () => {},
          visible: async () => !(await nobody()),
          intact: nobody,
          [Symbol.asyncDispose]: async () => {},
        }), boundary);
        t.diagnostic(`nothing was left after ${Math.round(took)} ms`);
      });
    }
  }
});
