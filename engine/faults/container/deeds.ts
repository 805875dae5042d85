import { FirebreakError } from '../../kernel/errors.ts';
import { type Container, inspect } from '../../host/containers.ts';
import { type Deed, type Hands } from './deed.ts';
import { limiting } from './limits.ts';
import { type ContainerParams } from './manifest.ts';
import { cutting } from './networks.ts';
import { pausing, taking } from './standing.ts';
import { stressing } from './stress.ts';
import { type ContainerUndo, type Prior, type Touched } from './undo.ts';

const DEEDS: { readonly [Kind in Prior['kind']]: Deed<Kind> } = { pause: pausing, down: taking, disconnect: cutting, limit: limiting, stress: stressing };
type AnyDeed = Deed<Prior['kind']>;

/** How a container with this prior state is treated and given back. */
export const deedOf = ({ prior }: Pick<Touched, 'prior'>): AnyDeed => DEEDS[prior.kind] as AnyDeed;

/** How an action treats containers. */
export function deedFor(action: ContainerParams['action']): AnyDeed {
  const kind = action === 'pause' || action === 'disconnect' || action === 'limit' || action === 'stress' ? action : 'down';
  return DEEDS[kind] as AnyDeed;
}

/** The container if it is still the one that was planned, or what has become of it. */
export async function same({ api }: Hands, { id, started, name }: Touched): Promise<Container | string> {
  const now = await inspect(api, id);
  if (now === undefined) return `${name} is gone`;
  if (now.State.StartedAt !== started) return `${name} was restarted since it was planned`;
  return now.State.Running && !now.State.Paused ? now : `${name} does not run any more`;
}

/** A request that an engine was just beginning with when Firebreak was killed shows itself within this, milliseconds. */
const SECOND_LOOK = 250;
/** A container under load may take as long to come up; the caller has a deadline of its own. */
const GIVEN_BACK_WITHIN = 6_000;

/** Gives back everything that the record covers, and only that; looks twice. @throws FirebreakError `residue`. */
export async function giveBack(hands: Hands, undo: ContainerUndo): Promise<void> {
  if (!undo.asked) return;
  const end = hands.clock.now() + GIVEN_BACK_WITHIN;
  const pending = undo.touched.some(({ prior }) => prior.kind === 'down');
  for (let first = true, clean = 0; clean < 2; first = false) {
    const left = await leftOf(hands, undo);
    for (const one of undo.touched.toReversed()) {
      if (left.some(({ touched }) => touched === one) || (first && pending)) await deedOf(one).undo(hands, one);
    }
    clean = left.length === 0 ? clean + 1 : 0;
    if (clean === 2) return;
    if (hands.clock.now() > end) {
      throw new FirebreakError('residue', left.map(({ touched, what }) => `container ${touched.name} is ${what}`).join('; '), { hint: 'docker inspect shows its state' });
    }
    await hands.clock.sleep(SECOND_LOOK);
  }
}

/** What is left of the fault, by container; nothing before the engine was asked for anything. */
export async function leftOf(hands: Hands, undo: ContainerUndo): Promise<readonly { readonly touched: Touched; readonly what: string }[]> {
  if (!undo.asked) return [];
  const states = await Promise.all(undo.touched.map(async (touched) => ({ touched, what: await deedOf(touched).left(hands, touched) })));
  return states.filter(({ what }) => what !== '');
}
