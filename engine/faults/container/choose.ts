import { fnv1a } from '../../kernel/hash.ts';
import { keyedRandom } from '../../kernel/random.ts';
import { type ListedContainer } from '../../host/containers.ts';
import { type ContainerParams } from './manifest.ts';
import { isExact, matchesSelector, type Selector } from './selector.ts';

/** The containers that a selector finds and that may be taken, by name, and why others are left alone. */
export interface Found {
  readonly fleet: readonly ListedContainer[];
  readonly spared: readonly { readonly container: ListedContainer; readonly reason: string }[];
}

/** @param own the ids of the containers that Firebreak itself runs in. */
export function find(all: readonly ListedContainer[], selector: Selector, own: ReadonlySet<string>): Found {
  const matching = all.filter((one) => matchesSelector(selector, one)).sort((a, b) => (a.name < b.name ? -1 : 1));
  const reasonOf = (one: ListedContainer): string =>
    own.has(one.id) ? 'the container that Firebreak itself runs in' : one.state === 'running' ? '' : one.state;
  return {
    fleet: matching.filter((one) => reasonOf(one) === ''),
    spared: matching.filter((one) => reasonOf(one) !== '').map((container) => ({ container, reason: reasonOf(container) })),
  };
}

/**
 * Who is taken: a pure function of its arguments, so one seed gives one choice. One of a fleet is always left, unless all
 * were asked for, or the selector can only mean one.
 */
export function choose(fleet: readonly ListedContainer[], selector: Selector, asked: ContainerParams, seed: number, policy: string): readonly ListedContainer[] {
  if (asked.all || isExact(selector)) return fleet;
  const key = fnv1a(policy);
  const share = asked.percentage > 0 ? Math.max(1, Math.floor((fleet.length * asked.percentage) / 100)) : asked.count;
  return fleet
    .map((one, index) => ({ one, rank: keyedRandom(seed, key, index) }))
    .sort((a, b) => a.rank - b.rank)
    .slice(0, Math.min(share, Math.max(0, fleet.length - 1)))
    .map(({ one }) => one)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
