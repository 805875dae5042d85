import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { noMariaDb, noMariaDbClient } from '../../lab/mariadb.ts';
import { failure, type MysqlFailure, MysqlStage, valueOf } from './mysql-stage.ts';
import { FOREVER } from './stage.ts';

describe('faults that a client of MySQL sees', { timeout: 300_000, skip: noMariaDb }, () => {
  let at: MysqlStage;
  before(async () => {
    at = await MysqlStage.start();
    await at.direct('CREATE TABLE orders (id INT PRIMARY KEY, state TEXT) ENGINE=InnoDB', 'CREATE TABLE stock (id INT PRIMARY KEY)', 'INSERT INTO stock VALUES (1), (2), (3)');
  });
  after(() => at[Symbol.asyncDispose]());
  afterEach(() => at.clear());
  const deadlock = { errorChance: 1, errorCode: 1213, errorBody: 'try again' };
  const three = (seen: MysqlFailure | undefined): unknown[] => [seen?.errno, seen?.sqlState, /try again/.test(seen?.message ?? '')];

  it('an error has the number, the SQLSTATE and the message that were chosen, and the connection goes on', async () => {
    const failing = await at.add({ ...deadlock, target: 'insert into orders' });
    await using one = await at.mysql2();
    await using other = await at.mariadb();
    const tries = [
      () => one.query("INSERT INTO orders VALUES (1, 'new')"),
      () => one.execute('insert /* x */ INTO orders VALUES (?, ?)', [2, 'new']),
      () => other.query("INSERT INTO orders VALUES (1, 'new')"),
      () => other.execute('INSERT INTO orders VALUES (?, ?)', [3, 'new']),
      () => other.batch('INSERT INTO orders VALUES (?, ?)', [[4, 'new'], [5, 'new']]),
    ];
    for (const attempt of tries) assert.deepEqual(three(await failure(attempt())), [1213, '40001', true]);
    assert.equal(await valueOf(one.query('SELECT COUNT(*) FROM orders')), 0);
    assert.equal((await other.query<{ n: bigint }[]>('SELECT COUNT(*) AS n FROM stock'))[0]?.n, 3n);
    assert.deepEqual([at.wire.counters(failing.id)?.matched, at.wire.counters(failing.id)?.errors], [5, 5]);
  });

  it('an error without a choice names its policy; an SQLSTATE finds its number', async () => {
    const one = await at.add({ errorChance: 1, name: 'no luck', target: 'select 1' });
    await at.add({ errorChance: 1, extra: { sqlstate: '42S02' }, target: 'select 2' });
    await using client = await at.mysql2();
    const seen = await failure(client.query('SELECT 1'));
    assert.deepEqual([seen?.errno, seen?.sqlState, seen?.message], [1105, 'HY000', `fault injected by policy ${one.name}`]);
    const missing = await failure(client.query('SELECT 2'));
    assert.deepEqual([missing?.code, missing?.sqlState], ['ER_NO_SUCH_TABLE', '42S02']);
  });

  it('an error behind which a server closes the connection closes it', async () => {
    await at.add({ errorChance: 1, errorCode: 1053, target: 'select 1' });
    await using client = await at.mysql2();
    const ended = new Promise((resolve) => (client as unknown as { connection: NodeJS.EventEmitter }).connection.once('end', resolve));
    assert.equal((await failure(client.query('SELECT 1')))?.errno, 1053);
    await ended;
  });

  it('conditions know the database that a USE has chosen, and none that the server refused', async () => {
    await using client = await at.mysql2();
    assert.equal((await failure(client.query('USE nowhere')))?.errno, 1049);
    await at.add({ ...deadlock, target: 'select 1', when: "sql.database == 'nowhere'" });
    await at.add({ ...deadlock, target: 'select 1', when: "sql.database == 'information_schema'" });
    assert.equal((await failure(client.query('USE nowhere')))?.errno, 1049);
    assert.equal(await valueOf(client.query('SELECT 1 AS n')), 1);
    await client.query('USE `information_schema`');
    assert.deepEqual(three(await failure(client.query('SELECT 1 AS n'))), [1213, '40001', true]);
  });

  it('a prepared statement is judged by its SQL, also when it was prepared before the policy came', async () => {
    await using client = await at.mysql2();
    const stock = (id: number) => valueOf(client.execute('SELECT id FROM stock WHERE id = ?', [id]));
    assert.equal(await stock(2), 2);
    const failing = await at.add({ ...deadlock, target: 'FROM stock WHERE' });
    assert.deepEqual(three(await failure(stock(2))), [1213, '40001', true]);
    assert.equal(await valueOf(client.execute('SELECT 5 AS n')), 5);
    await at.wire.remove(failing.id);
    assert.equal(await stock(3), 3, 'the statement is still prepared');
  });

  it('BEGIN may fail; within a transaction nothing fails or is cut, and COMMIT and ROLLBACK pass', async () => {
    await using client = await at.mysql2();
    const begin = await at.add({ ...deadlock, target: '^(BEGIN|START)' });
    for (const sql of ['BEGIN', 'START TRANSACTION']) assert.equal((await failure(client.query(sql)))?.errno, 1213);
    await at.wire.remove(begin.id);
    for (const end of ['COMMIT', 'ROLLBACK']) {
      for (const [open, close] of [['BEGIN', ''], ['SET autocommit = 0', 'SET autocommit = 1']] as const) {
        for (const drop of [false, true]) {
          await client.query(open);
          const all = await at.add({ ...deadlock, dropConnection: drop });
          await client.query("INSERT INTO orders VALUES (10, 'x')");
          await client.query('SAVEPOINT a');
          await client.execute('UPDATE orders SET state = ? WHERE id = 10', ['y']);
          assert.equal((await failure(client.query('INSERT INTO nowhere VALUES (1)')))?.errno, 1146, 'an error of the server itself');
          await client.query('ROLLBACK TO a');
          assert.equal(await valueOf(client.execute('SELECT state FROM orders WHERE id = ?', [10])), 'x');
          await client.query(end);
          if (close !== '') await client.query(close);
          assert.equal(at.wire.counters(all.id)?.matched, 0, 'what cannot fail does not count');
          await at.wire.remove(all.id);
          const [gone] = await client.query('DELETE FROM orders');
          assert.equal((gone as { affectedRows: number }).affectedRows, end === 'COMMIT' ? 1 : 0, `${open} ${end}`);
        }
      }
    }
  });

  it('XA and what it opens are left alone, and locks on tables are given back', async () => {
    await at.add({ ...deadlock, errorChance: 1 });
    await using client = await at.mysql2();
    for (const sql of ["XA START 'x'", "INSERT INTO orders VALUES (20, 'x')", "XA END 'x'", "XA PREPARE 'x'", "XA ROLLBACK 'x'", 'UNLOCK TABLES']) await client.query(sql);
    assert.equal((await failure(client.query('SELECT 1')))?.errno, 1213);
  });

  it('the context that travels in a comment is seen, also of what is prepared', async () => {
    await at.add({ ...deadlock, when: "baggage['chaos'] == 'on' && trace.id == '4bf92f3577b34da6a3ce929d0e0e4736'" });
    await using client = await at.mysql2();
    const comment = "/*baggage='chaos%3Don',traceparent='00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'*/";
    assert.deepEqual(three(await failure(client.query(`SELECT 1 ${comment}`))), [1213, '40001', true]);
    assert.deepEqual(three(await failure(client.execute(`SELECT ? ${comment}`, [1]))), [1213, '40001', true]);
    assert.equal(await valueOf(client.query("SELECT 1 /*baggage='chaos%3Doff'*/")), 1);
  });

  it('within a transaction statements may wait', async () => {
    await using client = await at.mysql2();
    const slow = await at.add({ latencyChance: 1, latencyMs: 30, target: 'stock' });
    await client.beginTransaction();
    const began = performance.now();
    assert.equal(await valueOf(client.query('SELECT COUNT(*) FROM stock')), 3);
    assert.ok(performance.now() - began >= 30);
    await client.commit();
    assert.equal(at.wire.counters(slow.id)?.latencies, 1);
  });

  it('statements that were sent ahead of an answer keep their order, and are judged by what came before them', async () => {
    await at.add({ ...deadlock, target: 'insert into orders' });
    await using client = await at.mariadb({ pipelining: true });
    const results = await Promise.allSettled([
      client.query('SELECT 1 AS a'), client.query("INSERT INTO orders VALUES (1, 'x')"), client.query('SELECT 2 AS a'), client.beginTransaction(),
      client.query("INSERT INTO orders VALUES (2, 'y')"), client.rollback(), client.query('SELECT 3 AS a'),
    ]);
    assert.deepEqual(results.map((one) => (one.status === 'fulfilled' ? 'done' : (one.reason as MysqlFailure).errno)), ['done', 1213, 'done', 'done', 'done', 'done', 'done']);
    const values = results.flatMap((one) => (one.status === 'fulfilled' && Array.isArray(one.value) ? [(one.value[0] as { a: number }).a] : []));
    assert.deepEqual(values, [1, 2, 3]);
  });

  it('one of several statements in one message fails all of them, before any has run', async () => {
    await at.add({ ...deadlock, target: 'insert into orders' });
    await using client = await at.mysql2({ multipleStatements: true });
    assert.equal((await failure(client.query("INSERT INTO stock VALUES (50); INSERT INTO orders VALUES (50, 'x')")))?.errno, 1213);
    assert.equal(await valueOf(client.query('SELECT COUNT(*) FROM stock')), 3);
    await client.query("BEGIN; INSERT INTO orders VALUES (51, 'x'); COMMIT; DELETE FROM orders");
  });

  it('a connection is cut', async () => {
    await at.add({ dropConnection: true, target: 'from stock' });
    for (const prepared of [false, true]) {
      await using client = await at.mysql2();
      const sql = 'SELECT * FROM stock';
      assert.equal((await failure(prepared ? client.execute(sql) : client.query(sql)))?.code, 'ECONNRESET');
    }
    const client = await at.mariadb();
    assert.match((await failure(client.query('SELECT * FROM stock')))?.code ?? '', /ECONNRESET|ER_SOCKET_UNEXPECTED_CLOSE/);
    await client.end().catch(() => client.destroy());
  });

  it('a statement goes on when its policy is taken away, and on HALT', async () => {
    await using client = await at.mysql2();
    for (const end of ['removed', 'halted'] as const) {
      const slow = await at.add({ latencyChance: 1, latencyMs: FOREVER, target: 'stock' });
      const asked = valueOf(client.query('SELECT COUNT(*) FROM stock'));
      while ((at.wire.counters(slow.id)?.matched ?? 0) === 0) await new Promise((resolve) => setImmediate(resolve));
      if (end === 'removed') await at.wire.remove(slow.id);
      else at.wire.halt();
      assert.equal(await asked, 3);
      at.wire.resume();
      await at.wire.remove(slow.id);
      assert.equal(await valueOf(client.execute('SELECT COUNT(*) FROM stock')), 3, 'the connection is as good as before');
    }
  });

  it('KILL QUERY is a statement like any other: it does not end what is held back', async () => {
    await using client = await at.mysql2();
    await using other = await at.mysql2();
    const slow = await at.add({ latencyChance: 1, latencyMs: FOREVER, target: 'stock' });
    const asked = valueOf(client.query('SELECT COUNT(*) FROM stock'));
    while ((at.wire.counters(slow.id)?.matched ?? 0) === 0) await new Promise((resolve) => setImmediate(resolve));
    await other.query(`KILL QUERY ${client.threadId}`);
    await at.wire.remove(slow.id);
    assert.equal(await asked, 3);
  });

  it('DDL is protected as the file says, and conditions choose', async () => {
    await at.add({ ...deadlock, ignored: ['CREATE', 'ALTER', 'DROP', 'TRUNCATE'] });
    await using client = await at.mysql2();
    for (const sql of ['CREATE TABLE t (id INT)', 'ALTER TABLE t ADD b INT', 'TRUNCATE TABLE t', 'DROP TABLE t']) await client.query(sql);
    assert.equal((await failure(client.query('SELECT 1')))?.errno, 1213);
    await at.clear();
    await at.add({ ...deadlock, when: "sql.verb == 'SELECT' && sql.user == 'app' && sql.database == 'shop' && !sql.in_transaction" });
    assert.equal((await failure(client.query('SELECT 1')))?.errno, 1213);
    await client.query('DO 1');
  });

  it("the server's own command line sees all of it", { skip: noMariaDbClient }, async () => {
    await at.add({ ...deadlock, target: 'insert into orders' });
    const seen = await at.cli("SELECT 1; BEGIN; INSERT INTO orders VALUES (1, 'x'); ROLLBACK; INSERT INTO orders VALUES (1, 'x'); SELECT 2;");
    assert.deepEqual([seen.code, seen.stdout, seen.stderr.replace(/-+\n.*\n-+\n\n?/s, '')], [1, '1\n', 'ERROR 1213 (40001) at line 1: try again\n']);
  });
});
