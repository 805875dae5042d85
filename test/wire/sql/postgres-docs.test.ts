import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { sqlManifest } from '../../../engine/faults/sql/manifest.ts';
import { ignoredPrefixes } from '../../../engine/policy/ignored.ts';
import { loadText } from '../../../engine/policy/load.ts';
import { noPostgres } from '../../lab/postgres.ts';
import { failure, PostgresStage } from './stage.ts';

const page = readFileSync(join(import.meta.dirname, '../../../assets/docs/protocols/sql.md'), 'utf8');
const [routes = '', policies = ''] = [...page.matchAll(/```yaml\n(.*?)```/gs)].map((match) => match[1] ?? '');
const inText = (pattern: RegExp): string => pattern.exec(page)?.[1] ?? '';

describe('the page on SQL', () => {
  const loaded = loadText(`version: 1\n${routes}${policies}${inText(/`(ignored_commands: [^`]+)`/)}\n`, 'page.yaml');
  it('shows policies that load, one for each effect', () => {
    assert.ok(loaded.ok, JSON.stringify(loaded));
    assert.deepEqual(loaded.file.policies.map(({ name }) => name), ['conflicts', 'slow', 'cut', 'full', 'third']);
    assert.deepEqual(ignoredPrefixes(loaded.file, 'sql'), ['CREATE', 'ALTER', 'DROP', 'TRUNCATE', 'VACUUM']);
  });
  it('shows conditions that load, and names every fact', () => {
    for (const when of [inText(/such as `([^`]+)`/), inText(/write them: `([^`]+)`/)]) {
      assert.ok(loadText(`version: 1\npolicies:\n  - { type: sql, target: all, error_chance: 1, when: "${when}" }\n`, 'a').ok, when);
    }
    assert.deepEqual(Object.keys(sqlManifest.facts?.['sql'] ?? {}), [...page.matchAll(/`sql\.(\w+)`/g)].map((match) => match[1]));
  });
});

describe('what the page on SQL promises', { skip: noPostgres, timeout: 300_000 }, () => {
  let at: PostgresStage;
  before(async () => {
    at = await PostgresStage.start();
    await at.direct('CREATE TABLE orders (id int); CREATE TABLE orders_old (id int)');
  });
  after(() => at[Symbol.asyncDispose]());
  afterEach(() => at.clear());
  const codeOf = async (target: string, sql: string): Promise<string | undefined> => {
    const { id } = await at.add({ target, errorChance: 1 });
    await using client = await at.client();
    const seen = await failure(client.query(sql));
    await at.wire.remove(id);
    return seen?.code;
  };

  it('targets take what it says', async () => {
    const takes: readonly (readonly [string, string, boolean])[] = [
      ['orders', 'SELECT * FROM orders', true], ['orders', 'SELECT * FROM orders_old', false], ['public.orders', 'SELECT 1 FROM public.orders', true],
      ['^SELECT .* FROM orders', 'select /* x */ id\nfrom  orders', true], ['^SELECT .* FROM orders', 'DELETE FROM orders', false],
      ['all', 'SELECT 1', true], ['database', 'SELECT 1', true], ['all', 'CREATE TEMP TABLE t (id int)', true],
      ['needle', `SELECT '${'x'.repeat(17_000)} needle'`, false], ['needle', `SELECT '${'x'.repeat(16_000)} needle'`, true],
    ];
    for (const [target, sql, struck] of takes) assert.equal(await codeOf(target, sql), struck ? 'XX000' : undefined, `${target} on ${sql.slice(0, 60)}`);
  });

  it('leaves a connection for replication alone, and says so', async () => {
    await at.add({ target: 'all', errorChance: 1 });
    const before = at.wire.routeCounters()[0]?.notUnderstood ?? 0;
    const { stdout, stderr } = await at.run('psql', ['-At', '-c', 'IDENTIFY_SYSTEM', 'dbname=postgres replication=database']);
    assert.match(stdout, /^\d+\|1\|/, stderr);
    assert.equal(at.wire.routeCounters()[0]?.notUnderstood, before + 1);
  });

  it('what fails in a pipeline is told in the log of the server', async () => {
    const said = inText(/\(and logs that (.*?)\)/s).replace(/\s+/g, ' ');
    assert.match(said, /^portal ".+" does not exist$/);
    assert.equal(await codeOf('orders', 'SELECT * FROM orders'), 'XX000');
    assert.ok(!at.server.log().includes(said), 'a query by itself never reaches the server');
    await at.add({ target: 'orders', errorChance: 1 });
    await using client = await at.client();
    assert.equal((await failure(client.query('SELECT id FROM orders WHERE id = $1', [1])))?.code, 'XX000');
    while (!at.server.log().includes(said)) await new Promise((resolve) => setImmediate(resolve));
  });
});
