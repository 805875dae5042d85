import { type Frame } from '../../engine/contract/models.ts';
import { PHASE_WORDS } from '../../engine/contract/words.ts';
import type { Tone } from '../ui/controls.tsx';

/** The state of the room in one word and one line. */
export interface Summary {
  readonly tone: Tone;
  readonly word: string;
  readonly detail: string;
}

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

/**
 * What twelve people should know at a glance. The worst comes first: what is unconfirmed outweighs what is active, and
 * nothing is called clean that an engine did not tell. `elsewhere`: faults of other processes, held or left behind.
 */
export function summarise(frame: Frame | null, elsewhere: { readonly held: number; readonly left: number }): Summary {
  if (frame === null) return { tone: 'neutral', word: 'Not known', detail: 'no word from the engine' };
  const inState = (...states: readonly string[]): number =>
    frame.faults.filter(({ state }) => states.includes(state)).length;
  const unconfirmed = inState('unconfirmed');
  const active = inState('active', 'injecting');
  const reverting = inState('reverting');
  const targets = new Set(
    frame.faults.filter(({ state }) => state === 'active' || state === 'injecting').map(({ target }) => target),
  ).size;
  if (unconfirmed > 0)
    return { tone: 'bad', word: 'Unconfirmed', detail: `${plural(unconfirmed, 'target')} not proven clean` };
  const own = active > 0 ? [`${plural(active, 'fault')} on ${plural(targets, 'target')}`] : [];
  const others = elsewhere.held > 0 ? [`${plural(elsewhere.held, 'fault')} of another process`] : [];
  if (own.length + others.length > 0)
    return { tone: 'warn', word: 'Under fault', detail: [...own, ...others].join('; ') };
  if (elsewhere.left > 0)
    return { tone: 'warn', word: 'Open records', detail: `${plural(elsewhere.left, 'undo record')} of another engine` };
  if (reverting > 0) return { tone: 'accent', word: 'Reverting', detail: plural(reverting, 'fault') };
  if (frame.phase !== null) return { tone: 'accent', word: PHASE_WORDS[frame.phase], detail: 'nothing is injected' };
  if (frame.halted) return { tone: 'ok', word: 'Halted', detail: 'nothing is injected' };
  return { tone: 'ok', word: 'Clean', detail: 'nothing is injected' };
}
