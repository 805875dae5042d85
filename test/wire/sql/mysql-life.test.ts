import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sqlInjector } from '../../../engine/faults/sql/injector.ts';
import { sqlManifest } from '../../../engine/faults/sql/manifest.ts';
import type { Effect } from '../../../engine/kernel/fault.ts';
import { noMariaDb } from '../../lab/mariadb.ts';
import { faultLife, faultRequest, onWire } from '../../support/fault-life.ts';
import { failure, MysqlStage, valueOf } from './mysql-stage.ts';

describe('the life of a fault on MariaDB', { timeout: 300_000, skip: noMariaDb }, () => {
  let at: MysqlStage;
  before(async () => void (at = await MysqlStage.start()));
  after(() => at[Symbol.asyncDispose]());

  /** Proves that nothing of it is there afterwards. */
  async function during(target: string, fields: Record<string, unknown>, act: () => Promise<void>): Promise<Effect> {
    const over = { target, routes: at.wire.routes(), ignored: ['CREATE', 'ALTER', 'DROP', 'TRUNCATE'] };
    const effect = await faultLife(sqlInjector(onWire(at.wire)), faultRequest(sqlManifest, fields, over), act);
    await at.clear();
    return effect;
  }

  it('errors: as a file says them', async () => {
    const effect = await during('SELECT 1', { errorChance: 1, sqlstate: '40001', errorBody: 'Deadlock found' }, async () => {
      await using client = await at.mysql2();
      const seen = await failure(client.query('select 1'));
      assert.deepEqual([seen?.errno, seen?.sqlState, seen?.message], [1213, '40001', 'Deadlock found']);
      await client.query('SELECT 2');
    });
    assert.deepEqual([effect.bitten, effect.figures], [true, [{ name: 'error rate', unit: 'ratio', requested: 1, delivered: 1, samples: 1 }]]);
  });

  it('latency: measured', async () => {
    const effect = await during('all', { latencyChance: 1, latencyDuration: '40ms' }, async () => {
      await using client = await at.mysql2();
      assert.equal(await valueOf(client.execute('SELECT 7')), 7);
    });
    assert.equal(effect.bitten, true, effect.detail);
    assert.ok((effect.figures[0]?.delivered ?? 0) >= 40);
  });

  it('every second connect', async () => {
    const effect = await during('connect', { errorChance: 1, everyNth: 2 }, async () => {
      const seen = [await failure(connected()), await failure(connected()), await failure(connected()), await failure(connected())];
      assert.deepEqual(seen.map((one) => one?.errno), [undefined, 1040, undefined, 1040]);
    });
    assert.equal(effect.figures[0]?.delivered, 0.5);
  });
  const connected = async (): Promise<void> => {
    await using client = await at.mysql2();
    await client.query('SELECT 1');
  };

  it('a cut, and nothing when nothing came', async () => {
    const cut = await during('SELECT 1', { dropConnection: true }, async () => {
      await using client = await at.mysql2();
      assert.equal((await failure(client.query('SELECT 1')))?.code, 'ECONNRESET');
    });
    assert.deepEqual(cut.figures, [{ name: 'drop rate', unit: 'ratio', requested: 1, delivered: 1, samples: 1 }]);
    const idle = await during('SELECT 1', { errorChance: 1 }, async () => {
      await using client = await at.mysql2();
      await client.query('SELECT 2');
      await client.beginTransaction();
      await client.query('SELECT 1');
      await client.commit();
    });
    assert.equal(idle.bitten, false);
    assert.match(idle.detail, /no statement reached route r SELECT 1/);
  });
});
