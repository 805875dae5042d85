import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import postgres from 'postgres';
import { noPostgres, startPostgres, urlOf } from '../../lab/postgres.ts';
import type { LabServer } from '../../lab/server.ts';
import { policy, wireTo } from '../parts.ts';
import { record, type Recorder } from '../record.ts';
import { PIECES, replay } from '../replay.ts';
import { failure } from './stage.ts';

describe('recorded conversations of PostgreSQL', { timeout: 300_000, skip: noPostgres }, () => {
  let server: LabServer;
  let recorder: Recorder;
  before(async () => {
    server = await startPostgres();
    recorder = await record(server.port);
    await talk(`127.0.0.1:${recorder.port}`, server.address);
  });
  after(async () => {
    await recorder[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  for (const piece of PIECES) {
    it(`cross a route unchanged in pieces of ${piece}`, async () => {
      assert.ok(recorder.conversations.length >= 3, 'node-postgres, postgres.js and a cancel request');
      for (const turns of recorder.conversations) await replay('sql', turns, piece);
    });
  }

  it('a large value is not held back: it crosses while its sender has not finished', async () => {
    const { wire, address } = await wireTo(server.address, { protocol: 'sql' });
    await using _ = wire;
    await wire.add(policy({ protocol: 'sql', target: 'nothing like it', errorChance: 1 }));
    const client = new pg.Client(urlOf(address));
    await client.connect();
    const word = 'x'.repeat(8_000_000);
    assert.equal((await client.query(`SELECT length('${word}') AS n`)).rows[0].n, word.length);
    assert.equal((await client.query('SELECT length($1::text) AS n', [word])).rows[0].n, word.length);
    assert.equal((await client.query("SELECT repeat('x', $1) AS word", [word.length])).rows[0].word, word);
    await wire.add(policy({ protocol: 'sql', target: 'length', errorChance: 1 }));
    assert.equal((await failure(client.query(`SELECT length('${word}') AS n`)))?.code, 'XX000', 'what is refused is not buffered either');
    assert.equal((await failure(client.query('SELECT length($1::text) AS n', [word])))?.code, 'XX000');
    assert.equal((await client.query('SELECT 1 AS a')).rows[0].a, 1);
    await client.end();
  });
});

/** Everything that a conversation is made of, with real client libraries. */
async function talk(address: string, direct: string): Promise<void> {
  const client = new pg.Client(urlOf(address));
  await client.connect();
  await client.query('CREATE TABLE words (id int, word text)');
  await client.query("INSERT INTO words SELECT i, repeat('w', i) FROM generate_series(1, 300) i; SELECT 1");
  await client.query('SELECT * FROM words WHERE id = ANY($1)', [[1, 2, 300]]);
  for (const id of [1, 2]) await client.query({ name: 'by id', text: 'SELECT word FROM words WHERE id = $1', values: [id] });
  await client.query('SELECT nothing').catch(() => {});
  await client.query('SELECT $1::int / 0', [1]).catch(() => {});
  await client.query('');
  await client.query('LISTEN words; NOTIFY words');
  await client.end();
  const sql = postgres(urlOf(address), { max: 1, onnotice: () => {} });
  await sql.begin(async (inner) => inner`UPDATE words SET word = ${'x'.repeat(20_000)} WHERE id = ${1}`);
  await sql`SELECT * FROM words`.cursor(100, () => {});
  await Promise.all(Array.from({ length: 20 }, (_, i) => sql`SELECT ${i}::int`));
  const into = await sql`COPY words FROM STDIN`.writable();
  await new Promise<void>((resolve, reject) => void into.on('error', reject).on('finish', resolve).end('1\ta\n2\tb\n'));
  for await (const bytes of await sql`COPY words TO STDOUT`.readable()) assert.ok((bytes as Buffer).length > 0);
  const slow = sql`SELECT pg_sleep(600)`.execute();
  while ((await sleeping(direct)) === 0);
  slow.cancel();
  await slow.catch(() => {});
  await sql.end();
}

async function sleeping(address: string): Promise<number> {
  const client = new pg.Client(urlOf(address));
  await client.connect();
  const { rows } = await client.query("SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
  await client.end();
  return rows[0].n as number;
}
