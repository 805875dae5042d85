import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, get, type RequestListener } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { type RunOutcome } from '../contract/api.ts';
import { type Route } from '../contract/models.ts';
import { markOf } from '../host/spawn.ts';
import { engineIn } from '../test-engine.ts';

/** The templates of the library, filled in as a reader would, on services that are not the demo's. */

const never = new AbortController().signal;
/** A reader's own figures, for a run of seconds: polls come sooner, and the window lets go of the past sooner. */
async function template(name: string): Promise<string> {
  const text = await readFile(join(import.meta.dirname, '../../assets/experiments', name), 'utf8');
  const quick = text.replace('every: 500ms, timeout: 2s', 'every: 100ms, timeout: 2s, window: 2s');
  assert.notEqual(quick, text);
  return quick;
}

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'firebreak-own-'));
  t.after(() => rm(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
}

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Runs it shortened; `opened` hears where the routes listen before the experiment begins. */
async function run(
  t: TestContext,
  text: string,
  wanted: readonly Route[],
  opened: (listen: string) => void,
): Promise<RunOutcome> {
  await using engine = await engineIn(await folder(t));
  const { api } = engine;
  const routes = wanted.length === 0 ? [] : await api.commands.openRoutes({ routes: [...wanted] }, never);
  opened(routes[0]?.listen ?? '');
  const overrides = { durationMs: 3_000, baselineMs: 1_000, recoveryMs: 5_000 };
  const started = await api.commands.run({ text, file: 'mine.yaml', overrides, routes }, never);
  const outcome = await api.queries.outcome({ run: started.run }, never);
  assert.deepEqual((await api.queries.open({}, never)).open, []);
  return outcome;
}

describe('the templates for services of one\'s own', { concurrency: 1 }, () => {
  test('own-dependency-outage: a service with a cache holds, one without does not', { timeout: 300_000 }, async (t) => {
    const upstream = await serve(t, (_request, answer) => answer.end('price 7'));
    for (const cached of [true, false]) {
      let dependency = '';
      const mine = await serve(t, (_request, answer) => {
        get(`http://${dependency}/`, { agent: false }, (price) => {
          price.resume();
          answer.writeHead(price.statusCode === 200 || cached ? 200 : 502).end();
        }).on('error', () => answer.writeHead(502).end());
      });
      const text = (await template('own-dependency-outage.yaml')).replace('127.0.0.1:8080', mine);
      const route: Route = { name: 'my-dependency', protocol: 'http', listen: '127.0.0.1:0', upstream };
      const outcome = await run(t, text, [route], (listen) => (dependency = listen));
      assert.ok(cached ? outcome.verdict === 'held' : ['refuted', 'aborted'].includes(outcome.verdict ?? ''), outcome.reason);
      const [fault] = outcome.faults;
      assert.ok(fault?.effect.bitten === true && fault.reverted, JSON.stringify(fault));
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
    const mine = await serve(t, (_request, answer) => answer.end('ok'));
    const text = (await template('own-worker-crash.yaml')).replace('127.0.0.1:8080', mine).replace('cmd:my-worker.js', `cmd:${name}`);
    const outcome = await run(t, text, [], () => {});
    assert.equal(outcome.verdict, 'held', outcome.reason);
    assert.equal(killed.length, 1);
    assert.equal(outcome.reverted, true, JSON.stringify(outcome.faults));
  });

  test('http-own-service: the service itself is slow for some', { timeout: 300_000 }, async (t) => {
    const upstream = await serve(t, (_request, answer) => answer.end('ok'));
    const route: Route = { name: 'my-service', protocol: 'http', listen: '127.0.0.1:0', upstream };
    // Few polls in so short a run: every request is delayed, or none might be.
    const text = (await template('http-own-service.yaml')).replace('latency_chance: 0.3', 'latency_chance: 1');
    const outcome = await run(t, text, [route], () => {});
    assert.equal(outcome.verdict, 'held', outcome.reason);
    assert.equal(outcome.faults[0]?.reverted, true);
  });
});
