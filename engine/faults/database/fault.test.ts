import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { millis } from '../../kernel/brands.ts';
import { realClock } from '../../kernel/clock.ts';
import { type Effect, type InjectContext, type Injector } from '../../kernel/fault.ts';
import { newFaultId } from '../../kernel/random.ts';
import { freePort } from '../../../test/lab/server.ts';
import { faultRequest } from '../../../test/support/fault-life.ts';
import { until } from '../process/test-fleet.ts';
import { databaseInjector } from './injector.ts';
import { databaseManifest, type DatabaseParams } from './manifest.ts';
import { serverOf } from './server.ts';
import { MYSQLS, SERVERS, type TestServer } from './test-servers.ts';
import { type DatabaseUndo } from './undo.ts';

interface Running {
  readonly injector: Injector<DatabaseParams, DatabaseUndo>;
  readonly undo: DatabaseUndo;
  readonly context: InjectContext<DatabaseParams, DatabaseUndo>;
  measure(): Promise<Effect>;
}

for (const [kind, { skip, start }] of Object.entries({ ...SERVERS, ...MYSQLS })) {
  describe(`the fault on ${kind}`, { skip, timeout: 300_000 }, () => {
    let server: TestServer;
    const variable = `FIREBREAK_TEST_${kind.toUpperCase().replaceAll(/\W/g, '_')}`;
    before(async () => {
      server = await start();
      process.env[variable] = server.url;
    });
    after(async () => {
      delete process.env[variable];
      await server[Symbol.asyncDispose]();
    });

    const requestOf = (fields: Record<string, unknown>, hold = 60_000, target = `env:${variable}`) =>
      faultRequest<DatabaseParams>(databaseManifest, fields, { target, hold: millis(hold) });
    const plan = (fields: Record<string, unknown>, target?: string) => databaseInjector({ clock: realClock }).plan(requestOf(fields, 60_000, target), AbortSignal.timeout(60_000));

    /** Injects, lets the test look, and proves the revert through an injector that remembers nothing. */
    async function withFault(fields: Record<string, unknown>, look: (running: Running) => Promise<void>, hold?: number): Promise<void> {
      const injector = databaseInjector({ clock: realClock });
      const request = requestOf(fields, hold);
      const [planned] = await injector.plan(request, AbortSignal.timeout(60_000));
      assert.ok(planned);
      const journal = JSON.stringify(planned.undo);
      assert.ok(!/:app@|:shop@/.test(journal + planned.target + planned.action), 'no password is written down');
      const undo = injector.undo.parse(JSON.parse(journal));
      const afterCrash = databaseInjector({ clock: realClock });
      await until('nobody is there', async () => (await server.others()).sessions === 0);
      const print = await afterCrash.fingerprint(undo);
      const context = { fault: newFaultId(), request, signal: new AbortController().signal, amend: () => {}, injected: () => {} };
      const measure = () => injector.verify(undo, context);
      assert.equal((await measure()).bitten, false, 'nothing is claimed before it was done');
      try {
        await injector.inject(undo, context);
        await injector.inject(undo, context);
        await look({ injector, undo, context, measure });
      } finally {
        // By the mark alone: the sessions are still in the hands of the other one.
        await afterCrash.revert(undo);
        assert.equal(await afterCrash.fingerprint(undo), print);
        await until('no session and no lock is left', async () => JSON.stringify(await server.others()) === '{"sessions":0,"locks":0}');
        await injector.revert(undo);
      }
    }
    const bites = ({ measure }: Running) => until('it bites', async () => (await measure()).bitten);

    test('connections and a table are for one fault alone, rows and work are not', async () => {
      const takes = async (fields: Record<string, unknown>) => (await plan(fields))[0]?.takes?.map((one) => one.replace(/ of (PostgreSQL|MySQL) .*/, ''));
      assert.deepEqual(await takes({ action: 'connections', sessions: 1 }), ['connections']);
      assert.deepEqual(await takes({ action: 'table_lock', table: 'orders' }), ['table orders']);
      assert.deepEqual([await takes({ action: 'row_lock', table: 'orders' }), await takes({ action: 'slow' })], [undefined, undefined]);
    });

    test('takes the free connections but the reserve, and gives them back', async (t) => {
      const before = await server.spare();
      await withFault({ reserve: 2 }, async (running) => {
        await bites(running);
        const { figures, detail } = await running.measure();
        assert.deepEqual(figures.map(({ name, requested, delivered }) => [name, requested, delivered]), [['connections taken', before - 2, before - 2]]);
        assert.match(detail, /2 free/);
        assert.equal(await server.spare(), 2);
        t.diagnostic(detail);
        assert.equal((await server.ask('SELECT 1 AS one'))[0]?.['one'], 1, 'the administrator is not shut out');
      });
      assert.equal(await server.spare(), before);
    });

    test('takes as many as asked for, and what is given back meanwhile', async () => {
      const all = await server.spare();
      await until('those are gone', async () => (await server.others()).sessions === 0);
      const [capped] = await plan({ sessions: 500 });
      assert.match(capped?.action ?? '', new RegExp(`take ${all - 3} connections \\(500 asked for`));
      await withFault({ sessions: 5 }, async (running) => {
        await bites(running);
        assert.equal((await running.measure()).figures[0]?.delivered, 5);
        assert.equal(await server.spare(), all - 5);
      });
    });

    test('refuses when nothing would be left, or no way back in', async () => {
      await assert.rejects(plan({ reserve: 0 }), /without a reserve nobody could come in/);
      await assert.rejects(plan({ reserve: 900 }), /none is left beyond a reserve of 900/);
      await assert.rejects(plan({ action: 'table_lock', table: 'nowhere' }), /nowhere cannot be read/);
      await assert.rejects(plan({ action: 'table_lock', table: 'orders; DROP TABLE orders' }), /is no name of a table/);
      await assert.rejects(plan({}, 'env:FIREBREAK_NOT_SET'), /FIREBREAK_NOT_SET is not set here/);
      await assert.rejects(plan({}, 'postgres://app:secret@127.0.0.1/shop'), (error: Error) => /holds a password/.test(error.message) && !error.message.includes('secret'));
    });

    test('a condition is one condition, whatever the URL says', async () => {
      const url = new URL(server.url);
      url.searchParams.set('multipleStatements', 'true');
      url.searchParams.set('flags', 'MULTI_STATEMENTS');
      process.env[`${variable}_MANY`] = url.href;
      try {
        const where = '1 = 1) LIMIT 0; SELECT 1 FROM orders WHERE (1 = 1';
        await assert.rejects(plan({ action: 'row_lock', table: 'orders', where }, `env:${variable}_MANY`), { code: 'bad-target' });
      } finally {
        delete process.env[`${variable}_MANY`];
      }
    });

    test('the URL may lie in a file', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'firebreak-url-'));
      writeFileSync(join(folder, 'url'), `${server.url}\n`, { mode: 0o600 });
      assert.match((await plan({}, `file:${join(folder, 'url')}`))[0]?.target ?? '', /^(PostgreSQL|MySQL) 127\.0\.0\.1:\d+\/\w+$/);
      rmSync(folder, { recursive: true });
    });

    for (const mode of ['all', 'writes']) {
      test(`locks a table against ${mode}, so that who comes has to wait`, async (t) => {
        await withFault({ action: 'table_lock', table: 'orders', mode }, async (running) => {
          await bites(running);
          const { figures, detail } = await running.measure();
          assert.deepEqual(figures.map(({ name, requested, delivered }) => [name, requested, delivered]), [['table locks', 1, 1]]);
          assert.match(detail, /orders is locked; canary query \d+ ms \(p50\), [\d.]+ ms before; it gives up waiting/);
          t.diagnostic(detail);
          if (mode === 'writes') assert.equal((await server.ask('SELECT count(*) AS n FROM orders')).length, 1, 'readers are let in');
        });
        await server.ask('UPDATE orders SET total = total + 1 WHERE id = 1');
      });
    }

    test('locks rows and no others', async (t) => {
      await withFault({ action: 'row_lock', table: 'orders', where: 'id <= 100', rows: 50 }, async (running) => {
        await bites(running);
        const { figures, detail } = await running.measure();
        assert.deepEqual(figures.map(({ name, requested, delivered }) => [name, requested, delivered]), [['rows locked', 50, 50]]);
        t.diagnostic(detail);
        await server.ask('UPDATE orders SET total = 0 WHERE id = 900');
      });
      await server.ask('UPDATE orders SET total = 0 WHERE id = 1');
      await assert.rejects(plan({ action: 'row_lock', table: 'orders', where: '1 = 1); DELETE FROM orders; SELECT (1' }), /cannot be read/);
      assert.equal(Number((await server.ask('SELECT count(*) AS n FROM orders'))[0]?.['n']), 1_000);
    });

    test('a lock that somebody else holds is waited for no longer than allowed', async () => {
      const tables = kind !== 'PostgreSQL';
      await server.ask(tables ? 'LOCK TABLES orders WRITE' : 'BEGIN');
      if (!tables) await server.ask('LOCK TABLE orders IN SHARE MODE');
      try {
        const injector = databaseInjector({ clock: realClock });
        const request = requestOf({ action: 'table_lock', table: 'orders', wait: '500ms' });
        const undo: DatabaseUndo = { mark: `firebreak-${'0'.repeat(18)}`, target: `env:${variable}`, server: kind, host: '', port: 0, most: 2 };
        const context = { fault: newFaultId(), request, signal: new AbortController().signal, amend: () => {}, injected: () => {} };
        await assert.rejects(injector.inject(undo, context), /was not granted within 500 ms/);
        await injector.revert(undo);
      } finally {
        await server.ask(tables ? 'UNLOCK TABLES' : 'ROLLBACK');
      }
    });

    test('slows queries down by keeping the server busy', async (t) => {
      await withFault({ action: 'slow', sessions: 6 }, async (running) => {
        await bites(running);
        const { figures, detail } = await running.measure();
        assert.deepEqual(figures.map(({ name, requested, delivered }) => [name, requested, delivered]), [['busy sessions', 6, 6]]);
        t.diagnostic(detail);
      });
    });

    test('a server that has ended has taken its sessions with it', async () => {
      const [planned] = await plan({ sessions: 3 });
      assert.ok(planned);
      const { revert, fingerprint } = databaseInjector({ clock: realClock });
      const free = await freePort();
      const ended = { ...planned.undo, target: 'env:FIREBREAK_NOT_SET', port: free };
      await revert(ended);
      assert.match(await fingerprint(ended), /: 0$/);
      await assert.rejects(revert({ ...ended, host: 'db.example' }), /is not set here/, 'of another machine nobody knows');
      await assert.rejects(revert({ ...ended, port: Number(new URL(server.url).port) }), /is not set here/, 'it is there and may hold them');
    });

    test('the server itself ends what idles longer than the fault, when nobody else does', async () => {
      const session = await serverOf(`env:${variable}`).open(`firebreak-${'a'.repeat(18)}`, 0, { idle: 1_000, statement: 5_000, lock: 1_000 });
      await until('it is ended', async () => (await server.others()).sessions === 0);
      session.drop();
    });
  });
}
