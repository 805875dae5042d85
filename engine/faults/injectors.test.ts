import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OUTLIVES_MS } from '../host/held.ts';
import { VirtualClock } from '../kernel/clock.ts';
import { newFaultId } from '../kernel/random.ts';
import { createInjectors } from './injectors.ts';
import { manifests } from './manifests.ts';

const injectors = createInjectors({ wire: null, clock: new VirtualClock() });
test('every type that a policy may name has an injector, and no other has', () => {
  assert.deepEqual(Object.keys(injectors).sort(), Object.keys(manifests).sort());
});

test('what a child may live longer than its fault is enough for every fault of its set to prove itself', () => {
  for (const { type, verifyWithin } of Object.values(manifests)) assert.ok(OUTLIVES_MS >= 2 * verifyWithin, type);
});

test('a process without a wire finds what a dead engine had in its own to be gone', async () => {
  const undo = injectors.http.undo.parse({ policyId: newFaultId(), owner: { pid: 4_000_000, started: 'earlier' }, routes: ['payments'] });
  await injectors.http.revert(undo);
  assert.match(await injectors.http.fingerprint(undo), /absent/);
});
