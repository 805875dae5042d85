import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { noWorld } from '../../engine/faults/network/test-world.ts';
import { MYSQLS, SERVERS } from '../../engine/faults/database/test-servers.ts';
import { findByArgument } from '../../engine/host/processes.ts';
import { realClock } from '../../engine/kernel/clock.ts';
import { temporary } from '../../engine/lifecycle/test-parts.ts';
import { openJournal } from '../../engine/store/journal.ts';
import { farMachine } from '../lab/cable.ts';
import { BUSY_MACHINE, type Child, eventually, firebreak, startChild } from './harness.ts';

/** The power of the room's machine goes, and the server, on another one, is not told; or that of the server's goes. */

/** What the documents say: it waits for a word so long, after a statement that takes at most so long. Milliseconds. */
const BOUND = 20_000 + 10_000;
/** With how many sessions, the one that measures included. What comes back late, what comes back soon, and what lives on. */
const LATE = {
  'locked table': ['action: table_lock, table: orders', 2],
  'locked rows': ['action: row_lock, table: parcels, where: "id < 500", rows: 10', 2],
  'slow': ['action: slow, sessions: 1', 2],
  'taken connections': ['action: connections, sessions: 2, reserve: 1', 2],
} as const;
const SOON = { 'other rows': ['action: row_lock, table: parcels, where: "id > 500", rows: 10', 2], 'more connections': LATE['taken connections'] } as const;
const LIVING = {
  ...LATE,
  'locked table': ['action: table_lock, table: bills', 2],
  'locked rows': ['action: row_lock, table: letters, rows: 10', 2],
} as const;
const TABLES = ['orders', 'parcels', 'bills', 'letters'];
type Ways = Readonly<Record<string, readonly [fields: string, sessions: number]>>;
const sum = (ways: Ways): number => Object.values(ways).reduce((all, [, sessions]) => all + sessions, 0);

/** All that a fault could have left: objects, settings and rows. */
const POSTGRES = [
  'SELECT name, setting FROM pg_settings ORDER BY 1',
  'SELECT oid, relname, relkind, relowner, relfilenode, relhastriggers, relacl::text FROM pg_class ORDER BY 1',
  'SELECT oid, proname FROM pg_proc ORDER BY 1', 'SELECT oid, tgname FROM pg_trigger ORDER BY 1', 'SELECT * FROM pg_db_role_setting', 'SELECT * FROM pg_prepared_xacts',
  'SELECT oid, rolname FROM pg_roles ORDER BY 1', ...TABLES.map((table) => `SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM ${table} t`),
];
const MYSQL = [
  "SHOW GLOBAL VARIABLES WHERE Variable_name NOT IN ('timestamp', 'pseudo_thread_id', 'rand_seed1', 'rand_seed2')",
  'SELECT table_schema, table_name, table_type, engine, create_options FROM information_schema.tables ORDER BY 1, 2',
  'SELECT routine_schema, routine_name FROM information_schema.routines ORDER BY 1, 2', 'SELECT trigger_schema, trigger_name FROM information_schema.triggers ORDER BY 1, 2',
  'SELECT event_name FROM information_schema.events', 'SELECT user, host FROM mysql.user ORDER BY 1, 2', 'XA RECOVER', ...TABLES.map((table) => `SHOW CREATE TABLE ${table}`), `CHECKSUM TABLE ${TABLES.join(', ')}`,
];
const NOBODY = { sessions: 0, locks: 0 };

// They wait most of their time.
describe('power cuts in mid-fault', { concurrency: true }, () => {
  for (const kind of ['PostgreSQL', 'MariaDB', 'MySQL 8.0'] as const) {
    const { skip, start } = { ...SERVERS, ...MYSQLS }[kind] ?? assert.fail();
    const variable = `FIREBREAK_REBOOT_${kind.toUpperCase().replaceAll(/\W/g, '_')}`;

    test(`${kind}: nothing outlives a power cut of Firebreak's machine, and then one of its own`, { skip: noWorld() || skip, timeout: 300_000 }, async (t) => {
      using dir = temporary();
      const [late, soon, living] = ['late', 'soon', 'living'].map((name) => join(dir.path, name)) as [string, string, string];
      using machine = farMachine();
      await using server = await start(machine.here);
      for (const table of TABLES.slice(1)) {
        await server.ask(`CREATE TABLE ${table} (id int PRIMARY KEY)`);
        await server.ask(`INSERT INTO ${table} SELECT id FROM orders`);
        if (kind === 'PostgreSQL') await server.ask(`GRANT ALL ON ${table} TO app`);
      }
      process.env[variable] = server.url.replace('127.0.0.1', machine.here);
      const picture = async (): Promise<unknown> => {
        const said: unknown[] = [];
        for (const sql of kind === 'PostgreSQL' ? POSTGRES : MYSQL) said.push(await server.ask(sql));
        return said;
      };
      const count = async (): Promise<number> => (await server.others()).sessions;
      const sessions = (wanted: number): Promise<number> => eventually(`${wanted} sessions`, async () => (await count()) === wanted, BUSY_MACHINE);
      const before = await picture();

      await using engines = new AsyncDisposableStack();
      const strike = async (stateDir: string, ways: Ways, through: readonly string[]): Promise<Child> => {
        const policies = Object.entries(ways).map(([name, [fields]]) => `  - { name: ${name}, type: database, target: "env:${variable}", ${fields} }`);
        const engine = engines.use(startChild('./engine-child.ts', [stateDir, 'none', ['version: 1', 'policies:', ...policies].join('\n')], {}, through));
        await engine.hears('active');
        return engine;
      };
      const [first, second, third] = await Promise.all([strike(late, LATE, machine.within), strike(soon, SOON, machine.within), strike(living, LIVING, [])]);
      await sessions(sum(LATE) + sum(SOON) + sum(LIVING));

      machine.vanish();
      const from = performance.now();
      await Promise.all([kill(first, late), kill(second, soon)]);
      await sessions(sum(LATE) + sum(SOON) + sum(LIVING));
      const letGo = sessions(sum(LIVING)).then(() => performance.now() - from);
      await recover(soon);
      await eventually('what has been recovered is gone', async () => (await count()) <= sum(LATE) + sum(LIVING), BUSY_MACHINE);
      const took = await letGo;
      t.diagnostic(`the server had let go ${Math.round(took)} ms after the power cut`);
      assert.ok(took < BOUND, `${took} ms`);
      await recover(late);
      for (const table of ['orders', 'parcels']) await server.ask(`UPDATE ${table} SET id = id`);
      assert.equal(await count(), sum(LIVING), 'who lives is heard of, and keeps what it has');

      await server.cut();
      assert.deepEqual(await server.others(), NOBODY);
      await realClock.sleep(1_000);
      assert.deepEqual(await server.others(), NOBODY, 'the Firebreak that lives does not come again');
      await kill(third, living);
      await recover(living);
      assert.deepEqual(await server.others(), NOBODY);
      assert.deepEqual(await picture(), before);
    });
  }
});

/** Without power there is no watchdog either. */
async function kill(engine: Child, stateDir: string): Promise<void> {
  for (const { pid } of findByArgument(stateDir).filter(({ argv }) => argv.some((word) => word.includes('=watchdog')))) process.kill(pid, 'SIGKILL');
  await engine.kill();
}

async function recover(stateDir: string): Promise<void> {
  assert.deepEqual(JSON.parse(await firebreak('recover', '--json', '--state-dir', stateDir)), []);
  using journal = openJournal(stateDir, realClock);
  assert.deepEqual(journal.open(), []);
}
