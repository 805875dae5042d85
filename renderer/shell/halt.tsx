import { OctagonX, Timer, X } from 'lucide-react';
import { type ReactNode, useMemo } from 'react';
import { createPortal } from 'react-dom';
import { type HaltedFault } from '../../engine/contract/models.ts';
import { useOffer } from '../stores/actions.ts';
import { useConnection } from '../stores/connection.ts';
import { type Halting, forgetHalt, halt, rehearse, useHalt } from '../stores/halt.ts';
import { Badge, ErrorNote, IconButton, Kbd, Spinner } from '../ui/controls.tsx';
import { Discreet } from '../ui/discreet.tsx';
import { duration } from '../ui/format.ts';
import css from './halt.module.css';

/** One key, also while one types or a dialog is open. */
export const HALT_KEY = 'F8';

/**
 * HALT: always on screen, above dialogs and toasts, one press, no question. Below it stands what the last HALT did. It is
 * put beside the room, not within it, so that no dialog can make it inert.
 */
export function HaltButton(): ReactNode {
  const halting = useHalt((state) => state.halting);
  const actions = useMemo(
    () => [
      {
        id: 'halt',
        title: 'HALT: end every injection now',
        group: 'Safety' as const,
        keys: HALT_KEY,
        always: true,
        first: true,
        run: () => void halt('the room'),
      },
      { id: 'rehearse', title: 'Rehearse HALT and measure it', group: 'Safety' as const, run: () => void rehearse() },
    ],
    [],
  );
  useOffer(actions);
  return createPortal(
    // `aria-live` also keeps it readable for screen readers while a dialog hides the rest.
    <div className={css['place']} aria-live="polite" data-halt>
      <div className={css['row']}>
        <IconButton
          label="Rehearse HALT and measure it"
          icon={Timer}
          onClick={() => void rehearse()}
          disabled={halting.state === 'halting' || halting.state === 'rehearsing'}
        />
        <button
          type="button"
          className={css['halt']}
          onClick={() => void halt('the room')}
          aria-keyshortcuts={HALT_KEY}
        >
          {halting.state === 'halting' ? <Spinner /> : <OctagonX size="1.35em" aria-hidden />}
          <span>HALT</span>
          <Kbd>{HALT_KEY}</Kbd>
        </button>
      </div>
      <Result halting={halting} />
    </div>,
    document.body,
  );
}

function Result({ halting }: { readonly halting: Halting }): ReactNode {
  if (halting.state === 'idle') return null;
  return (
    <section className={css['result']} aria-label="What HALT did">
      {halting.state !== 'halting' && halting.state !== 'rehearsing' && (
        <IconButton label="Close" icon={X} className={css['close']} onClick={forgetHalt} />
      )}
      <Told halting={halting} />
    </section>
  );
}

function Told({ halting }: { readonly halting: Exclude<Halting, { state: 'idle' }> }): ReactNode {
  switch (halting.state) {
    case 'halting':
      return <UnderWay />;
    case 'rehearsing':
      return (
        <p>
          <Spinner /> Rehearsing on a route and a service of its own …
        </p>
      );
    case 'failed':
      return (
        <>
          <ErrorNote title="HALT did not get through" error={halting.error} />
          <p className={css['more']}>
            Run <code>firebreak halt</code> in a terminal. If the engine is dead, its watchdog reverts within 10 s.
          </p>
        </>
      );
    case 'rehearsal-failed':
      return <ErrorNote title="Not rehearsed" error={halting.error} />;
    case 'halted':
      return <Halted {...halting} />;
    case 'rehearsed': {
      const { lastFaultMs, haltMs, before, after, clean } = halting.rehearsal;
      return (
        <>
          <h2>Rehearsed: {duration(lastFaultMs)}</h2>
          <p className={css['more']}>from HALT to the last faulty answer; the call itself took {duration(haltMs)}.</p>
          <p className={css['more']}>
            Before: {before.faulty} of {before.responses} answers faulty. After: {after.faulty} of {after.responses}.
          </p>
          <p>
            <Badge tone={clean ? 'ok' : 'bad'}>{clean ? 'clean' : 'unconfirmed'}</Badge>
          </p>
        </>
      );
    }
  }
}

/** A press on a stopped engine has no answer until it goes on: then somebody must know of the other ways. */
function UnderWay(): ReactNode {
  const answers = useConnection(({ state }) => state === 'open');
  return (
    <>
      <p>
        <Spinner /> Halting …
      </p>
      {!answers && (
        <p className={css['more']}>
          The engine does not answer; HALT is given as soon as it does. Run <code>firebreak halt</code> in a terminal;
          its watchdog reverts within 10 s.
        </p>
      )}
    </>
  );
}

function Halted({ outcome, roundTripMs, by }: Extract<Halting, { state: 'halted' }>): ReactNode {
  const unproven = outcome.faults.filter(({ reverted }) => !reverted).length;
  return (
    <>
      <h2>Halted in {duration(outcome.tookMs)}</h2>
      <p className={css['more']}>
        {roundTripMs === null ? `By ${by}.` : `${duration(roundTripMs)} from the press to the answer.`}
      </p>
      {outcome.faults.length === 0 && <p>Nothing was injected.</p>}
      {unproven > 0 && (
        <p className={css['bad']}>
          {unproven} of {outcome.faults.length} could not be proven clean.
        </p>
      )}
      <ul className={css['targets']}>
        {outcome.faults.map((fault) => (
          <Target key={fault.id} fault={fault} />
        ))}
      </ul>
    </>
  );
}
function Target({ fault: { target, policy, reverted, note } }: { readonly fault: HaltedFault }): ReactNode {
  return (
    <li>
      <Badge tone={reverted ? 'ok' : 'bad'}>{reverted ? 'clean' : 'unconfirmed'}</Badge>
      <span>
        <Discreet>{target}</Discreet> <small>{policy}</small>
        {note !== '' && <small className={css['note']}>{note}</small>}
      </span>
    </li>
  );
}
