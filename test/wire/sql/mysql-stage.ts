import assert from 'node:assert/strict';
import * as mariadb from 'mariadb';
import mysql from 'mysql2/promise';
import { DATABASE, PASSWORD, startMariaDb, USER } from '../../lab/mariadb.ts';
import type { LabServer } from '../../lab/server.ts';
import { failure as failed, type Ran, RouteStage, routeTo, run } from '../stage.ts';

/** What a client of MySQL says when it fails: the server's number and SQLSTATE, or the code of the socket's error. */
export interface MysqlFailure {
  readonly code?: string;
  readonly errno?: number;
  readonly sqlState?: string;
  readonly message: string;
}

/** A real MariaDB, or MySQL, with a route to it. */
export class MysqlStage extends RouteStage<LabServer> {
  static start(...options: readonly string[]): Promise<MysqlStage> {
    return MysqlStage.before(startMariaDb(...options));
  }
  static async before(server: Promise<LabServer>): Promise<MysqlStage> {
    return new MysqlStage(await routeTo('sql', server));
  }
  /** Takes all policies away, and proves that statements then pass untouched. */
  override async clear(): Promise<void> {
    await super.clear();
    const before = this.route.faults;
    await using client = await this.mysql2();
    assert.deepEqual((await client.execute('SELECT CAST(? AS SIGNED) AS one', [1]))[0], [{ one: 1 }]);
    assert.equal(this.route.faults, before);
    assert.deepEqual(this.errors, []);
  }
  /** A connection of mysql2 on the route, or on the server itself. */
  async mysql2(over: mysql.ConnectionOptions = {}, address = this.address): Promise<mysql.Connection & AsyncDisposable> {
    const client = await mysql.createConnection({ ...whereAndWho(address), ...over });
    client.on('error', () => {});
    return Object.assign(client, { [Symbol.asyncDispose]: () => client.end().catch(() => client.destroy()) });
  }
  /** A connection of MariaDB's own connector. */
  async mariadb(over: mariadb.ConnectionConfig = {}, address = this.address): Promise<mariadb.Connection & AsyncDisposable> {
    const client = await mariadb.createConnection({ ...whereAndWho(address), ...over });
    client.on('error', () => {});
    return Object.assign(client, { [Symbol.asyncDispose]: () => client.end().catch(() => client.destroy()) });
  }
  /** Runs SQL on the server itself, past the route. */
  async direct(...sql: readonly string[]): Promise<Record<string, unknown>[]> {
    await using client = await this.mysql2({}, this.server.address);
    let rows: unknown = [];
    for (const one of sql) [rows] = await client.query(one);
    return rows as Record<string, unknown>[];
  }
  /** What MariaDB's own command line says to the SQL, over the route. */
  cli(sql: string, ...args: readonly string[]): Promise<Ran> {
    const { host, port, user, password, database } = whereAndWho(this.address);
    const all = ['--no-defaults', '-h', host, '-P', String(port), `-u${user}`, `-p${password}`, '--skip-ssl', '--batch', '--skip-column-names', ...args, database];
    return run('mariadb', all, sql);
  }
}

export function whereAndWho(address: string): { host: string; port: number; user: string; password: string; database: string } {
  const [host = '', port = ''] = address.split(':');
  return { host, port: Number(port), user: USER, password: PASSWORD, database: DATABASE };
}

/** What a promise failed with; undefined when it did not. */
export const failure = (of: Promise<unknown>) => failed<MysqlFailure>(of);
/** The first column of the first row that mysql2 returned. */
export async function valueOf(of: Promise<readonly [unknown, ...unknown[]]>): Promise<unknown> {
  const [rows] = await of;
  return Object.values((rows as Record<string, unknown>[])[0] ?? {})[0];
}
