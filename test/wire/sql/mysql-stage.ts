import { spawn } from 'node:child_process';
import assert from 'node:assert/strict';
import * as mariadb from 'mariadb';
import mysql from 'mysql2/promise';
import type { WirePolicy } from '../../../engine/policy/snapshot.ts';
import type { Wire } from '../../../engine/wire/wire.ts';
import { DATABASE, PASSWORD, startMariaDb, USER } from '../../lab/mariadb.ts';
import { type LabServer, programOf } from '../../lab/server.ts';
import { policy, wireTo } from '../parts.ts';

/** What a client of MySQL says when it fails: the server's number and SQLSTATE, or the code of the socket's error. */
export interface MysqlFailure {
  readonly code?: string;
  readonly errno?: number;
  readonly sqlState?: string;
  readonly message: string;
}

/** A real MariaDB with a route to it. */
export class MysqlStage implements AsyncDisposable {
  readonly server: LabServer;
  readonly wire: Wire;
  /** Of the route. */
  readonly address: string;
  readonly #errors: Error[];
  #added: string[] = [];

  private constructor(server: LabServer, { wire, address, errors }: Awaited<ReturnType<typeof wireTo>>) {
    this.server = server;
    this.wire = wire;
    this.address = address;
    this.#errors = errors;
  }
  static async start(...options: readonly string[]): Promise<MysqlStage> {
    const server = await startMariaDb(...options);
    return new MysqlStage(server, await wireTo(server.address, { protocol: 'sql' }));
  }
  async add(over: Partial<WirePolicy>): Promise<WirePolicy> {
    const one = policy({ protocol: 'sql', ...over });
    await this.wire.add(one);
    this.#added.push(one.id);
    return one;
  }
  /** Takes all policies away, and proves that statements then pass untouched. */
  async clear(): Promise<void> {
    this.wire.resume();
    for (const id of this.#added.splice(0)) await this.wire.remove(id);
    const before = this.wire.routeCounters()[0]?.faults;
    await using client = await this.mysql2();
    assert.deepEqual((await client.execute('SELECT CAST(? AS INT) AS one', [1]))[0], [{ one: 1 }]);
    assert.equal(this.wire.routeCounters()[0]?.faults, before);
    assert.deepEqual(this.#errors, []);
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
  cli(sql: string, ...args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const { host, port, user, password, database } = whereAndWho(this.address);
    const all = ['--no-defaults', '-h', host, '-P', String(port), `-u${user}`, `-p${password}`, '--skip-ssl', '--batch', '--skip-column-names', ...args, database];
    return new Promise((resolve, reject) => {
      const child = spawn(programOf('mariadb') ?? 'mariadb', all, { stdio: ['pipe', 'pipe', 'pipe'] });
      let [stdout, stderr] = ['', ''];
      child.stdout.on('data', (bytes: Buffer) => (stdout += bytes.toString()));
      child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
      child.on('error', reject);
      child.on('close', (code) => resolve({ code, stdout, stderr }));
      child.stdin.on('error', () => {});
      child.stdin.end(sql);
    });
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.wire[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }
}

export function whereAndWho(address: string): { host: string; port: number; user: string; password: string; database: string } {
  const [host = '', port = ''] = address.split(':');
  return { host, port: Number(port), user: USER, password: PASSWORD, database: DATABASE };
}

/** What a promise failed with; undefined when it did not. */
export function failure(of: Promise<unknown>): Promise<MysqlFailure | undefined> {
  return of.then(
    () => undefined,
    (error: unknown) => error as MysqlFailure,
  );
}
/** The first column of the first row that mysql2 returned. */
export async function valueOf(of: Promise<readonly [unknown, ...unknown[]]>): Promise<unknown> {
  const [rows] = await of;
  return Object.values((rows as Record<string, unknown>[])[0] ?? {})[0];
}
