import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { WirePolicy } from '../../engine/policy/snapshot.ts';
import { createWire } from '../../engine/wire/create.ts';
import type { Wire } from '../../engine/wire/wire.ts';
import { noPostgres, startPostgres, urlOf } from '../lab/postgres.ts';
import { redisClient, startRedis } from '../lab/redis.ts';
import { missing } from '../lab/server.ts';
import { policy } from './parts.ts';

/** Seconds of it; the whole minute when somebody has the time. */
const SECONDS = process.env['FIREBREAK_LONG'] === '1' ? 60 : 5;
/** How often each policy is changed in a second. */
const CHANGES = 100;

/** What one protocol is asked for, and how an answer is judged. */
interface Line {
  /** The policy of a version: every field that shows carries the number of the version. */
  readonly of: (version: number) => Partial<WirePolicy>;
  /** Asks once; returns what came as `pass` or `fail`, and throws when it is neither whole answer nor whole fault. */
  readonly ask: (turn: number) => Promise<'pass' | 'fail'>;
}

const skip = noPostgres === false ? missing('redis-server') : noPostgres;

describe('three policies on three protocols, each changed a hundred times a second', { timeout: 600_000, skip }, () => {
  it('no answer is torn between two versions, and no byte is lost', async () => {
    await using stack = new AsyncDisposableStack();
    const errors: Error[] = [];
    const wire = stack.use(createWire({ onError: (error) => errors.push(error) }));
    const lines = [await http(wire, stack), await redis(wire, stack), await sql(wire, stack)];
    const end = performance.now() + SECONDS * 1_000;
    let changes = 0;
    const change = async ({ of }: Line): Promise<void> => {
      let last: WirePolicy | undefined;
      for (let version = 1; performance.now() < end; version++) {
        const next = policy({ ...of(version), name: `v${version}`, errorChance: 0.5 });
        await wire.add(next);
        if (last !== undefined) await wire.remove(last.id);
        last = next;
        changes++;
        await pause(1_000 / CHANGES);
      }
      if (last !== undefined) await wire.remove(last.id);
    };
    const seen = lines.map(() => ({ pass: 0, fail: 0 }));
    const use = async ({ ask }: Line, line: number): Promise<void> => {
      for (let turn = 0; performance.now() < end; turn++) (seen[line] as { pass: number; fail: number })[await ask(turn)]++;
    };
    await Promise.all([...lines.map(change), ...lines.map(use)]);
    for (const [line, { pass, fail }] of seen.entries()) assert.ok(pass > 0 && fail > 0, `line ${line}: ${pass} passed, ${fail} failed`);
    assert.ok(changes > 3 * SECONDS, `${changes} changes`);
    // With no policy left, everything passes on the connections that went through all of it.
    for (const { ask } of lines) for (let turn = 0; turn < 20; turn++) assert.equal(await ask(turn), 'pass');
    assert.deepEqual(errors, []);
  });
});

const routeTo = async (wire: Wire, name: string, protocol: 'http' | 'redis' | 'sql', port: number): Promise<string> => {
  const [route] = await wire.open([{ name, protocol, listen: '127.0.0.1:0', upstream: `127.0.0.1:${port}` }]);
  return route?.listen ?? '';
};
/** Of different lengths, and no two alike: a byte too few or too many would show. */
const textOf = (turn: number): string => `${turn}:${'x'.repeat((turn * 37) % 3_000)}`;

async function http(wire: Wire, stack: AsyncDisposableStack): Promise<Line> {
  const server = createServer((request, response) => void request.pipe(response));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  stack.defer(() => {
    agent.destroy();
    server.closeAllConnections();
    server.close();
  });
  const [host, port] = (await routeTo(wire, 'web', 'http', (server.address() as AddressInfo).port)).split(':');
  const ask = (text: string): Promise<{ status: number; body: string }> =>
    new Promise((resolve, reject) => {
      const request = httpRequest({ host, port, path: '/echo', method: 'POST', agent }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (bytes: Buffer) => parts.push(bytes));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString() }));
        response.on('error', reject);
      });
      request.on('error', reject);
      request.end(text);
    });
  return {
    of: (version) => ({ protocol: 'http', errorCode: 500 + (version % 100), errorBody: `v${version}` }),
    ask: async (turn) => {
      const { status, body } = await ask(textOf(turn));
      if (status === 200) return assert.equal(body, textOf(turn)), 'pass';
      assert.equal(status, 500 + (Number(/^v(\d+)$/.exec(body)?.[1]) % 100), `torn: ${status} with ${body}`);
      return 'fail';
    },
  };
}

async function redis(wire: Wire, stack: AsyncDisposableStack): Promise<Line> {
  const server = stack.use(await startRedis());
  const address = await routeTo(wire, 'cache', 'redis', server.port);
  const client = redisClient(Number(address.split(':')[1]));
  stack.defer(() => client.disconnect());
  await client.ping();
  return {
    of: (version) => ({ protocol: 'redis', target: 'echo', errorBody: `V${version} and again V${version}` }),
    ask: async (turn) => {
      try {
        assert.equal(await client.echo(textOf(turn)), textOf(turn));
        return 'pass';
      } catch (error) {
        const [, one, two] = /V(\d+) and again V(\d+)$/.exec(String((error as Error).message)) ?? [];
        assert.ok(one !== undefined && one === two, `torn: ${String(error)}`);
        return 'fail';
      }
    },
  };
}

async function sql(wire: Wire, stack: AsyncDisposableStack): Promise<Line> {
  const server = stack.use(await startPostgres());
  const client = new pg.Client(urlOf(await routeTo(wire, 'db', 'sql', server.port)));
  await client.connect();
  stack.defer(() => client.end());
  return {
    of: (version) => ({
      protocol: 'sql',
      target: 'select',
      errorBody: `v${version}`,
      extra: { sqlstate: `F${String(version % 10_000).padStart(4, '0')}` },
    }),
    ask: async (turn) => {
      try {
        const { rows } = await client.query<{ t: string }>('SELECT $1::text AS t', [textOf(turn)]);
        assert.equal(rows[0]?.t, textOf(turn));
        return 'pass';
      } catch (error) {
        if (!(error instanceof pg.DatabaseError)) throw error;
        const version = Number(/^v(\d+)$/.exec(error.message)?.[1]);
        assert.equal(error.code, `F${String(version % 10_000).padStart(4, '0')}`, `torn: ${error.message}`);
        return 'fail';
      }
    },
  };
}
