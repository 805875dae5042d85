import { keyedRandom } from '../kernel/random.ts';
import { type CompiledPolicy } from './compiled.ts';

/** What one policy does to one message. */
export const DECISION = { none: 0, latency: 1, error: 2, drop: 3 } as const;
export type Decision = (typeof DECISION)[keyof typeof DECISION];

/** One die for failing and one for waiting, so that the two chances are independent. */
const FAIL_DIE = 1;
const LATENCY_DIE = 2;

/**
 * Throws the dice for message number `index` (counted from 0 per policy) of a policy. Depends on nothing but seed,
 * policy key and index: the same on one worker or four. An error wins over latency; a drop is what an error becomes
 * under `dropConnection`. Chance 0 never fires and chance 1 always does, because the random number lies in [0, 1).
 * Throttling is not decided here: it depends on time. Allocates nothing.
 */
export function decide(policy: CompiledPolicy, index: number): Decision {
  const fail = policy.failChance;
  if (fail > 0 && keyedRandom(policy.seed, policy.key, index, FAIL_DIE) < fail) {
    return policy.drops ? DECISION.drop : DECISION.error;
  }
  const late = policy.latencyChance;
  if (late > 0 && keyedRandom(policy.seed, policy.key, index, LATENCY_DIE) < late) return DECISION.latency;
  return DECISION.none;
}
