import { spawn } from 'node:child_process';
import assert from 'node:assert/strict';
import pg from 'pg';
import type { WirePolicy } from '../../../engine/policy/snapshot.ts';
import type { Wire } from '../../../engine/wire/wire.ts';
import { PASSWORD, startPostgres, urlOf, USER } from '../../lab/postgres.ts';
import type { LabServer } from '../../lab/server.ts';
import { policy, wireTo } from '../parts.ts';

/** Longer than any test may last, in milliseconds: whoever waits for it was not let go. */
export const FOREVER = 600_000;

/** A real PostgreSQL with a route to it. */
export class PostgresStage implements AsyncDisposable {
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
  static async start(tls = false): Promise<PostgresStage> {
    const server = await startPostgres(tls);
    return new PostgresStage(server, await wireTo(server.address, { protocol: 'sql' }));
  }
  async add(over: Partial<WirePolicy>): Promise<WirePolicy> {
    const one = policy({ protocol: 'sql', ...over });
    await this.wire.add(one);
    this.#added.push(one.id);
    return one;
  }
  /** Takes all policies away, and proves that a statement then passes untouched. */
  async clear(): Promise<void> {
    this.wire.resume();
    for (const id of this.#added.splice(0)) await this.wire.remove(id);
    const before = this.wire.routeCounters()[0]?.faults;
    await using client = await this.client();
    assert.deepEqual((await client.query('SELECT $1::int AS one', [1])).rows, [{ one: 1 }]);
    assert.equal(this.wire.routeCounters()[0]?.faults, before);
    assert.deepEqual(this.#errors, []);
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
  run(program: string, args: readonly string[], input = '', more: Readonly<Record<string, string>> = {}): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const [host = '', port = ''] = this.address.split(':');
    const env = { ...process.env, PGHOST: host, PGPORT: port, PGUSER: USER, PGPASSWORD: PASSWORD, PGDATABASE: 'postgres', PGSSLMODE: 'disable', LC_ALL: 'C', ...more };
    return new Promise((resolve, reject) => {
      const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
      let [stdout, stderr] = ['', ''];
      child.stdout.on('data', (bytes: Buffer) => (stdout += bytes.toString()));
      child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
      child.on('error', reject);
      child.on('close', (code) => resolve({ code, stdout, stderr }));
      child.stdin.on('error', () => {});
      child.stdin.end(input);
    });
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.wire[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }
}

/** What a promise failed with, as a database error or the error of a socket; undefined when it did not. */
export async function failure(of: Promise<unknown>): Promise<{ code?: string; severity?: string; message: string } | undefined> {
  return of.then(
    () => undefined,
    (error: unknown) => error as { code?: string; message: string },
  );
}
