import assert from 'node:assert/strict';
import pg from 'pg';
import { PASSWORD, startPostgres, urlOf, USER } from '../../lab/postgres.ts';
import type { LabServer } from '../../lab/server.ts';
import { failure as failed, type Ran, RouteStage, routeTo, run } from '../stage.ts';

/** Longer than any test may last, in milliseconds: whoever waits for it was not let go. */
export const FOREVER = 600_000;

/** A real PostgreSQL with a route to it. */
export class PostgresStage extends RouteStage<LabServer> {
  static async start(tls = false, workers?: number): Promise<PostgresStage> {
    return new PostgresStage(await routeTo('sql', startPostgres(tls), workers));
  }
  /** Takes all policies away, and proves that a statement then passes untouched. */
  override async clear(): Promise<void> {
    await super.clear();
    const before = this.route.faults;
    await using client = await this.client();
    assert.deepEqual((await client.query('SELECT $1::int AS one', [1])).rows, [{ one: 1 }]);
    assert.equal(this.route.faults, before);
    assert.deepEqual(this.errors, []);
  }
  /** A client on the route, or on the server itself. */
  async client(address = this.address): Promise<pg.Client & AsyncDisposable> {
    const client = new pg.Client({ connectionString: urlOf(address), keepAlive: false });
    client.on('error', () => {});
    await client.connect();
    return Object.assign(client, { [Symbol.asyncDispose]: () => client.end().catch(() => {}) });
  }
  /** Runs SQL on the server itself, past the route. */
  async direct(sql: string): Promise<Record<string, unknown>[]> {
    await using client = await this.client(this.server.address);
    return (await client.query<Record<string, unknown>>(sql)).rows;
  }
  /** Runs a program of PostgreSQL that connects to the route. */
  run(program: string, args: readonly string[], input = '', more: Readonly<Record<string, string>> = {}): Promise<Ran> {
    const [host = '', port = ''] = this.address.split(':');
    const env = { PGHOST: host, PGPORT: port, PGUSER: USER, PGPASSWORD: PASSWORD, PGDATABASE: 'postgres', PGSSLMODE: 'disable', LC_ALL: 'C', ...more };
    return run(program, args, input, { env });
  }
}

/** What a promise failed with, as a database error or the error of a socket; undefined when it did not. */
export const failure = (of: Promise<unknown>) => failed<{ code?: string; severity?: string; message: string }>(of);
