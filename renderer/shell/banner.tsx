import { type ReactNode, useEffect, useState } from 'react';
import { type Connection, useConnection } from '../stores/connection.ts';
import { Shape } from '../ui/controls.tsx';
import { Time } from '../ui/time.tsx';
import css from './banner.module.css';

/** Shorter than this a loss is not worth a word, milliseconds. */
const PATIENCE = 400;

/** After so long the engine may be somewhere else, milliseconds. */
const LONG = 15_000;

/** Says that the engine is away, since when, and what that means for the faults. */
export function Banner(): ReactNode {
  const { state, since, why } = useConnection();
  const known = useConnection(({ engine }) => engine !== '');
  const late = usePassed(since, PATIENCE);
  const long = usePassed(since, LONG);
  if (state === 'open' || !known || !late) return null;
  return (
    <div className={css['banner']} role="alert">
      <Shape tone="warn" />
      <p>
        <strong>
          {state === 'refused' ? (
            'This page is not let in any more.'
          ) : (
            <>
              No word from the engine since <Time at={since} />.
            </>
          )}
        </strong>{' '}
        {why} What you see is the last that was known. {MEANING[state]}{' '}
        {state === 'lost' && long && 'If it was started at another address, open that.'}
      </p>
    </div>
  );
}

/** What the state means for the faults. */
const MEANING: Readonly<Record<Exclude<Connection['state'], 'open'>, string>> = {
  connecting: '',
  silent: 'If the engine stands still for 10 seconds, its watchdog reverts every fault.',
  lost: 'If the engine is dead, its watchdog reverts every fault within 10 seconds.',
  refused: 'HALT does not work from here until then.',
};

/** Whether more than `ms` have passed in this state. */
function usePassed(since: number, ms: number): boolean {
  const [passed, setPassed] = useState(false);
  useEffect(() => {
    setPassed(false);
    const timer = setTimeout(() => setPassed(true), ms);
    return () => clearTimeout(timer);
  }, [since, ms]);
  return passed;
}
