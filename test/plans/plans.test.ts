import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { noDisk } from '../../engine/faults/disk/test-disk.ts';
import { noWorld } from '../../engine/faults/network/test-world.ts';
import { noFaketime } from '../../engine/faults/time/test-clocked.ts';
import { FirebreakError } from '../../engine/kernel/errors.ts';
import { missing } from '../lab/server.ts';
import { type Grounds, type Planned, prepare } from './grounds.ts';
import { PASSING } from './passing.ts';
import { REFUSED } from './refused.ts';

/** The guard over the machine: what must never begin, and what must not be held up. Planning changes nothing. */
describe('plans', { skip: noWorld() || noDisk() || noFaketime || missing('strace'), timeout: 300_000 }, () => {
  let at: Grounds;
  before(async () => void (at = await prepare()));
  after(() => at[Symbol.asyncDispose]());

  const never = new AbortController().signal;
  /** What stands in the way of a file; '' when nothing does. */
  async function obstacle({ policies }: Planned): Promise<string> {
    const lines = [policies(at)].flat().map((fields, index) => `  - { name: p${index}, ${fields} }`);
    try {
      const planned = await at.engine.api.queries.plan({ text: ['version: 1', 'policies:', ...lines].join('\n'), file: 'plan.yaml', overrides: {}, routes: [] }, never);
      if (!planned.ok) return planned.issues.map(({ message }) => message).join('; ');
      const { faults } = planned.plan;
      return faults.map(({ unavailable, targets, policy }) => unavailable || (targets.length === 0 ? `${policy} matches nothing` : '')).filter(Boolean).join('; ');
    } catch (error) {
      assert.ok(error instanceof FirebreakError && error.hint !== '', String(error));
      return error.message;
    }
  }

  test('there are enough of each', () => assert.ok(REFUSED.length >= 40 && PASSING.length >= 20));
  for (const one of REFUSED) test(`refused: ${one.name}`, async () => assert.match(await obstacle(one), one.because));
  for (const one of PASSING) test(`passes: ${one.name}`, async () => assert.equal(await obstacle(one), ''));
});
