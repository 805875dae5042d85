import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, test } from 'node:test';
import { noWorld } from '../engine/faults/network/test-world.ts';
import { TARGET_MARK } from '../engine/host/spawn.ts';
import { runTemplate } from './support/template.ts';

/** The template of the library that parts a service from its database. */

/** A database in a process of its own: what Firebreak's own processes listen on is never struck. */
async function startDatabase(): Promise<{ readonly port: number } & AsyncDisposable> {
  const free = createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const address = free.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  await new Promise((resolve) => free.close(resolve));
  const peer = fileURLToPath(new URL('../engine/faults/network/test-peer.ts', import.meta.url));
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', peer, 'serve', String(port), `${TARGET_MARK}database`], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

/** Rejects when it has no connection within `patience` ms. */
function ask(port: number, patience: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const done = (error?: Error): void => {
      socket.destroy();
      if (error === undefined) resolve();
      else reject(error);
    };
    socket.setTimeout(patience, () => done(new Error('no answer')));
    socket.once('connect', () => done());
    socket.once('error', done);
  });
}

describe('network-partition', { timeout: 300_000, skip: noWorld() }, () => {
  test('a service that answers without its database holds, one that cannot does not', async () => {
    for (const ready of [true, false]) {
      await using database = await startDatabase();
      const service = async () => ({
        serve: () => (ready ? ask(database.port, 300).catch(() => {}) : ask(database.port, 300)),
        [Symbol.asyncDispose]: async () => {},
      });
      const outcome = await runTemplate({ file: 'network-partition.yaml', edits: [['port: 5432', `port: ${database.port}`]], service, durationMs: 5_000 });
      const [fault] = outcome.faults;
      assert.ok(fault?.effect.bitten === true && fault.reverted, JSON.stringify(outcome.faults));
      assert.ok(ready ? outcome.verdict === 'held' : ['refuted', 'aborted'].includes(outcome.verdict ?? ''), `${outcome.verdict}: ${outcome.reason}`);
      await ask(database.port, 5_000);
    }
  });
});
