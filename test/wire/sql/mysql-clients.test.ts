import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, afterEach, before, describe, it } from 'node:test';
import type { TrafficLine } from '../../../engine/contract/room.ts';
import { noMariaDb, noMariaDbClient, PASSWORD } from '../../lab/mariadb.ts';
import { missing } from '../../lab/server.ts';
import { record } from '../record.ts';
import { PIECES, replay } from '../replay.ts';
import * as my from './mysql-packets.ts';
import { RAW_USER, RawClient } from './mysql-raw.ts';
import { failure, MysqlStage, valueOf } from './mysql-stage.ts';

const noTls = missing('openssl');

/** A certificate that nobody trusts, for a server that clients ask for encryption. */
function certify(folder: string): readonly string[] {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const made = spawnSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=localhost', '-keyout', key, '-out', cert], { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
  return [`--ssl-key=${key}`, `--ssl-cert=${cert}`];
}

describe('what clients of MySQL do on a route', { timeout: 300_000, skip: noMariaDb }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-mysql-'));
  let at: MysqlStage;
  before(async () => {
    at = await MysqlStage.start('--max-allowed-packet=64M', ...(noTls === false ? certify(folder) : []));
    await at.direct(
      'CREATE TABLE t (id INT, word LONGTEXT, picture LONGBLOB)', "INSERT INTO t (id, word) VALUES (1, 'one'), (2, NULL)",
      'CREATE PROCEDURE twice() BEGIN SELECT 1; SELECT 2; END', `CREATE USER '${RAW_USER}'@'%' IDENTIFIED VIA mysql_native_password USING ''`,
      `GRANT ALL ON *.* TO '${RAW_USER}'@'%'`,
    );
  });
  after(async () => {
    await at[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(() => at.clear());
  const error = { errorChance: 1, errorBody: 'no' };
  const understood = (): void => assert.equal(at.wire.routeCounters()[0]?.notUnderstood, 0);

  it('goes through to the byte, in pieces of any size', async () => {
    await using recorder = await record(at.server.port);
    const where = `127.0.0.1:${recorder.port}`;
    const plain = await at.mysql2({ multipleStatements: true, infileStreamFactory: () => Readable.from([Buffer.from('7,x\n')]) }, where);
    await plain.query('SELECT * FROM t; CALL twice(); SELECT 1 FROM nowhere').catch(() => {});
    await plain.execute('SELECT word FROM t WHERE id = ?', [1]);
    await plain.query("LOAD DATA LOCAL INFILE 'x' INTO TABLE t FIELDS TERMINATED BY ',' (id, word)");
    await plain.changeUser({ user: 'app', password: PASSWORD, database: 'shop' });
    await plain.ping();
    await plain.end();
    const own = await at.mariadb({}, where);
    await Promise.all([own.query('SELECT 1'), own.execute('SELECT ? AS a', [5]), own.query('SELECT 2')]);
    await own.batch('INSERT INTO t (id, word) VALUES (?, ?)', [[8, 'a'], [9, 'b']]);
    await own.end();
    assert.equal(recorder.conversations.length, 2);
    for (const turns of recorder.conversations) for (const piece of PIECES) await replay('sql', turns, piece);
  });

  it('answers of every kind are followed: behind each a statement fails at once', async () => {
    await using one = await at.mysql2({ multipleStatements: true, infileStreamFactory: () => Readable.from([Buffer.from('3,x\n')]) });
    await using other = await at.mariadb({ multipleStatements: true });
    const steps: (() => Promise<unknown>)[] = [
      () => one.query('SELECT 1; SELECT * FROM t; DO 1'), () => one.query('CALL twice()'), () => one.execute('SELECT * FROM t WHERE id > ?', [0]),
      () => one.query("LOAD DATA LOCAL INFILE 'x' INTO TABLE t FIELDS TERMINATED BY ',' (id, word)"), () => one.ping(),
      () => one.changeUser({ user: 'app', password: PASSWORD, database: 'shop' }), () => one.query('SELECT 1 WHERE 1 = 0'),
      () => other.query('SELECT 1; CALL twice()'), () => other.execute('SELECT * FROM t WHERE id > ?', [0]), () => other.execute('SELECT * FROM t WHERE id > ?', [1]),
      () => other.batch('INSERT INTO t (id, word) VALUES (?, ?)', [[5, 'a'], [6, 'b']]), () => other.reset(), () => other.ping(),
      () => other.changeUser({ user: 'app', password: PASSWORD }),
    ];
    for (const step of steps) {
      await step();
      const failing = await at.add({ ...error, target: 'select 99' });
      const seen = await Promise.all([failure(one.query('SELECT 99')), failure(other.query('SELECT 99'))]);
      assert.deepEqual(seen.map((problem) => problem?.errno), [1105, 1105], step.toString());
      await at.wire.remove(failing.id);
    }
    understood();
  });

  it('values of 16 MiB and more go both ways, and fail', async () => {
    await using client = await at.mysql2();
    const picture = Buffer.alloc(0x100_0000 + 7, 'p');
    const failing = await at.add({ ...error, target: 'INSERT INTO t' });
    assert.equal((await failure(client.execute('INSERT INTO t (id, picture) VALUES (70, ?)', [picture])))?.errno, 1105);
    assert.equal((await failure(client.query('INSERT INTO t (id, picture) VALUES (70, ?)', [picture])))?.errno, 1105);
    await at.wire.remove(failing.id);
    await client.execute('INSERT INTO t (id, picture) VALUES (70, ?)', [picture]);
    const got = await valueOf(client.query('SELECT picture FROM t WHERE id = 70'));
    assert.ok(Buffer.isBuffer(got) && got.equals(picture));
    await client.query('DELETE FROM t WHERE id = 70');
    understood();
  });

  it('a refused execution leaves no trace in the next one', async () => {
    using raw = await RawClient.to(at.address);
    const id = await raw.prepare('SELECT CONCAT(?, ?) AS both_of_them', 2);
    const texts = Buffer.from([0xfd, 0, 0xfd, 0]);
    const failing = await at.add({ ...error, target: 'CONCAT' });
    const ahead = (text: string): Buffer => my.packet(0, 0x18, my.int4(id), my.int2(0), text);
    raw.say(ahead('gone'), my.execute(id, Buffer.from([0]), texts, Buffer.from('\x03two', 'latin1')));
    assert.equal((await raw.packet())[0], 0xff);
    await at.wire.remove(failing.id);
    raw.say(ahead('one and '), my.execute(id, Buffer.from([0]), undefined, Buffer.from('\x03two', 'latin1')));
    const answer = Buffer.concat(await raw.until(2)).toString('latin1');
    assert.match(answer, /\x0bone and two/);
  });

  it('cursors are followed', async () => {
    using raw = await RawClient.to(at.address);
    const id = await raw.prepare('SELECT id FROM t WHERE id IN (1, 2)', 1);
    raw.say(my.packet(0, 0x17, my.int4(id), 1, my.int4(1)));
    await raw.until(1);
    raw.say(my.packet(0, 0x1c, my.int4(id), my.int4(1)));
    await raw.until(1);
    await at.add({ ...error, target: 'select 99' });
    raw.say(my.query('SELECT 99'));
    assert.equal((await raw.packet())[0], 0xff);
    raw.say(my.packet(0, 0x1c, my.int4(id), my.int4(9)));
    await raw.until(1);
    understood();
  });

  it('a connect fails, is cut or waits, and the server sees no connection break off', async () => {
    const aborted = async (): Promise<unknown> => (await at.direct("SHOW GLOBAL STATUS LIKE 'Aborted_connects'"))[0]?.['Value'];
    const before = await aborted();
    const connect = { target: 'connect', scope: 'connect' };
    const failing = await at.add({ ...connect, errorChance: 1, errorBody: 'Too many connections' });
    const seen = [await failure(at.mysql2()), await failure(at.mariadb())];
    assert.deepEqual(seen.map((one) => [one?.errno, one?.sqlState]), [[1040, '08004'], [1040, '08004']]);
    if (noMariaDbClient === false) assert.equal((await at.cli('SELECT 1')).stderr, 'ERROR 1040 (08004): Too many connections\n');
    await at.wire.remove(failing.id);
    const cut = await at.add({ ...connect, dropConnection: true });
    assert.equal((await failure(at.mysql2()))?.code, 'ECONNRESET');
    await at.wire.remove(cut.id);
    assert.equal(at.wire.counters(cut.id)?.drops, 1);
    const slow = await at.add({ ...connect, latencyChance: 1, latencyMs: 40 });
    const began = performance.now();
    await using client = await at.mysql2();
    assert.ok(performance.now() - began >= 40);
    assert.equal(await valueOf(client.query('SELECT 1')), 1);
    assert.equal(at.wire.counters(slow.id)?.latencies, 1);
    await at.wire.remove(slow.id);
    const wrong = await at.add({ ...connect, errorChance: 1 });
    assert.equal((await failure(at.mysql2({ password: 'wrong' })))?.errno, 1045, "the server's own refusal stands");
    assert.equal(at.wire.counters(wrong.id)?.errors, 0);
    assert.equal(Number(await aborted()), Number(before) + 1, 'the one with the wrong password');
  });

  it('shows shapes, and never values or credentials', async () => {
    const lines: TrafficLine[] = [];
    using _ = at.wire.listen(true, ({ lines: more }) => void lines.push(...more));
    await at.add({ ...error, target: 'from t where' });
    await using client = await at.mysql2();
    await failure(client.query("SELECT word FROM t WHERE word = 'my own secret' AND id = 4711"));
    await failure(client.execute('SELECT id FROM t WHERE word = ?', ['my own secret']));
    while (lines.filter(({ action }) => action === 'error').length < 2) await new Promise((resolve) => setImmediate(resolve));
    const told = lines.filter(({ action }) => action === 'error');
    const shapes = ['SELECT WORD FROM T WHERE WORD = ? AND ID = ?', 'SELECT ID FROM T WHERE WORD = ?'];
    assert.deepEqual(told.map(({ method, target, head }) => [method, target, head]), shapes.map((shape) => ['SELECT', shape, `${shape}\ndatabase: shop\nuser: app`]));
    assert.ok(!JSON.stringify(lines).includes(PASSWORD) && !/own secret/i.test(JSON.stringify(lines)));
  });

  it('what is encrypted or compressed passes and is reported', { skip: noTls }, async () => {
    await at.add({ ...error, target: 'all' });
    let count = 0;
    for (const over of [{ ssl: { rejectUnauthorized: false } }, { compress: true }]) {
      await using one = await at.mysql2(over);
      await using other = await at.mariadb(over);
      await Promise.all([one.query('SELECT 1'), other.query('SELECT 1')]);
      count += 2;
      assert.equal(at.wire.routeCounters()[0]?.notUnderstood, count);
    }
  });
});
