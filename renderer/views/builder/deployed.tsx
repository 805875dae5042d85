import { Square } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { useDraft } from '../../stores/draft.ts';
import { useFrames } from '../../stores/frames.ts';
import { Button, Shape } from '../../ui/controls.tsx';
import { countdown } from '../../ui/format.ts';
import { stopDeployed, useDeploy } from './deploy.ts';
import css from './builder.module.css';

/** Says that something of ours is out there, for how long yet, and stops it. */
export function Deployed(): ReactNode {
  const deployed = useDraft((state) => state.deployed);
  const { busy, error } = useDeploy();
  // While the engine is away, the last that was known: nobody told that they are gone.
  const active = useFrames(({ last }) => last?.faults.filter(({ state }) => state !== 'clean').length ?? 0);
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (deployed === null) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [deployed]);
  if (deployed === null) return null;
  const left = deployed.until - now;
  return (
    <div className={css['deployed']} role="status">
      <Shape tone="warn" />
      <p>
        <b>{deployed.name}</b> is deployed from here: {active === 1 ? 'one fault' : `${active} faults`} on this engine,{' '}
        {left > 0 ? (
          <>
            put back in{' '}
            <b className={css['left']} aria-hidden>
              {countdown(left)}
            </b>
          </>
        ) : (
          'being put back'
        )}
      </p>
      {error !== undefined && <span role="alert">{error instanceof Error ? error.message : String(error)}</span>}
      <Button look="danger" icon={Square} busy={busy === 'stop'} onClick={() => void stopDeployed()}>
        Stop and put back
      </Button>
    </div>
  );
}
