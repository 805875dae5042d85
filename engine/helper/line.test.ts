import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { test } from 'node:test';
import { helperApi } from '../contract/helper.ts';
import { VirtualClock } from '../kernel/clock.ts';
import { newFaultId } from '../kernel/random.ts';
import { LEASE } from '../lifecycle/models.ts';
import { temporary } from '../lifecycle/test-parts.ts';
import { serve } from '../transport/dispatch.ts';
import { listenUnix } from '../transport/unix.ts';
import { HelperLine } from './line.ts';

/** Somebody at the socket who answers so many beats and is then as a stopped process is; undefined: who never says a word. */
async function room(beats?: number) {
  const folder = temporary();
  const address = join(folder.path, 'x.sock');
  let left = beats ?? 0;
  const never = new Promise<never>(() => {});
  const handlers = {
    queries: { about: async () => ({ version: '1', pid: 1, types: {} }), capabilities: () => never, plan: () => never, fingerprint: () => never, verify: () => never },
    commands: { inject: () => never, revert: () => never, beat: async () => (left-- > 0 ? {} : never) },
    streams: { injected: async function* () {} },
  };
  const server = await listenUnix({ path: address, onPort: (port) => void (beats !== undefined && serve(helperApi, handlers, port)) });
  const clock = new VirtualClock();
  const line = new HelperLine(address, clock);
  const pass = async (limit: number, settled: () => boolean): Promise<void> => {
    for (const end = clock.now() + limit; !settled() && clock.now() < end; await clock.advance(500)) for (let turns = 0; turns < 20; turns++) await setImmediate();
  };
  return { line, clock, pass, [Symbol.asyncDispose]: async () => (line[Symbol.dispose](), await server[Symbol.asyncDispose](), folder[Symbol.dispose]()) };
}

test('a helper that takes the call and says nothing is given up', { timeout: 60_000 }, async () => {
  await using at = await room();
  let problem: unknown;
  void at.line.client().catch((error: unknown) => (problem = error));
  await at.pass(30_000, () => problem !== undefined);
  assert.match(String(problem), /the helper does not answer/);
  assert.ok(at.clock.now() <= 10_000, `${at.clock.now()} ms`);
});

test('nobody waits for a helper that has fallen silent longer than it may hold anything', { timeout: 60_000 }, async () => {
  await using at = await room(5);
  const client = await at.line.client();
  let problem: unknown;
  client.query('verify', { fault: newFaultId() }).catch((error: unknown) => (problem = error));
  await at.pass(60_000, () => problem !== undefined);
  assert.match(String(problem), /does not answer/);
  assert.ok(at.clock.now() >= LEASE && at.clock.now() <= LEASE + 10_000, `${at.clock.now()} ms`);
});

test('a socket that a helper has left behind is no helper, until another one listens there', { timeout: 60_000 }, async () => {
  using folder = temporary();
  const address = join(folder.path, 'x.sock');
  const line = new HelperLine(address, new VirtualClock());
  assert.match(line.absent, /no helper is there/);
  const ends = await listenUnix({ path: address, onPort: () => {} });
  renameSync(address, `${address}.kept`);
  await ends[Symbol.asyncDispose]();
  renameSync(`${address}.kept`, address);
  assert.equal(line.absent, '');
  await assert.rejects(line.client(), /does not answer/);
  assert.match(line.absent, /the helper has ended \(sudo firebreak helper\)/);
  assert.deepEqual(await line.rootHere(), { none: line.absent, helper: null });
  await using again = await listenUnix({ path: address, onPort: () => {} });
  assert.equal(line.absent, '', String(again));
});
