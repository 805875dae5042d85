import { keyedBits } from '../kernel/random.ts';
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
 * under `dropConnection`. Chance 0 never fires and chance 1 always does: the bits are never below 0 and
 * always below 2^32. With `everyNth` the dice are thrown for one message of each N only. Throttling is not decided here,
 * because it depends on time. Allocates nothing.
 * @param mayFail false for a message that may only wait: its die for failing is not thrown.
 * @param place the number by which `everyNth` counts, where that is another one (the messages of one stream).
 */
export function decide(policy: CompiledPolicy, index: number, mayFail = true, place = index): Decision {
  if (policy.everyNth > 0 && place % policy.everyNth !== policy.nthRest) return DECISION.none;
  if (mayFail && policy.failBelow > 0 && keyedBits(policy.seed, policy.key, index, FAIL_DIE) >>> 0 < policy.failBelow) {
    return policy.drops ? DECISION.drop : DECISION.error;
  }
  if (policy.latencyBelow > 0 && keyedBits(policy.seed, policy.key, index, LATENCY_DIE) >>> 0 < policy.latencyBelow) {
    return DECISION.latency;
  }
  return DECISION.none;
}
