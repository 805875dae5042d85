import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { startService } from '../../test/support/service.ts';
import { runTemplate, type Service } from '../../test/support/template.ts';
import { markOf } from '../host/spawn.ts';

/** The templates of the library for services that speak HTTP, on services that are not the demo's. */

/** A service of which nobody asks anything but that it answers. */
const simple = async (): Promise<Service> => ({ serve: async () => {}, [Symbol.asyncDispose]: async () => {} });

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'firebreak-own-'));
  t.after(() => rm(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
}

describe('the templates for services of one\'s own', { concurrency: 1 }, () => {
  test('own-dependency-outage: a service with a cache holds, one without does not', { timeout: 300_000 }, async () => {
    await using upstream = await startService((_request, answer) => answer.end('price 7'));
    for (const cached of [true, false]) {
      const service = async (dependency: string): Promise<Service> => ({
        serve: async () => {
          const status = await new Promise((resolve, reject) => {
            get(`http://${dependency}/`, { agent: false }, (price) => resolve(price.resume().statusCode)).on('error', reject);
          }).catch(() => 0);
          assert.ok(status === 200 || cached, `${status}`);
        },
        [Symbol.asyncDispose]: async () => {},
      });
      const outcome = await runTemplate({ file: 'own-dependency-outage.yaml', upstream: upstream.address, service });
      assert.ok(cached ? outcome.verdict === 'held' : ['refuted', 'aborted'].includes(outcome.verdict ?? ''), outcome.reason);
      assert.equal(outcome.faults[0]?.effect.bitten, true, JSON.stringify(outcome.faults));
    }
  });

  test('own-worker-crash: one worker is killed, the others carry on', { timeout: 300_000 }, async (t) => {
    const dir = await folder(t);
    const name = `my-worker-${process.pid}.js`;
    await writeFile(join(dir, name), 'process.stdin.resume(); process.stdin.on("end", () => process.exit()); console.log("up");');
    // Children of this engine are never touched, unless they say that they may be.
    const mark = markOf('worker', '', true);
    const running = new Set<ChildProcess>();
    const killed: number[] = [];
    let ending = false;
    // As a supervisor would: what dies is started again.
    const start = (): ChildProcess => {
      const worker = spawn(process.execPath, [join(dir, name), mark], { stdio: ['pipe', 'pipe', 'ignore'] });
      running.add(worker);
      worker.once('exit', (_code, signal) => {
        running.delete(worker);
        if (ending) return;
        if (signal === 'SIGKILL') killed.push(worker.pid ?? 0);
        start();
      });
      return worker;
    };
    t.after(() => {
      ending = true;
      for (const worker of running) worker.kill('SIGKILL');
    });
    await Promise.all([1, 2, 3].map(() => once(start().stdout as NodeJS.ReadableStream, 'data')));
    const outcome = await runTemplate({ file: 'own-worker-crash.yaml', edits: [['cmd:my-worker.js', `cmd:${name}`]], service: simple });
    assert.equal(outcome.verdict, 'held', outcome.reason);
    assert.equal(killed.length, 1);
    assert.equal(outcome.reverted, true, JSON.stringify(outcome.faults));
  });

  test('http-own-service: the service itself is slow for some', { timeout: 300_000 }, async () => {
    await using upstream = await startService((_request, answer) => answer.end('ok'));
    const outcome = await runTemplate({ file: 'http-own-service.yaml', upstream: upstream.address, service: simple });
    assert.equal(outcome.verdict, 'held', outcome.reason);
    const [fault] = outcome.faults;
    assert.ok(fault?.effect.bitten === true && fault.reverted, JSON.stringify(fault));
    assert.ok((fault.effect.figures.find(({ name }) => name === 'latency')?.delivered ?? 0) >= 300);
  });
});
