import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import pg from 'pg';
import postgres from 'postgres';
import type { TrafficLine } from '../../../engine/contract/room.ts';
import type { WirePolicy } from '../../../engine/policy/snapshot.ts';
import { createWire } from '../../../engine/wire/create.ts';
import type { Wire } from '../../../engine/wire/wire.ts';
import { noPostgres, PASSWORD, urlOf, USER } from '../../lab/postgres.ts';
import { missing } from '../../lab/server.ts';
import { policy, wireTo } from '../parts.ts';
import { failure, FOREVER, PostgresStage } from './stage.ts';

describe('other clients of PostgreSQL', { timeout: 300_000, skip: noPostgres }, () => {
  let at: PostgresStage;
  before(async () => {
    at = await PostgresStage.start(missing('openssl') === false);
    await at.direct('CREATE TABLE t (id int PRIMARY KEY, word text)');
  });
  after(() => at[Symbol.asyncDispose]());
  afterEach(async () => {
    await at.clear();
    await at.direct('TRUNCATE t');
  });
  const error = { errorChance: 1, errorBody: 'try again', extra: { sqlstate: '40001' } };
  const connected = (over: object = {}): postgres.Sql => postgres(urlOf(at.address), { max: 1, onnotice: () => {}, ...over });

  it('postgres.js: errors, transactions, cursors, COPY both ways, cancel', async () => {
    const sql = connected();
    try {
      await sql`INSERT INTO t SELECT generate_series(1, 10), 'x'`;
      const failing = await at.add({ ...error, target: 'FROM t' });
      assert.equal((await failure(sql`SELECT * FROM t WHERE id = ${1}`))?.code, '40001');
      assert.equal((await failure(sql`SELECT * FROM t WHERE id = ${2}`))?.code, '40001', 'prepared by now');
      assert.equal((await failure(sql`SELECT * FROM t`.cursor(3, () => {}) as unknown as Promise<unknown>))?.code, '40001');
      const seen = await sql.begin(async (inner) => inner`SELECT count(*)::int AS n FROM t WHERE id > ${0}`);
      assert.equal(seen[0]?.['n'], 10, 'not within a transaction');
      await at.wire.remove(failing.id);

      await at.add({ target: 'word', latencyChance: 1, latencyMs: 1 });
      const batches: number[] = [];
      await sql`SELECT id, word FROM t ORDER BY id`.cursor(4, (rows) => void batches.push(rows.length));
      assert.deepEqual(batches, [4, 4, 2]);
      const into = await sql`COPY t (id, word) FROM STDIN`.writable();
      await new Promise<void>((resolve, reject) => {
        into.on('error', reject).on('finish', resolve);
        for (let i = 11; i <= 2_000; i++) into.write(`${i}\t${'long '.repeat(20)}\n`);
        into.end();
      });
      let copied = 0;
      for await (const bytes of await sql`COPY (SELECT id, word FROM t) TO STDOUT`.readable()) copied += (bytes as Buffer).toString().split('\n').length - 1;
      assert.equal(copied, 2_000);
      const slow = sql`SELECT pg_sleep(600), word FROM t LIMIT 1`.execute();
      while ((await at.direct("SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event = 'PgSleep'"))[0]?.['n'] === 0);
      slow.cancel();
      assert.equal((await failure(slow))?.code, '57014');
      assert.equal((await sql`SELECT count(*)::int AS n FROM t`)[0]?.['n'], 2_000);
    } finally {
      await sql.end();
    }
  });

  it('postgres.js: many queries at once on one connection stay apart', async () => {
    const sql = connected({ max_pipeline: 100 });
    try {
      await at.add({ ...error, when: "sql.text.contains('BAD')" });
      const answers = await Promise.all(Array.from({ length: 60 }, async (_, i) => {
        const query = i % 3 === 2 ? sql`SELECT ${i}::int AS bad` : sql`SELECT ${i}::int AS good`;
        return query.then(([row]) => row?.['good'] as number, (reason: { code: string }) => reason.code);
      }));
      assert.deepEqual(answers, Array.from({ length: 60 }, (_, i) => (i % 3 === 2 ? '40001' : i)));
    } finally {
      await sql.end();
    }
  });

  it('LISTEN and NOTIFY pass, also while other statements fail', async () => {
    await using listener = await at.client();
    await using sender = await at.client();
    await listener.query('LISTEN news');
    await at.add({ ...error, target: 'select' });
    const heard = new Promise<string | undefined>((resolve) => listener.once('notification', ({ payload }) => resolve(payload)));
    assert.equal((await failure(sender.query('SELECT 1')))?.code, '40001');
    await sender.query("NOTIFY news, 'today'");
    assert.equal(await heard, 'today');
    assert.equal((await failure(listener.query('SELECT 1')))?.code, '40001');
  });

  it('psql shows error and SQLSTATE, copies in and out, and connects', { skip: missing('psql') }, async () => {
    const psql = (input: string) => at.run('psql', ['-X', '-q', '-A', '-t', '-f', '-'], input);
    const script = "\\set VERBOSITY verbose\nSELECT 1 / 2;\n\\copy t from stdin\n1\ta\n2\tb\n\\.\nSELECT count(*) FROM t;\n\\copy t to stdout\n";
    assert.deepEqual(await psql(script), { code: 0, stdout: '0\n2\n1\ta\n2\tb\n', stderr: '' });
    await at.add({ ...error, target: 'COPY t FROM' });
    const seen = await psql(script.replace('1\ta\n2\tb', '3\tc'));
    assert.match(seen.stderr, /ERROR:\s+40001: try again/);
    // What was meant as data is read as SQL by psql itself, and fails.
    assert.equal(seen.stdout, '0\n1\ta\n2\tb\n');
    await at.add({ target: 'connect', scope: 'connect', errorChance: 1, errorBody: 'not today', extra: { sqlstate: '53300' } });
    assert.match((await psql('SELECT 1')).stderr, /FATAL:\s+not today/);
  });

  it('pgbench runs in every protocol under latency, and its pipelines fail whole', { skip: missing('pgbench') }, async () => {
    assert.equal((await at.run('pgbench', ['-i', '-q', '-s', '1', '-I', 'dtg'])).code, 0);
    const late = await at.add({ target: 'SELECT abalance FROM pgbench_accounts', latencyChance: 0.3, latencyMs: 2 });
    for (const protocol of ['simple', 'extended', 'prepared']) {
      const { code, stderr } = await at.run('pgbench', ['-n', '-S', '-c', '4', '-t', '25', '-M', protocol]);
      assert.equal(code, 0, stderr);
    }
    const counters = at.wire.counters(late.id);
    assert.equal(counters?.matched, 300);
    assert.ok((counters?.latencies ?? 0) > 50 && (counters?.latencies ?? 0) < 150, `${counters?.latencies}`);
    const script = join(at.server.folder, 'pipeline.sql');
    writeFileSync(script, '\\startpipeline\nINSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);\nINSERT INTO t VALUES (:id);\n\\endpipeline\n');
    await at.add({ ...error, target: 'VALUES \\(3\\)|\\$1' });
    const failed = await at.run('pgbench', ['-n', '-t', '1', '-M', 'extended', '-D', 'id=3', '-f', script]);
    // To pgbench 40001 is a transaction that failed and may be tried again.
    assert.match(failed.stdout, /failed transactions: 1 /, failed.stderr);
    assert.deepEqual(await at.direct('SELECT count(*)::int AS n FROM t'), [{ n: 0 }]);
  });

  it('what is encrypted passes, and is called not understood once', { skip: missing('psql', 'openssl') }, async () => {
    await at.add({ ...error, target: 'all' });
    const before = at.wire.routeCounters()[0]?.notUnderstood ?? 0;
    const { stdout, stderr } = await at.run('psql', ['-X', '-A', '-t', '-c', 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()'], '', { PGSSLMODE: 'require' });
    assert.deepEqual([stdout, stderr], ['t\n', '']);
    assert.equal((at.wire.routeCounters()[0]?.notUnderstood ?? 0) - before, 1);
  });

  it('shows shapes, never values or passwords', async () => {
    const lines: TrafficLine[] = [];
    using _ = at.wire.listen(true, (batch) => void lines.push(...batch.lines));
    await at.add({ ...error, name: 'told', target: 't' });
    await using client = await at.client();
    await failure(client.query("SELECT * FROM t WHERE word = 'hidden-1' AND id = 4711"));
    await failure(client.query('SELECT * FROM t WHERE word = $1', ['hidden-2']));
    while (lines.filter(({ policy }) => policy === 'told').length < 2) await new Promise((resolve) => setImmediate(resolve));
    const told = lines.filter(({ policy }) => policy === 'told').map(({ method, target, head, action }) => [method, target, head, action]);
    const shapes = ['SELECT * FROM T WHERE WORD = ? AND ID = ?', 'SELECT * FROM T WHERE WORD = $1'];
    assert.deepEqual(told, shapes.map((shape) => ['SELECT', shape, `${shape}\ndatabase: postgres\nuser: ${USER}`, 'error']));
    assert.doesNotMatch(JSON.stringify(lines), new RegExp(`hidden|4711|${PASSWORD}|SCRAM`, 'i'));
  });

  it('connections stay usable when a policy comes and goes under load', async () => {
    const sql = connected({ max: 4 });
    try {
      const held = await at.add({ target: 'held', latencyChance: 1, latencyMs: FOREVER });
      const waiting = Array.from({ length: 8 }, (_, i) => sql`SELECT ${i}::int AS held`.then(([row]) => row?.['held'] as number));
      while ((at.wire.counters(held.id)?.matched ?? 0) < 4) await new Promise((resolve) => setImmediate(resolve));
      await at.wire.remove(held.id);
      assert.deepEqual(await Promise.all(waiting), [0, 1, 2, 3, 4, 5, 6, 7]);
    } finally {
      await sql.end();
    }
  });

  it('a pool goes on when the engine dies and another relay takes its place; what was under way is rolled back', async () => {
    const { wire, address } = await wireTo(at.server.address, { protocol: 'sql' });
    const pool = new pg.Pool({ connectionString: urlOf(address), max: 2 });
    pool.on('error', () => {});
    try {
      const held = await addTo(wire, { target: 'held', latencyChance: 1, latencyMs: FOREVER });
      const within = await pool.connect();
      within.on('error', () => {});
      await within.query('BEGIN; INSERT INTO t VALUES (7)');
      const lost = failure(pool.query('SELECT 1 AS held'));
      while (wire.counters(held)?.matched !== 1) await new Promise((resolve) => setImmediate(resolve));
      await wire[Symbol.asyncDispose]();
      assert.match((await lost)?.message ?? '', /terminated|ECONNRESET/);
      assert.ok((await failure(within.query('COMMIT'))) !== undefined);
      within.release(true);
      await using next = createWire();
      await next.open([{ name: 'relay', protocol: 'tcp', listen: address, upstream: at.server.address }]);
      assert.deepEqual((await pool.query('SELECT count(*)::int AS n FROM t')).rows, [{ n: 0 }]);
      await pool.end();
    } finally {
      await wire[Symbol.asyncDispose]();
    }
  });
});

async function addTo(wire: Wire, over: Partial<WirePolicy>): Promise<string> {
  const one = policy({ protocol: 'sql', ...over });
  await wire.add(one);
  return one.id;
}
