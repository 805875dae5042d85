import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { noDisk, testDisk } from '../engine/faults/disk/test-disk.ts';
import { startApp } from '../engine/faults/kernel/test-app.ts';
import { makeWorld, noWorld } from '../engine/faults/network/test-world.ts';
import { startFleet } from '../engine/faults/process/test-fleet.ts';
import { spaceOf } from '../engine/host/disk-space.ts';
import { engineIn } from '../engine/test-engine.ts';
import { noKernel } from './crash/kernel-scenes.ts';
import { startService } from './support/service.ts';

const never = new AbortController().signal;

/** One experiment that strikes the processes, the network, the disk, the kernel and the wire at once, and ends itself. */
test('faults of five layers at once: the breach takes all of them back', { skip: noWorld() || noDisk() || noKernel('connect'), timeout: 300_000 }, async (t) => {
  await using stack = new AsyncDisposableStack();
  const dir = mkdtempSync(join(tmpdir(), 'firebreak-layers-'));
  stack.defer(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
  const { api } = stack.use(await engineIn(dir));
  const fleet = stack.use(await startFleet(3));
  const app = stack.use(await startApp());
  const disk = stack.use(testDisk());
  const world = stack.use(await makeWorld());
  const service = stack.use(await startService((_request, response) => response.end('ok')));
  const before = { used: spaceOf(disk.path).usedMB, picture: world.picture() };

  // What each of them needs to bite.
  let over = false;
  const busy = (act: () => Promise<unknown>): Promise<void> => (async () => {
    while (!over) await act();
  })();
  const loops = [busy(() => app.does('bind 0')), busy(() => world.send('udp', world.four, 5432, 200))];
  stack.defer(async () => {
    over = true;
    await Promise.all(loops);
  });

  const text = `version: 1
name: five-layers
seed: 42
routes:
  - { name: shop, protocol: http, listen: "127.0.0.1:0", upstream: "${service.address}" }
policies:
  - { name: stopped, type: process, target: "cmd:${fleet.word}" }
  - { name: lossy, type: network, target: "netns:${world.here}/${world.dev}", port: 5432, loss: 0.5 }
  - { name: full, type: disk, target: ${disk.path}, action: fill, percentage: 80, reserve_mb: 1 }
  - { name: no-listening, type: kernel, target: "cmd:${app.word}", action: bind }
  - { name: outage, type: http, route: shop, target: all, error_chance: 1, error_code: 503 }
experiment:
  hypothesis: The shop sells whatever happens.
  duration: 5m
  baseline: 1s
  steady_state:
    - { name: shop, probe: { type: http, url: "route://shop/", every: 200ms, timeout: 10s, window: 4s }, expect: success_rate >= 0.9 }
  abort: { when: success_rate < 0.5, for: 1s }
`;
  const read = await api.queries.validate({ text, file: 'layers.yaml', routes: [] }, never);
  assert.ok(read.ok, JSON.stringify(read));
  const routes = await api.commands.openRoutes({ routes: read.summary.routes }, never);
  const { run } = await api.commands.run({ text, file: 'layers.yaml', overrides: { recoveryMs: 20_000 }, routes }, never);
  let breach = 0;
  let last = 0;
  for await (const { body, at } of api.streams.events({ since: 0 }, never)) {
    if (body.kind === 'breach') breach = at;
    if (body.kind === 'fault' && body.fault.state === 'clean') last = at;
    if (body.kind === 'run-ended') break;
  }
  const outcome = await api.queries.outcome({ run }, never);
  assert.equal(outcome.verdict, 'aborted', outcome.reason);
  assert.deepEqual(outcome.faults.map(({ policy, effect, reverted }) => [policy, effect.bitten, reverted]), ['stopped', 'lossy', 'full', 'no-listening', 'outage'].map((policy) => [policy, true, true]));
  assert.ok(breach > 0 && last >= breach);
  t.diagnostic(`all five were proven clean ${last - breach} ms after the breach`);
  // The promise is two seconds, which a machine under load may take five times as long for.
  assert.ok(last - breach < 10_000, `${last - breach} ms`);
  assert.deepEqual((await api.queries.open({}, never)).open, []);
  assert.deepEqual(fleet.pids.map((pid) => fleet.state(pid)).filter((state) => state === 'T'), []);
  assert.deepEqual([spaceOf(disk.path).usedMB, world.picture(), await (await fetch(`http://${routes[0]?.listen}/`)).text()], [before.used, before.picture, 'ok']);
});
