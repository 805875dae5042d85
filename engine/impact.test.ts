import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FaultReport, impact as impactSchema } from './contract/models.ts';
import { Impacts } from './impact.ts';
import { VirtualClock } from './kernel/clock.ts';
import { virtualRoom } from './lifecycle/test-parts.ts';
import { createBus } from './telemetry/bus.ts';
import { faultReport } from './telemetry/fixtures.ts';
import { echoing, Peer, policy, wireTo } from '../test/wire/parts.ts';
import { get } from '../test/wire/corpus.ts';

const LIMIT = { timeout: 300_000 };

test('what wire faults did is counted by target and policy, through removal and a second fault', LIMIT, async () => {
  await using upstream = await echoing();
  const { wire, address, errors } = await wireTo(upstream.address, { workers: 2 });
  await using _ = wire;
  const bus = createBus(new VirtualClock());
  using impacts = new Impacts(bus, wire);
  const tell = (id: string, state: FaultReport['state']): void =>
    void bus.publish('r-1', { kind: 'fault', fault: faultReport({ id, state, policy: 'broken', target: 'route r /x', type: 'http' }) });
  const ask = async (times: number): Promise<void> => {
    using client = await Peer.to(address);
    client.write(get('/x').repeat(times));
    await client.says('HTTP/1.1 500', times);
  };
  const row = { target: 'route r /x', policy: 'broken', type: 'http', latencies: 0, drops: 0, throttled: 0, others: 0 };

  tell('f-1', 'planned');
  assert.deepEqual(impacts.list(), [], 'nothing has been done to it yet');
  tell('f-1', 'injecting');
  const first = policy({ fault: 'f-1', name: 'broken', errorChance: 1, errorCode: 500 });
  await wire.add(first);
  await ask(3);
  assert.deepEqual(impacts.list(), [{ ...row, active: true, matched: 3, errors: 3 }]);
  tell('f-1', 'reverting');
  const removing = wire.remove(first.id);
  assert.deepEqual(impacts.list()[0]?.errors, 3, 'rising only, also while the policy is being removed');
  await removing;
  assert.deepEqual(impacts.list(), [{ ...row, active: true, matched: 3, errors: 3 }]);
  tell('f-1', 'clean');
  assert.deepEqual(impacts.list(), [{ ...row, active: false, matched: 3, errors: 3 }]);

  tell('f-2', 'injecting');
  const second = policy({ fault: 'f-2', name: 'broken', errorChance: 1, errorCode: 500 });
  await wire.add(second);
  await ask(2);
  assert.deepEqual(impacts.list(), [{ ...row, active: true, matched: 5, errors: 5 }]);
  await wire.remove(second.id);
  tell('f-2', 'unconfirmed');
  assert.equal(impacts.list()[0]?.active, true, 'not proven clean');
  tell('f-2', 'clean');
  tell('f-2', 'clean');
  assert.deepEqual(impacts.list(), [{ ...row, active: false, matched: 5, errors: 5 }]);
  impacts.list().forEach((one) => impactSchema.parse(one));
  assert.deepEqual(errors, []);
});

test('what faults of the machine did is counted as they report it, over the real lifecycle', LIMIT, async () => {
  using at = virtualRoom();
  using impacts = new Impacts(at.bus, { faultCounters: () => undefined });
  const set = await at.start();
  const rows = (): unknown[] => impacts.list().map(({ target, policy: by, active, others, matched }) => [target, by, active, others, matched]);
  assert.deepEqual(rows(), [['folder one', 'one', true, 1, 0], ['folder two', 'two', true, 1, 0]]);
  await at.clock.runUntil(set.revert('done'));
  assert.deepEqual(rows(), [['folder one', 'one', false, 1, 0], ['folder two', 'two', false, 1, 0]]);
  await at.clock.runUntil((await at.start()).revert('done'));
  assert.deepEqual(rows(), [['folder one', 'one', false, 2, 0], ['folder two', 'two', false, 2, 0]]);
  assert.equal(at.world.calm(), true);
});

test('the newest 256 are shown, and what is kept is bounded', () => {
  const bus = createBus(new VirtualClock());
  using impacts = new Impacts(bus, { faultCounters: () => undefined });
  const tell = (n: number, state: FaultReport['state']): void =>
    void bus.publish('', { kind: 'fault', fault: faultReport({ id: `f-${n}`, state, policy: 'p', target: `t${n}`, type: 'process' }) });
  for (let n = 0; n < 3_000; n++) {
    tell(n, 'injecting');
    if (n > 0) tell(n, 'clean');
  }
  assert.deepEqual(impacts.list().map(({ target }) => target), Array.from({ length: 256 }, (_unused, n) => `t${2_744 + n}`));
  tell(3_000, 'injecting');
  bus.publish('', { kind: 'injected', fault: 'f-0', policy: 'p', target: 't0', count: 7, detail: '' });
  tell(0, 'injecting');
  assert.equal(impacts.list().at(-1)?.others, 7, 'what is under way is never forgotten');
});
