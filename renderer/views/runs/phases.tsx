import { type ReactNode } from 'react';
import { PHASE_WORDS } from '../../../engine/contract/words.ts';
import { useFrames } from '../../stores/frames.ts';
import { type RunStory } from '../../stores/run-fold.ts';
import { countdown, duration } from '../../ui/format.ts';
import css from './runs.module.css';

/** The phases as a band; the one under way shows what is left of it. */
export function Phases({ story }: { readonly story: RunStory }): ReactNode {
  const now = useFrames(({ frame }) => Math.floor((frame?.at ?? 0) / 500) * 500);
  return (
    <ol className={css['phases']} aria-label="Phases">
      {story.phases.map(({ name, start, end }) => (
        <li key={name} aria-current={end === null ? 'step' : undefined}>
          <strong>{PHASE_WORDS[name]}</strong>
          <span>
            {end !== null
              ? duration(end - start)
              : story.phaseEndsAt === null
                ? 'under way'
                : now === 0
                  ? ''
                  : `${countdown(story.phaseEndsAt - now)} left`}
          </span>
        </li>
      ))}
    </ol>
  );
}
