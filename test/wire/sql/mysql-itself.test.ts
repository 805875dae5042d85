import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { type MysqlVersion, noMysql, startMysql } from '../../lab/mysql.ts';
import { record } from '../record.ts';
import { replay } from '../replay.ts';
import { failure, MysqlStage, valueOf } from './mysql-stage.ts';

/**
 * MySQL itself, whose greeting, logins and answers are not quite MariaDB's. How each version logs its users in; this 5.7 has
 * no key to hand out to sha256_password.
 */
const LOGINS: Readonly<Record<MysqlVersion, readonly string[]>> = {
  '5.7.22': ['mysql_native_password'],
  '8.0.15': ['caching_sha2_password', 'mysql_native_password', 'sha256_password'],
};
/** The password crosses in the clear, encrypted by a key that the server hands out. */
const KEY = { allowPublicKeyRetrieval: true };

for (const [version, plugins] of Object.entries(LOGINS) as [MysqlVersion, readonly string[]][]) {
  describe(`faults that a client of MySQL ${version} sees`, { timeout: 300_000, skip: noMysql(version) }, () => {
    let at: MysqlStage;
    before(async () => {
      at = await MysqlStage.before(startMysql(version));
      await at.direct('CREATE TABLE orders (id INT PRIMARY KEY, state TEXT)', "INSERT INTO orders VALUES (1, 'new')", 'CREATE PROCEDURE twice() BEGIN SELECT 1; SELECT 2; END');
      for (const plugin of plugins) await at.direct(`CREATE USER '${plugin}'@'%' IDENTIFIED WITH ${plugin} BY 'secret'`, `GRANT ALL ON shop.* TO '${plugin}'@'%'`);
    });
    after(() => at[Symbol.asyncDispose]());
    afterEach(async () => {
      await at.clear();
      assert.equal(at.wire.routeCounters()[0]?.notUnderstood, 0);
    });
    const deadlock = { errorChance: 1, errorCode: 1213, errorBody: 'try again' };

    for (const plugin of plugins) {
      it(`who logs in by ${plugin} sees the errors that were chosen, and his connection goes on`, async () => {
        const who = { user: plugin };
        const over = { scope: 'connect', target: 'connect', errorChance: 1 };
        const early = await at.add(over);
        // The first login is the long one: the server remembers the next.
        assert.equal((await failure(at.mysql2(who)))?.errno, 1040);
        assert.equal((await failure(at.mysql2(who)))?.errno, 1040);
        await at.wire.remove(early.id);
        await using one = await at.mysql2(who);
        await using other = await at.mariadb({ ...who, ...KEY });
        await at.add({ ...deadlock, target: 'from orders', when: `sql.user == '${plugin}' && sql.database == 'shop'` });
        const tries = [
          () => one.query('SELECT * FROM orders'), () => one.execute('SELECT state FROM orders WHERE id = ?', [1]),
          () => other.query('SELECT * FROM orders'), () => other.execute('SELECT state FROM orders WHERE id = ?', [1]),
        ];
        for (const attempt of tries) {
          const seen = await failure(attempt());
          assert.deepEqual([seen?.errno, seen?.sqlState, /try again/.test(seen?.message ?? '')], [1213, '40001', true]);
        }
        assert.equal(await valueOf(one.query('SELECT 7')), 7);
        assert.equal((await other.query<{ n: bigint }[]>('SELECT 7 AS n'))[0]?.n, 7n);
        assert.equal((await failure(at.mysql2({ ...who, password: 'wrong' })))?.errno, 1045, "the server's own refusal stands");
      });
    }

    it('within a transaction nothing fails, statements wait, and a cut cuts', async () => {
      await using client = await at.mysql2();
      const all = await at.add({ ...deadlock, latencyChance: 1, latencyMs: 30 });
      assert.equal((await failure(client.query('BEGIN')))?.errno, 1213);
      await at.wire.remove(all.id);
      await client.beginTransaction();
      await at.add({ ...deadlock, target: 'update' });
      const slow = await at.add({ latencyChance: 1, latencyMs: 30, target: 'select' });
      await client.query("UPDATE orders SET state = 'paid' WHERE id = 1");
      const began = performance.now();
      assert.equal(await valueOf(client.execute('SELECT state FROM orders')), 'paid');
      assert.ok(performance.now() - began >= 30);
      assert.equal(at.wire.counters(slow.id)?.latencies, 1);
      await client.rollback();
      assert.equal(await valueOf(client.query('SELECT state FROM orders')), 'new');
      await at.add({ dropConnection: true, target: 'do 1' });
      assert.equal((await failure(client.query('DO 1')))?.code, 'ECONNRESET');
    });

    it('goes through to the byte, in pieces of one', async () => {
      await using recorder = await record(at.server.port);
      const where = `127.0.0.1:${recorder.port}`;
      const plain = await at.mysql2({ multipleStatements: true }, where);
      await plain.query('SELECT * FROM orders; CALL twice(); SELECT 1 FROM nowhere').catch(() => {});
      await plain.execute('SELECT state FROM orders WHERE id = ?', [1]);
      // mysql2 cannot do this with 5.7, route or not.
      if (version === '8.0.15') await plain.changeUser({ user: 'caching_sha2_password', password: 'secret', database: 'shop' });
      await plain.end();
      const own = await at.mariadb(KEY, where);
      await Promise.all([own.query('SELECT 1'), own.execute('SELECT ? AS a', [5]), own.query('SELECT 2')]);
      await own.end();
      assert.equal(recorder.conversations.length, 2);
      for (const turns of recorder.conversations) await replay('sql', turns, 1);
    });
  });
}
