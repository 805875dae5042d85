import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import pg from 'pg';
import { startDemo } from '../engine/demo/demo.ts';
import { missingServer, spawnNode, startServer } from '../engine/index.ts';
import { realClock } from '../engine/kernel/clock.ts';
import { engineIn } from '../engine/test-engine.ts';
import { noPostgres } from './lab/postgres.ts';

const never = new AbortController().signal;
const FILE = join(import.meta.dirname, '../assets/experiments/pool-exhaustion.yaml');

test('pool-exhaustion: the errands over the database fail while it lasts, and come back by themselves', { skip: noPostgres, timeout: 300_000 }, async (t) => {
  await using stack = new AsyncDisposableStack();
  const dir = mkdtempSync(join(tmpdir(), 'firebreak-pool-'));
  stack.defer(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
  const { api } = stack.use(await engineIn(dir));
  const demo = stack.use(
    await startDemo({
      spawnNode, clock: realClock, seed: 42, rate: 2,
      servers: { startServer, missingServer: (spec) => (spec.title === 'PostgreSQL' ? missingServer(spec) : 'left out by this test') },
      openRoutes: (routes) => api.commands.openRoutes({ routes: [...routes] }, never),
      closeRoutes: async (names) => void (await api.commands.closeRoutes({ names: [...names] }, never)),
    }),
  );
  // What the machine is today is not the question; the abort would shorten what is looked at.
  const text = readFileSync(FILE, 'utf8').replace(/ {2}abort: .*\n/, '');
  const overrides = { durationMs: 8_000, baselineMs: 2_000, recoveryMs: 30_000 };
  const { run } = await api.commands.run({ text, file: 'pool.yaml', overrides, routes: [...demo.routes] }, never);
  const outcome = await api.queries.outcome({ run }, never);
  for (const { policy, effect, reverted } of outcome.faults) {
    assert.deepEqual([policy, effect.bitten, reverted], [policy, true, true], JSON.stringify(outcome.faults));
    t.diagnostic(`${policy}: ${effect.detail}`);
  }
  assert.equal(outcome.verdict, 'refuted', outcome.reason);
  assert.deepEqual((await api.queries.open({}, never)).open, []);
  const admin = new pg.Client(process.env['FIREBREAK_DEMO_DATABASE']);
  await admin.connect();
  const { rows } = await admin.query("SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'firebreak-%'");
  await admin.end();
  assert.deepEqual(rows, []);
});
