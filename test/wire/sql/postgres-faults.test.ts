import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { noPostgres } from '../../lab/postgres.ts';
import { failure, FOREVER, PostgresStage } from './stage.ts';

describe('faults that a client of PostgreSQL sees', { timeout: 300_000, skip: noPostgres }, () => {
  let at: PostgresStage;
  before(async () => {
    at = await PostgresStage.start();
    await at.direct('CREATE TABLE orders (id int PRIMARY KEY, state text); CREATE TABLE stock (id int); INSERT INTO stock SELECT generate_series(1, 100)');
  });
  after(() => at[Symbol.asyncDispose]());
  afterEach(() => at.clear());
  const error = { errorChance: 1, errorBody: 'try again', extra: { sqlstate: '40001' } };

  it('an error has the SQLSTATE and the message that were chosen, and the connection goes on', async () => {
    const failing = await at.add({ ...error, target: 'insert into orders' });
    await using client = await at.client();
    for (const query of [() => client.query("INSERT INTO orders VALUES (1, 'new')"), () => client.query('insert /* x */ INTO orders VALUES ($1, $2)', [2, 'new'])]) {
      const seen = await failure(query());
      assert.deepEqual([seen?.code, seen?.message, seen?.severity], ['40001', 'try again', 'ERROR']);
    }
    assert.equal((await client.query('SELECT count(*)::int AS n FROM orders')).rows[0].n, 0);
    assert.equal((await client.query("INSERT INTO stock VALUES (101) RETURNING id")).rows[0].id, 101);
    assert.deepEqual([at.wire.counters(failing.id)?.matched, at.wire.counters(failing.id)?.errors], [2, 2]);
  });

  it('an error without a choice is an internal one that names its policy', async () => {
    await at.add({ errorChance: 1, name: 'no luck' });
    await using client = await at.client();
    assert.deepEqual((({ code, message }) => [code, message])((await failure(client.query('SELECT 1'))) ?? { message: '' }), ['XX000', 'fault injected by policy no luck']);
  });

  it('conditions after which a server goes away end the connection', async () => {
    await at.add({ errorChance: 1, extra: { sqlstate: '57P01' }, target: 'select 1' });
    for (const ask of ['simple', 'extended'] as const) {
      await using client = await at.client();
      const ended = new Promise((resolve) => client.once('end', resolve));
      const seen = await failure(ask === 'simple' ? client.query('SELECT 1') : client.query('SELECT 1 WHERE $1', [true]));
      assert.deepEqual([seen?.code, seen?.severity], ['57P01', 'FATAL']);
      await ended;
    }
  });

  it('a prepared statement is judged by its SQL, also when it was prepared before the policy came', async () => {
    await using client = await at.client();
    const stock = (id: number) => client.query({ name: 'stock', text: 'SELECT id FROM stock WHERE id = $1', values: [id] });
    const one = () => client.query({ name: 'one', text: 'SELECT 1 AS id' });
    assert.deepEqual((await stock(5)).rows, [{ id: 5 }]);
    await one();
    const failing = await at.add({ ...error, target: 'FROM stock WHERE' });
    assert.equal((await failure(stock(6)))?.code, '40001');
    assert.deepEqual((await one()).rows, [{ id: 1 }]);
    assert.equal((await failure(stock(7)))?.code, '40001');
    await at.wire.remove(failing.id);
    assert.deepEqual((await stock(8)).rows, [{ id: 8 }], 'the statement is still prepared');
  });

  it('BEGIN may fail; within a transaction nothing fails or is cut, and COMMIT and ROLLBACK pass', async () => {
    await using client = await at.client();
    const begin = await at.add({ ...error, target: '^BEGIN' });
    assert.equal((await failure(client.query('BEGIN')))?.code, '40001');
    assert.equal((await client.query('SELECT 1 AS a')).rows[0].a, 1, 'no transaction was begun');
    await at.wire.remove(begin.id);
    for (const end of ['COMMIT', 'ROLLBACK']) {
      for (const drop of [false, true]) {
        await client.query('BEGIN');
        const all = await at.add({ ...error, dropConnection: drop });
        await client.query("INSERT INTO orders VALUES (10, 'x')");
        await client.query('SAVEPOINT a');
        await client.query("UPDATE orders SET state = $1 WHERE id = 10", ['y']);
        await client.query('ROLLBACK TO a');
        assert.equal((await client.query('SELECT state FROM orders WHERE id = $1', [10])).rows[0].state, 'x');
        await client.query(end);
        assert.equal(at.wire.counters(all.id)?.matched, 0, 'what cannot fail does not count');
        await at.wire.remove(all.id);
        assert.equal((await client.query('DELETE FROM orders')).rowCount, end === 'COMMIT' ? 1 : 0);
      }
    }
  });

  it('a transaction that has failed is one until it ends', async () => {
    await using client = await at.client();
    await client.query('BEGIN');
    await failure(client.query('SELECT 1 / 0'));
    await at.add(error);
    assert.equal((await failure(client.query('SELECT 1')))?.code, '25P02', "the server's own error");
    await client.query('ROLLBACK');
    assert.equal((await failure(client.query('SELECT 1')))?.code, '40001');
  });

  it('latency is measured, and allowed within a transaction', async () => {
    await using client = await at.client();
    const slow = await at.add({ target: 'stock', latencyChance: 1, latencyMs: 40, errorChance: 0 });
    const began = performance.now();
    await client.query('BEGIN');
    await client.query('SELECT count(*) FROM stock');
    await client.query('SELECT count(*) FROM stock WHERE id > $1', [1]);
    await client.query('COMMIT');
    assert.ok(performance.now() - began >= 80);
    const counters = at.wire.counters(slow.id);
    assert.equal(counters?.latencies, 2);
    assert.ok((counters?.meanDelay ?? 0) >= 40);
  });

  it('a drop resets the connection', async () => {
    const drop = await at.add({ target: 'stock', dropConnection: true });
    for (const values of [undefined, [1]]) {
      await using client = await at.client();
      await client.query('SELECT 1');
      const seen = await failure(client.query(`SELECT id FROM stock WHERE id = ${values === undefined ? '1' : '$1'}`, values));
      assert.equal(seen?.code, 'ECONNRESET');
    }
    assert.equal(at.wire.counters(drop.id)?.drops, 2);
  });

  it('a connect is refused as by a server that starts, dropped or delayed; statements are not meant', async () => {
    await using before = await at.client();
    const refused = await at.add({ target: 'connect', scope: 'connect', errorChance: 1 });
    assert.deepEqual((({ code, severity }) => [code, severity])((await failure(at.client())) ?? { message: '' }), ['57P03', 'FATAL']);
    assert.equal((await before.query('SELECT 1 AS a')).rows[0].a, 1);
    await at.wire.remove(refused.id);
    const dropped = await at.add({ target: 'connect', scope: 'connect', dropConnection: true });
    assert.equal((await failure(at.client()))?.code, 'ECONNRESET');
    await at.wire.remove(dropped.id);
    const late = await at.add({ target: 'connect', scope: 'connect', latencyChance: 1, latencyMs: 30, when: "sql.database == 'postgres' && sql.user == 'postgres'" });
    await using after = await at.client();
    await after.query('SELECT 1');
    assert.equal(at.wire.counters(late.id)?.latencies, 1);
  });

  it('conditions see verb, shape, database, user and transaction', async () => {
    await using client = await at.client();
    const when = "sql.verb == 'SELECT' && sql.text == 'SELECT ?, \"A B\"' && sql.database == 'postgres' && sql.user == 'postgres' && !sql.in_transaction";
    await at.add({ ...error, when });
    assert.equal((await failure(client.query(`select 'secret',  "a b"`)))?.code, '40001');
    assert.equal((await failure(client.query(`select 'secret',  "a c"`)))?.code, '42703');
    const within = await at.add({ when: 'sql.in_transaction', latencyChance: 1, latencyMs: 1 });
    await client.query('BEGIN');
    await client.query('SELECT 2');
    await client.query('COMMIT');
    assert.equal(at.wire.counters(within.id)?.latencies, 1);
  });

  it('conditions see the context that travels in comments, as OpenTelemetry writes it', async () => {
    await using client = await at.client();
    await at.add({ ...error, when: "baggage['chaos'] == 'on' && trace.id == '0af7651916cd43dd8448eb211c80319c'" });
    const comment = "/*baggage='chaos%3Don',traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'*/";
    for (const values of [undefined, [1]]) {
      const sql = `SELECT id FROM stock WHERE id = ${values === undefined ? '1' : '$1'}`;
      assert.equal((await failure(client.query(`${sql} ${comment}`, values)))?.code, '40001');
      assert.equal((await client.query(`${sql} /* baggage='chaos%3Doff' */`, values)).rows[0].id, 1);
    }
  });

  it('what is protected passes', async () => {
    await at.add({ ...error, ignored: ['CREATE', 'DROP'] });
    await using client = await at.client();
    await client.query('create table safe (id int)');
    await client.query('/* */ DROP table safe');
    assert.equal((await failure(client.query('ALTER TABLE stock ADD COLUMN x int')))?.code, '40001');
  });

  it('a message of several statements fails whole, or not at all when it ends a transaction or is protected', async () => {
    await using client = await at.client();
    await at.add({ ...error, target: 'stock', ignored: ['CREATE'] });
    assert.equal((await failure(client.query("INSERT INTO orders VALUES (20, 'a'); SELECT count(*) FROM stock")))?.code, '40001');
    assert.equal((await client.query('SELECT count(*)::int AS n FROM orders')).rows[0].n, 0);
    await client.query('BEGIN; SELECT count(*) FROM stock; COMMIT');
    await client.query('SELECT count(*) FROM stock; CREATE TEMP TABLE x (id int)');
  });

  it('a policy that goes, and HALT, let go of what waits; the connection goes on', async () => {
    for (const end of ['remove', 'halt'] as const) {
      await using client = await at.client();
      const held = await at.add({ target: 'stock', latencyChance: 1, latencyMs: FOREVER });
      const answer = client.query('SELECT id FROM stock WHERE id = $1', [3]);
      while ((at.wire.counters(held.id)?.matched ?? 0) === 0) await new Promise((resolve) => setImmediate(resolve));
      if (end === 'remove') await at.wire.remove(held.id);
      else at.wire.halt();
      assert.deepEqual((await answer).rows, [{ id: 3 }]);
      assert.equal((await client.query('SELECT count(*)::int AS n FROM stock WHERE id < 101')).rows[0].n, 100);
      at.wire.resume();
      await at.wire.remove(held.id);
    }
  });
});
