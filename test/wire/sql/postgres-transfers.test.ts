import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { noPostgres, RAW_USER } from '../../lab/postgres.ts';
import { PostgresStage } from './stage.ts';

const ACCOUNTS = 2_000;
const START = 1_000;
const CLIENTS = 200;
/** Milliseconds of transfers. */
const LENGTH = process.env['FIREBREAK_LONG'] === '1' ? 60_000 : 8_000;
/** So many must have been confirmed, however slow the machine is. */
const FEWEST = 1_000;
/** What the server itself may refuse a transfer with: a deadlock. */
const DEADLOCK = '40P01';
const INJECTED = '40001';

/** What one client saw of its transfers, by their ids. */
interface Seen {
  readonly done: number[];
  /** Failed or cut before anything of it can have reached the server, or rolled back. */
  readonly failed: number[];
  /** Errors between a BEGIN that succeeded and the end of its transaction. */
  readonly cut: string[];
  readonly faults: { error: number; drop: number };
}

describe('200 transfers at a time while errors, drops and latency strike', { timeout: 600_000, skip: noPostgres }, () => {
  let at: PostgresStage;
  before(async () => {
    at = await PostgresStage.start();
    await at.direct(`
      CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL);
      INSERT INTO accounts SELECT generate_series(0, ${ACCOUNTS - 1}), ${START};
      CREATE TABLE ledger (id int PRIMARY KEY);
      CREATE ROLE ${RAW_USER} LOGIN;
      GRANT ALL ON accounts, ledger TO ${RAW_USER}`);
  });
  after(() => at[Symbol.asyncDispose]());

  it('no money is made or lost, no transaction is cut inside, no session or lock is left', async () => {
    const policies = [
      await at.add({ name: 'errors', errorChance: 0.3, extra: { sqlstate: INJECTED } }),
      await at.add({ name: 'drops', errorChance: 0.3, dropConnection: true }),
      await at.add({ name: 'latency', latencyChance: 0.3, latencyMs: 5 }),
      await at.add({ name: 'connects', target: 'connect', scope: 'connect', errorChance: 0.1 }),
    ];
    const until = performance.now() + LENGTH;
    let confirmed = 0;
    const enough = (done: number): boolean => (confirmed += done) >= FEWEST && performance.now() >= until;
    const seen = await Promise.all(Array.from({ length: CLIENTS }, (_, number) => transfers(at.address, number, enough)));
    const counters = policies.map(({ id }) => at.wire.counters(id));
    await at.clear();

    const all = (key: 'done' | 'failed'): number[] => seen.flatMap((one) => one[key]);
    assert.deepEqual(seen.flatMap(({ cut }) => cut), [], 'no transaction was cut inside');
    const [sum] = await at.direct('SELECT sum(balance)::int AS sum FROM accounts');
    assert.equal(sum?.['sum'], ACCOUNTS * START);
    const booked = new Set((await at.direct('SELECT id FROM ledger')).map(({ id }) => id as number));
    assert.deepEqual(all('done').filter((id) => !booked.has(id)), [], 'what was confirmed is booked');
    assert.deepEqual(all('failed').filter((id) => booked.has(id)), [], 'what failed is not');
    assert.equal(booked.size, all('done').length);
    await gone(at);

    // The test would hold without a single fault, so there must have been many.
    const [errors, drops, latency, connects] = counters;
    assert.ok(all('done').length >= FEWEST, `${all('done').length} transfers`);
    assert.ok((errors?.errors ?? 0) > 50 && (drops?.drops ?? 0) > 50 && (latency?.latencies ?? 0) > 50 && (connects?.errors ?? 0) > 5, JSON.stringify(counters));
    assert.ok(seen.reduce((total, { faults }) => total + faults.error, 0) > 50 && seen.reduce((total, { faults }) => total + faults.drop, 0) > 50);
  });
});

/** One client after the other, as long as it takes. */
async function transfers(address: string, number: number, enough: (done: number) => boolean): Promise<Seen> {
  const seen: Seen = { done: [], failed: [], cut: [], faults: { error: 0, drop: 0 } };
  let client: pg.Client | undefined;
  const lost = (error: unknown): void => {
    const code = (error as { code?: string }).code ?? String(error);
    if (code === INJECTED) seen.faults.error++;
    else if (code === 'ECONNRESET') seen.faults.drop++;
  };
  for (let round = 0, before = 0; !enough(seen.done.length - before); round++) {
    before = seen.done.length;
    const id = round * CLIENTS + number;
    const from = id % ACCOUNTS;
    const to = (id * 7 + 1 + round) % ACCOUNTS;
    let begun = false;
    try {
      client ??= await connect(address);
      if (round % 3 === 0) await single(client, id, from, to);
      else {
        await client.query('BEGIN');
        begun = true;
        await steps(client, id, from, to, round % 3 === 1);
        begun = false;
      }
      (round % 7 === 6 && round % 3 !== 0 ? seen.failed : seen.done).push(id);
    } catch (error) {
      lost(error);
      seen.failed.push(id);
      const code = (error as { code?: string }).code;
      if (begun && code !== DEADLOCK) seen.cut.push(`${id}: ${code} ${String(error)}`);
      if (code === DEADLOCK && begun) await client?.query('ROLLBACK');
      else if (code !== INJECTED && code !== DEADLOCK) client = undefined;
    }
  }
  await client?.end();
  return seen;

  async function steps(on: pg.Client, id: number, from: number, to: number, named: boolean): Promise<void> {
    const update = (account: number, amount: number): Promise<unknown> =>
      named
        ? on.query({ name: 'move', text: 'UPDATE accounts SET balance = balance + $2 WHERE id = $1', values: [account, amount] })
        : on.query(`UPDATE accounts SET balance = balance + ${amount} WHERE id = ${account}`);
    // In the order of their numbers, so that hardly any wait for each other in a ring.
    await (from < to ? update(from, -1) : update(to, 1));
    await (from < to ? update(to, 1) : update(from, -1));
    await on.query('INSERT INTO ledger VALUES ($1)', [id]);
    await on.query(Math.floor(id / CLIENTS) % 7 === 6 ? 'ROLLBACK' : 'COMMIT');
  }
}

/** A transfer in one statement, which is a transaction of its own. */
const single = (client: pg.Client, id: number, from: number, to: number): Promise<unknown> =>
  client.query(
    `WITH booked AS (INSERT INTO ledger VALUES ($1)), taken AS (UPDATE accounts SET balance = balance - 1 WHERE id = $2 AND $2 <> $3)
     UPDATE accounts SET balance = balance + 1 WHERE id = $3 AND $2 <> $3`,
    [id, from, to],
  );

async function connect(address: string): Promise<pg.Client> {
  const client = new pg.Client(`postgres://${RAW_USER}@${address}/postgres`);
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** Waits until the server has noticed that its clients are gone; then nothing of them may be left. */
async function gone(at: PostgresStage): Promise<void> {
  const left = async (): Promise<unknown> =>
    (await at.direct(`SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = '${RAW_USER}'`))[0]?.['n'];
  while ((await left()) !== 0);
  const locks = await at.direct("SELECT locktype, mode FROM pg_locks WHERE pid <> pg_backend_pid() AND database IS NOT NULL AND locktype <> 'virtualxid'");
  assert.deepEqual(locks, []);
  assert.deepEqual(await at.direct('SELECT gid FROM pg_prepared_xacts'), []);
  assert.equal(at.wire.routeCounters()[0]?.active, 0);
}
