import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { noPostgres, RAW_USER } from '../../lab/postgres.ts';
import { bind, close, execute, flush, message, parse, query, RawClient, run, sync, told } from './raw.ts';
import { FOREVER, PostgresStage } from './stage.ts';

describe('pipelines of PostgreSQL', { timeout: 300_000, skip: noPostgres }, () => {
  let at: PostgresStage;
  before(async () => {
    at = await PostgresStage.start();
    await at.direct(`CREATE TABLE t (id int); CREATE TABLE bad (id int); CREATE ROLE ${RAW_USER} LOGIN; GRANT ALL ON t, bad TO ${RAW_USER}`);
  });
  after(() => at[Symbol.asyncDispose]());
  afterEach(async () => {
    await at.clear();
    await at.direct('TRUNCATE t, bad');
  });
  const rows = async (): Promise<unknown> => (await at.direct('SELECT count(*)::int AS n FROM t'))[0]?.['n'];
  const insert = (id: number): Buffer => run(`INSERT INTO t VALUES (${id})`);
  const error = { errorChance: 1, target: 'bad', extra: { sqlstate: '40001' } };

  it('a message that fails skips to its Sync, and what came before it is rolled back on the server', async () => {
    const failing = await at.add(error);
    using client = await RawClient.to(at.address);
    const told = await client.ask(2, insert(1), run('INSERT INTO bad VALUES (1)'), insert(2), run('INSERT INTO bad VALUES (2)'), sync, insert(3), sync);
    assert.deepEqual(told, ['1', '2', 'C INSERT 0 1', '1', '2', 'E 40001', 'Z I', '1', '2', 'C INSERT 0 1', 'Z I']);
    assert.equal(await rows(), 1, 'only what came after the Sync');
    assert.deepEqual([at.wire.counters(failing.id)?.matched, at.wire.counters(failing.id)?.errors], [1, 1], 'what is skipped was not judged');
  });

  it('the error comes in its turn, behind the answers of what is still under way', async () => {
    await at.add(error);
    using client = await RawClient.to(at.address);
    const told = await client.ask(4, run('SELECT pg_sleep(0.05)'), sync, query('SELECT pg_sleep(0.05); SELECT 2'), query('SELECT * FROM bad'), insert(1), sync);
    assert.deepEqual(told, ['1', '2', 'D', 'C SELECT 1', 'Z I', 'T', 'D', 'C SELECT 1', 'T', 'D', 'C SELECT 1', 'Z I', 'E 40001', 'Z I', '1', '2', 'C INSERT 0 1', 'Z I']);
    assert.equal(await rows(), 1);
  });

  it("an error of the server's own that comes first is the one that the client sees", async () => {
    const failing = await at.add(error);
    using client = await RawClient.to(at.address);
    const told = await client.ask(2, run('SELECT 1/0'), run('INSERT INTO bad VALUES (1)'), sync, insert(1), sync);
    assert.deepEqual(told, ['1', 'E 22012', 'Z I', '1', '2', 'C INSERT 0 1', 'Z I']);
    assert.equal(at.wire.counters(failing.id)?.errors, 0, 'nothing is counted that was not done');
  });

  it('a drop waits for the answers before it, and takes its own pipeline along', async () => {
    await at.add({ target: 'bad', dropConnection: true });
    using client = await RawClient.to(at.address);
    client.peer.write(Buffer.concat([insert(1), sync, insert(2), run('INSERT INTO bad VALUES (1)'), sync]));
    await client.peer.until(() => client.peer.error !== undefined, 'a reset');
    assert.equal(client.peer.error?.code, 'ECONNRESET');
    assert.ok(client.peer.received.includes('INSERT 0 1'));
    // The server notices that its client is gone by itself.
    while ((await at.direct(`SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = '${RAW_USER}'`))[0]?.['n'] !== 0);
    assert.equal(await rows(), 1);
  });

  it('within a transaction that began in the same pipeline nothing fails', async () => {
    const failing = await at.add({ ...error, target: 'all', when: "sql.verb != 'BEGIN'" });
    using client = await RawClient.to(at.address);
    const told = await client.ask(1, run('BEGIN'), insert(1), run('INSERT INTO bad VALUES (1)'), run('COMMIT'), sync);
    assert.deepEqual(told.filter((line) => line.length > 1), ['C BEGIN', 'C INSERT 0 1', 'C INSERT 0 1', 'C COMMIT', 'Z I']);
    const simple = await client.ask(4, query('BEGIN'), query('INSERT INTO t VALUES (2)'), query('INSERT INTO bad VALUES (2)'), query('COMMIT'));
    assert.deepEqual(simple, ['C BEGIN', 'Z T', 'C INSERT 0 1', 'Z T', 'C INSERT 0 1', 'Z T', 'C COMMIT', 'Z I']);
    assert.equal(await rows(), 2);
    assert.equal(at.wire.counters(failing.id)?.matched, 0);
  });

  it('a BEGIN that fails takes its whole pipeline along', async () => {
    await at.add({ ...error, target: 'begin' });
    using client = await RawClient.to(at.address);
    assert.deepEqual(await client.ask(1, run('BEGIN'), insert(1), run('COMMIT'), sync), ['1', '2', 'E 40001', 'Z I']);
    assert.equal(await rows(), 0);
  });

  it('a delay holds back what comes behind it, in order', async () => {
    const late = await at.add({ target: 'bad', latencyChance: 1, latencyMs: 30 });
    using client = await RawClient.to(at.address);
    const told = await client.ask(3, insert(1), run('INSERT INTO bad VALUES (1)'), insert(2), sync, query('SELECT FROM bad'), insert(3), sync);
    assert.deepEqual(told.filter((line) => line.startsWith('C')), ['C INSERT 0 1', 'C INSERT 0 1', 'C INSERT 0 1', 'C SELECT 1', 'C INSERT 0 1']);
    assert.equal(at.wire.counters(late.id)?.latencies, 2);
  });

  it('Flush brings the error without a Sync', async () => {
    await at.add(error);
    using client = await RawClient.to(at.address);
    client.peer.write(Buffer.concat([parse('INSERT INTO bad VALUES (1)'), flush, bind(), execute(), flush]));
    await client.peer.until(() => client.peer.received.includes('40001'), 'the error');
    assert.deepEqual(await client.ask(2, sync, insert(1), sync), ['1', '2', 'E 40001', 'Z I', '1', '2', 'C INSERT 0 1', 'Z I']);
  });

  it('a portal is fetched in portions and judged once; statements are known by name until they are closed', async () => {
    const seen = await at.add({ target: 'generate_series', errorChance: 0, latencyChance: 1, latencyMs: 1 });
    using client = await RawClient.to(at.address);
    const told = await client.ask(1, parse('SELECT generate_series(1, 5)', 's'), bind('s', 'p'), execute('p', 2), execute('p', 2), execute('p', 2), sync);
    assert.deepEqual(told, ['1', '2', 'D', 'D', 's', 'D', 'D', 's', 'D', 'C SELECT 1', 'Z I']);
    assert.equal(at.wire.counters(seen.id)?.matched, 1);
    const failing = await at.add({ ...error, target: 'generate_series' });
    assert.deepEqual(await client.ask(1, bind('s'), execute(), sync), ['2', 'E 40001', 'Z I']);
    assert.deepEqual(await client.ask(1, close('s'), parse('SELECT 1', 's'), bind('s'), execute(), sync), ['3', '1', '2', 'D', 'C SELECT 1', 'Z I']);
    assert.equal(at.wire.counters(failing.id)?.matched, 1);
  });

  it('COPY by the extended protocol: the server hears no Sync within its data, and the route knows', async () => {
    await at.add(error);
    using client = await RawClient.to(at.address);
    client.peer.write(Buffer.concat([run('COPY t FROM STDIN'), sync]));
    await client.peer.until(() => told(client.peer.received).includes('G'), 'CopyInResponse');
    const data = Buffer.from('1\n2\n');
    assert.deepEqual(await client.ask(1, message('d', data), message('c'), sync), ['1', '2', 'G', 'C COPY 2', 'Z I']);
    assert.deepEqual(await client.ask(2, query('SELECT * FROM bad'), insert(3), sync), ['E 40001', 'Z I', '1', '2', 'C INSERT 0 1', 'Z I']);
    const failed = await client.ask(1, query('COPY t FROM STDIN'), message('d', data), message('f', Buffer.from('no\0')));
    assert.deepEqual(failed, ['G', 'E 57014', 'Z I']);
    assert.equal(await rows(), 3);
    await at.add({ target: 'bad', dropConnection: true });
    client.peer.write(query('DELETE FROM t WHERE id = 3'));
    client.peer.write(query('SELECT 1 FROM bad'));
    assert.deepEqual(await client.ask(2), ['C DELETE 1', 'Z I', 'E 40001', 'Z I']);
  });

  it('HALT and a policy that goes let a pipeline go on', async () => {
    const held = await at.add({ target: 'bad', latencyChance: 1, latencyMs: FOREVER });
    using client = await RawClient.to(at.address);
    const answer = client.ask(1, insert(1), run('INSERT INTO bad VALUES (1)'), insert(2), sync);
    while ((at.wire.counters(held.id)?.matched ?? 0) === 0) await new Promise((resolve) => setImmediate(resolve));
    at.wire.halt();
    assert.deepEqual((await answer).filter((line) => line.startsWith('C')).length, 3);
    assert.equal(await rows(), 2);
  });
});
