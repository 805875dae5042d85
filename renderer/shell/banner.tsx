import { type ReactNode, useEffect, useState } from 'react';
import { useConnection } from '../stores/connection.ts';
import { Shape } from '../ui/controls.tsx';
import { Time } from '../ui/time.tsx';
import css from './banner.module.css';

/** Shorter than this a loss is not worth a word, milliseconds. */
const PATIENCE = 400;

/** Says that the engine is away, since when, and what that means for the faults. */
export function Banner(): ReactNode {
  const { state, since, why } = useConnection();
  const known = useConnection(({ engine }) => engine !== '');
  const [late, setLate] = useState(false);
  useEffect(() => {
    setLate(false);
    const timer = setTimeout(() => setLate(true), PATIENCE);
    return () => clearTimeout(timer);
  }, [since]);
  if (state === 'open' || !known || !late) return null;
  return (
    <div className={css['banner']} role="alert">
      <Shape tone="warn" />
      <p>
        <strong>No word from the engine since <Time at={since} />.</strong> {why} What you see is the last that was known. If the engine is dead, its
        watchdog reverts every fault within 10 seconds.
      </p>
    </div>
  );
}
