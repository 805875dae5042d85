import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Acts } from './acts.ts';
import { Holds, type Hold } from './holds.ts';
import { createShared, Shard, Totals } from './shared.ts';
import type { Shown } from './subject.ts';
import { Tap } from './tap.ts';

const shown: Shown = { describe: () => ({ method: '', target: '', traceId: '', requestId: '', head: '' }) };
const link = { reset: (): void => {} };
const late = { act: 'delay', total: 600_000, parts: [{ policy: 'p', slot: 0, delay: 600_000 }] } as const;

function stage() {
  const shared = createShared(1);
  const shard = new Shard(shared, 0);
  const holds = new Holds(shard, () => false);
  const failures: unknown[] = [];
  const tap = new Tap(shared, 0, () => {});
  const acts = new Acts({ name: 'r', protocol: 'http', slot: 0, shard, tap, failed: (error) => void failures.push(error) }, holds);
  const totals = new Totals(shared);
  return { holds, acts, failures, counted: () => [totals.policy(0).latencies, totals.route(0, 'r').latencies] };
}

describe('messages that wait', () => {
  it('are not counted a second time when their client leaves between their release and their way on', () => {
    const { holds, acts, counted } = stage();
    const cut = acts.delayed(late, shown, link, () => {});
    holds.releasePolicy(0);
    acts.cancel(cut, shown);
    assert.deepEqual(counted(), [0, 0], 'its policy is gone, and its place may be that of another one');
    const left = acts.delayed(late, shown, link, () => {});
    acts.cancel(left, shown);
    acts.cancel(left, shown);
    assert.deepEqual(counted(), [1, 1]);
  });
  it('are let go once, also when the release of one gives up another', () => {
    const { holds, acts } = stage();
    let released = 0;
    const hold: { second?: Hold } = {};
    acts.delayed(late, shown, link, () => acts.cancel(hold.second as Hold, shown));
    hold.second = acts.delayed(late, shown, link, () => void released++);
    holds.releaseAll();
    assert.equal(released, 0);
  });
  it('do not take their thread along when going on fails, only their connection', () => {
    const { holds, acts, failures } = stage();
    let released = 0;
    let resets = 0;
    acts.delayed(late, shown, { reset: () => void resets++ }, () => {
      throw new Error('a bug');
    });
    acts.delayed(late, shown, link, () => void released++);
    holds.releaseAll();
    assert.deepEqual([failures.map(String), resets, released], [['Error: a bug'], 1, 1]);
  });
});
