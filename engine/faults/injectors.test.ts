import assert from 'node:assert/strict';
import { test } from 'node:test';
import { millis } from '../kernel/brands.ts';
import { VirtualClock } from '../kernel/clock.ts';
import { type FaultRequest } from '../kernel/fault.ts';
import { newFaultId, newRunId } from '../kernel/random.ts';
import { createInjectors } from './injectors.ts';
import { manifests } from './manifests.ts';

const injectors = createInjectors({ wire: null, clock: new VirtualClock() });
const request: FaultRequest = {
  run: newRunId(), policy: 'p', type: 'redis', target: 'all', route: '', routes: [], ignored: [], params: {}, seed: 1, hold: millis(1_000),
};

test('every type that a policy may name has an injector, and no other has', () => {
  assert.deepEqual(Object.keys(injectors).sort(), Object.keys(manifests).sort());
});

test('a type that this machine or version cannot run says so, and never pretends', async () => {
  for (const injector of Object.values(injectors).filter((one) => one.unavailable() !== '')) {
    const why = new RegExp(injector.unavailable().slice(0, 40).replaceAll(/[^\w ]/g, '.'));
    await assert.rejects(injector.plan(request, new AbortController().signal), why);
    await assert.rejects(injector.revert({}), why);
    await assert.rejects(injector.fingerprint({}), why);
  }
});

test('a process without a wire finds what a dead engine had in its own to be gone', async () => {
  const undo = injectors.http.undo.parse({ policyId: newFaultId(), owner: { pid: 4_000_000, started: 'earlier' }, routes: ['payments'] });
  await injectors.http.revert(undo);
  assert.match(await injectors.http.fingerprint(undo), /absent/);
});
