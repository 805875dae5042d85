import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type mysql from 'mysql2/promise';
import { seededStream } from '../../../engine/kernel/random.ts';
import { noMariaDb } from '../../lab/mariadb.ts';
import { failure, type MysqlFailure, MysqlStage } from './mysql-stage.ts';

/** With FIREBREAK_LONG=1 the whole of what is promised: 200 at a time, for a minute. */
const LONG = process.env['FIREBREAK_LONG'] === '1';
const WORKERS = LONG ? 200 : 40;
const LENGTH = LONG ? 60_000 : 0;
/** So few that some wait for each other, and not so few that nothing moves. */
const ACCOUNTS = WORKERS + 20;
const EACH = 1_000;
/** Transfers that each of them brings to an end, whatever it takes. */
const TRANSFERS = 12;
/** The server's own: two transfers that wait for each other. */
const DEADLOCK = 1213;
/** What the policies say, to tell it from the server's own. */
const INJECTED = 3_572;

/** One who moves money, and opens another connection when it is cut. */
class Teller {
  /** Failures within a transaction that were not the server's own. */
  readonly cutInside: MysqlFailure[] = [];
  done = 0;
  /** COMMITs that the server confirmed. */
  moved = 0;
  refused = 0;
  cut = 0;
  readonly #at: MysqlStage;
  readonly #dice: () => number;
  #connection: (mysql.Connection & AsyncDisposable) | undefined;

  constructor(at: MysqlStage, number: number) {
    this.#at = at;
    this.#dice = seededStream(number);
  }
  async work(until: number): Promise<void> {
    while (this.done < TRANSFERS || performance.now() < until) {
      const connection = (this.#connection ??= await this.#at.mysql2());
      const problem = await this.#transfer(connection);
      if (problem === undefined) this.done++;
      else if (problem.errno === INJECTED) this.refused++;
      else if (problem.errno !== DEADLOCK) {
        assert.equal(problem.code, 'ECONNRESET', problem.message);
        this.cut++;
        connection.destroy();
        this.#connection = undefined;
      }
    }
    await this.#connection?.end();
  }
  async #transfer(connection: mysql.Connection): Promise<MysqlFailure | undefined> {
    const [from, to] = [Math.floor(this.#dice() * ACCOUNTS), Math.floor(this.#dice() * ACCOUNTS)];
    const amount = 1 + Math.floor(this.#dice() * 50);
    const [balance, none] = await failureOr(connection.execute('SELECT balance FROM accounts WHERE id = ?', [from]));
    if (none !== undefined || balance === undefined) return none;
    const begin = await failure(this.#dice() < 0.5 ? connection.beginTransaction() : connection.query('SET autocommit = 0'));
    if (begin !== undefined) return begin;
    const within = await failure(this.#move(connection, from, to, amount));
    if (within !== undefined && within.errno !== DEADLOCK) this.cutInside.push(within);
    const end = await failure(within === undefined ? connection.commit() : connection.rollback());
    if (end !== undefined) this.cutInside.push(end);
    else if (within === undefined) this.moved++;
    const auto = await failure(connection.query('SET autocommit = 1'));
    return auto ?? within;
  }
  async #move(connection: mysql.Connection, from: number, to: number, amount: number): Promise<void> {
    await connection.execute('UPDATE accounts SET balance = balance - ? WHERE id = ?', [amount, from]);
    await connection.query('UPDATE accounts SET balance = balance + ? WHERE id = ?', [amount, to]);
    await connection.execute('INSERT INTO ledger (source, target, amount) VALUES (?, ?, ?)', [from, to, amount]);
  }
}
const failureOr = async (of: Promise<unknown>): Promise<[unknown, MysqlFailure | undefined]> => {
  const result = { value: undefined as unknown };
  const problem = await failure(of.then((value) => (result.value = value)));
  return [result.value, problem];
};

describe('money on MariaDB', { timeout: 300_000, skip: noMariaDb }, () => {
  it('is all there after transfers under errors, cuts and latency, and nothing is left behind', async () => {
    await using at = await MysqlStage.start('--max-connections=1000');
    await at.direct(
      'CREATE TABLE accounts (id INT PRIMARY KEY, balance INT NOT NULL) ENGINE=InnoDB', 'CREATE TABLE ledger (source INT, target INT, amount INT) ENGINE=InnoDB',
      `INSERT INTO accounts SELECT seq, ${EACH} FROM seq_0_to_${ACCOUNTS - 1}`,
    );
    await at.add({ name: 'errors', target: 'all', errorChance: 0.15, errorCode: INJECTED });
    await at.add({ name: 'cuts', target: 'all', errorChance: 0.15, dropConnection: true });
    await at.add({ name: 'waits', target: 'all', latencyChance: 0.3, latencyMs: 3 });
    const tellers = Array.from({ length: WORKERS }, (_, number) => new Teller(at, number));
    const until = performance.now() + LENGTH;
    await Promise.all(tellers.map((teller) => teller.work(until)));
    await at.clear();

    const sum = (what: 'moved' | 'refused' | 'cut'): number => tellers.reduce((total, teller) => total + teller[what], 0);
    assert.deepEqual(tellers.flatMap(({ cutInside }) => cutInside.map(({ message }) => message)), [], 'no transaction was cut inside');
    assert.ok(sum('refused') > WORKERS && sum('cut') > WORKERS, `${sum('refused')} refused, ${sum('cut')} cut`);
    const [total] = await at.direct('SELECT SUM(balance) AS money, (SELECT COUNT(*) FROM ledger) AS moves FROM accounts');
    assert.equal(Number(total?.['money']), ACCOUNTS * EACH);
    assert.equal(Number(total?.['moves']), sum('moved'), 'each COMMIT was done, and no other');
    const left = async (): Promise<unknown[]> => {
      const [found] = await at.direct('SELECT (SELECT COUNT(*) FROM information_schema.innodb_trx) AS trx, (SELECT COUNT(*) FROM information_schema.processlist WHERE user = "app") AS sessions');
      return [Number(found?.['trx']), Number(found?.['sessions'])];
    };
    // The server ends what was cut in its own time; this very look is a session too.
    for (let tries = 0; tries < 300 && String(await left()) !== '0,1'; tries++) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(await left(), [0, 1], 'no transaction and no session is left');
  });
});
