import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { noPostgres, startPostgres, urlOf } from '../../../test/lab/postgres.ts';
import type { LabServer } from '../../../test/lab/server.ts';
import { faultLife, faultRequest, figureOf, onWire } from '../../../test/support/fault-life.ts';
import { type Effect, type FaultRequest } from '../../kernel/fault.ts';
import { createWire } from '../../wire/create.ts';
import type { Wire } from '../../wire/wire.ts';
import { sqlInjector } from './injector.ts';
import { sqlManifest, type SqlParams } from './manifest.ts';

const ROUTES = [{ name: 'ledger', protocol: 'sql' as const, listen: '127.0.0.1:0', upstream: '127.0.0.1:1' }];
const requestOf = (fields: Record<string, unknown>, target: string): FaultRequest<SqlParams> =>
  faultRequest(sqlManifest, fields, { target, routes: ROUTES, ignored: ['CREATE', 'ALTER', 'DROP', 'TRUNCATE'] });

describe('the sql fault on real traffic', { skip: noPostgres, timeout: 300_000 }, () => {
  let server: LabServer;
  let wire: Wire;
  let address = '';
  before(async () => {
    server = await startPostgres();
    wire = createWire();
    address = (await wire.open(ROUTES.map((route) => ({ ...route, upstream: server.address }))))[0]?.listen ?? '';
  });
  after(async () => {
    await wire[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });
  const client = async (): Promise<pg.Client & AsyncDisposable> => {
    const one = new pg.Client(urlOf(address));
    one.on('error', () => {});
    await one.connect();
    return Object.assign(one, { [Symbol.asyncDispose]: () => one.end().catch(() => {}) });
  };
  const failing = (query: Promise<unknown>): Promise<string | undefined> => query.then(() => undefined, (error: { code: string; message: string }) => `${error.code} ${error.message}`);

  /** Proves that the route serves afterwards. */
  const during = async (request: FaultRequest<SqlParams>, act: () => Promise<void>): Promise<Effect> => {
    const effect = await faultLife(sqlInjector(onWire(wire)), request, act);
    await using after = await client();
    assert.equal((await after.query('SELECT 1 AS a')).rows[0].a, 1);
    return effect;
  };

  it('fails what matches with the error that was chosen', async () => {
    await using one = await client();
    const effect = await during(requestOf({ errorChance: 1, errorBody: 'deadlock detected', sqlstate: '40p01' }, 'select .* as a'), async () => {
      assert.equal(await failing(one.query('SELECT 1 AS a')), '40P01 deadlock detected');
      assert.equal(await failing(one.query('SELECT $1::int AS a', [1])), '40P01 deadlock detected');
      assert.equal(await failing(one.query('SELECT 1 AS b')), undefined);
    });
    assert.deepEqual(effect.figures, [{ name: 'error rate', unit: 'ratio', requested: 1, delivered: 1, samples: 2 }]);
    assert.equal(effect.bitten, true, effect.detail);
  });

  it('delays, and cuts', async () => {
    await using one = await client();
    const delayed = await during(requestOf({ latencyChance: 1, latencyDuration: '40ms' }, 'all'), async () => {
      await one.query('SELECT 1');
    });
    assert.ok((figureOf(delayed, 'latency')?.delivered ?? 0) >= 40, delayed.detail);
    const cut = await during(requestOf({ dropConnection: true }, 'database'), async () => {
      assert.match((await failing(one.query('SELECT 1'))) ?? '', /^ECONNRESET/);
    });
    assert.equal(figureOf(cut, 'drop rate')?.delivered, 1);
  });

  it('strikes connects by a target of their own, and every Nth', async () => {
    await using before = await client();
    const effect = await during(requestOf({ errorChance: 1, errorBody: 'too many', sqlstate: '53300', everyNth: 2 }, 'connect'), async () => {
      await using passes = await client();
      assert.equal(await failing(passes.query('SELECT 1')), undefined);
      assert.equal(await failing(client()), '53300 too many');
      assert.equal(await failing(before.query('SELECT 1')), undefined);
    });
    assert.equal(figureOf(effect, 'error rate')?.delivered, 0.5);
  });

  it('says why it has not bitten', async () => {
    const nothing = async (): Promise<void> => {};
    const silent = await during(requestOf({ errorChance: 1 }, 'orders'), nothing);
    assert.match(silent.detail, /^no statement reached route ledger orders; within transactions nothing fails/);
    assert.match((await during(requestOf({ errorChance: 1 }, 'connect'), nothing)).detail, /pool connections/);
    assert.equal(silent.bitten, false);
    await using one = await client();
    const within = await during(requestOf({ errorChance: 1 }, 'select'), async () => {
      await one.query('BEGIN');
      await one.query('SELECT 1');
      await one.query('COMMIT');
    });
    assert.equal(within.bitten, false, 'within a transaction nothing fails');
  });
});

describe('the manifest of sql', () => {
  const explain = (fields: Record<string, unknown>, target: string): string => sqlManifest.explain(sqlManifest.params.parse(fields), target);
  it('says what will happen', () => {
    assert.equal(explain({ errorChance: 1 }, 'all'), 'Answers all SQL statements with a database error.');
    assert.equal(
      explain({ errorChance: 0.1, sqlstate: '40001', everyNth: 3, when: "sql.verb == 'UPDATE'" }, 'orders'),
      "Answers 10 % of statements that match orders with SQLSTATE 40001. Only where sql.verb == 'UPDATE'. Of these only every 3rd.",
    );
    assert.equal(explain({ dropConnection: true }, 'Connect'), 'Cuts the connections of connects to the database.');
  });
  it('refuses an SQLSTATE that is none', () => {
    for (const sqlstate of ['4000', '400011', '00000', '40-01', 40001]) assert.ok(!sqlManifest.params.safeParse({ sqlstate }).success, String(sqlstate));
    for (const sqlstate of ['', 'hy000', '40001', 'P0001']) assert.ok(sqlManifest.params.safeParse({ sqlstate }).success, sqlstate);
  });
});
