import { fnv1a } from '../../kernel/hash.ts';
import { keyedRandom } from '../../kernel/random.ts';
import { type ProcessInfo } from '../../host/processes.ts';
import { type ProcessParams } from './manifest.ts';

/** What bears on the choice besides the parameters. */
export interface ChoiceState {
  /** How many matched and could be touched when the fault was planned. */
  readonly firstFleet: number;
  /** How many have been taken so far. */
  readonly taken: number;
  /** 0 for the first choice, then 1, 2 ... */
  readonly round: number;
  readonly seed: number;
  readonly policy: string;
}

/** More processes than this in one fleet would repeat dice. */
const ROUND_STRIDE = 65_536;
const ORDER = 1;
const CHANCE = 2;
const JITTER = 3;

export const isStopped = (info: Pick<ProcessInfo, 'state'>): boolean => info.state === 'T';

/**
 * Chooses who is taken in this round: a pure function of its arguments, so one seed gives one choice. Processes that
 * are stopped already are not chosen. At least one running process of the fleet always survives; the only exception is
 * a fleet that had one process from the start, with `allowLast`.
 */
export function choose(fleet: readonly ProcessInfo[], asked: ProcessParams, state: ChoiceState): readonly ProcessInfo[] {
  const key = fnv1a(state.policy);
  const dice = (index: number, salt: number): number => keyedRandom(state.seed, key, state.round * ROUND_STRIDE + index, salt);
  const running = fleet.filter((info) => !isStopped(info)).sort((a, b) => a.pid - b.pid);
  const order = running
    .map((info, index) => ({ info, rank: dice(index, ORDER), chance: dice(index, CHANCE) }))
    .sort((a, b) => a.rank - b.rank);
  const chosen = order
    .slice(0, share(fleet.length, asked))
    .filter(({ chance }) => asked.probability === 0 || chance < asked.probability);
  const last = asked.allowLast && state.firstFleet === 1 && fleet.length === 1;
  const spare = last ? running.length : Math.max(0, running.length - 1);
  const left = asked.max === 0 ? Infinity : Math.max(0, asked.max - state.taken);
  return chosen.slice(0, Math.min(spare, left)).map(({ info }) => info);
}

/** How many are looked at: a percentage rounds down but is at least one; with a probability alone, all. */
function share(fleet: number, asked: ProcessParams): number {
  if (asked.percentage > 0) return Math.max(1, Math.floor((fleet * asked.percentage) / 100));
  return asked.probability > 0 ? fleet : 1;
}

/** The time until round `round`, in milliseconds: the interval, longer or shorter by up to its jitter. */
export function waitFor(asked: ProcessParams, round: number, seed: number, policy: string): number {
  const swing = keyedRandom(seed, fnv1a(policy), round, JITTER) * 2 - 1;
  return asked.interval * (1 + asked.jitter * swing);
}
