import { after, describe, test } from 'node:test';
import { type Boundary } from '../../engine/lifecycle/models.ts';
import { DATABASE_WAYS, databaseScene, noDatabase } from './database-scenes.ts';
import { killEngine } from './kill.ts';
import { endShared } from './shared.ts';

/** MySQL itself, which ends sessions in a way of its own; the other boundaries are databases.test.ts's, on MariaDB. */
const WHEN: Readonly<Record<keyof typeof DATABASE_WAYS, readonly Boundary[]>> = {
  'taken connections of': ['injected'], 'locked table of': ['bitten'], 'locked rows of': ['reverting'], 'slow queries of': ['bitten'],
};

describe('MySQL itself and a Firebreak that is killed', { skip: noDatabase('MySQL 8.0'), timeout: 300_000 }, () => {
  after(endShared);
  for (const [way, boundaries] of Object.entries(WHEN) as [keyof typeof WHEN, readonly Boundary[]][]) {
    for (const boundary of boundaries) {
      test(`${way} MySQL: the engine killed with -9 when "${boundary}" leaves no session and no lock`, async (t) => {
        t.diagnostic(`nothing was left after ${Math.round(await killEngine(() => databaseScene('MySQL 8.0', DATABASE_WAYS[way]), boundary))} ms`);
      });
    }
  }
});
