import { Square, Undo2 } from 'lucide-react';
import { type ReactNode, memo, useState } from 'react';
import { z } from 'zod';
import { type FaultReport, type OpenUndo } from '../../../engine/contract/models.ts';
import { engine, refreshStatus, useConnection } from '../../stores/connection.ts';
import { elsewhere } from '../../stores/elsewhere.ts';
import { useFrames } from '../../stores/frames.ts';
import { toastError } from '../../stores/toasts.ts';
import { FAULT_TONES } from '../../stores/lines.ts';
import { Badge, Button, Empty } from '../../ui/controls.tsx';
import { useBlotted } from '../../ui/discreet.tsx';
import { NOTHING, count, countdown, duration, percent } from '../../ui/format.ts';
import { Target } from '../target.tsx';
import { type WidgetProps, defineWidget } from '../widget.ts';
import { endOf } from './linger.ts';
import { useListed } from './use-listed.ts';
import css from './widget.module.css';

const settings = z.object({});
type Settings = z.infer<typeof settings>;

type EffectFigure = FaultReport['effect']['figures'][number];
/** The watchdog reverts what is not renewed for this long (milliseconds); the bar of the lease is full then. */
const LEASE = 10_000;

function ActiveInjections(_props: WidgetProps<Settings>): ReactNode {
  const listed = useListed();
  const known = useFrames(({ last }) => last !== null);
  const status = useConnection((connection) => connection.status);
  const others = elsewhere(status);
  const orphans = others.left.filter(({ id }) => !listed.some(({ fault }) => fault.id === id));
  if (!known) return <Empty title="Not known yet">Waiting for the first word of the engine.</Empty>;
  if (listed.length + orphans.length + others.held.length === 0)
    return (
      <Empty title="Nothing is injected">
        Faults are listed here from the moment they are planned until they are proven clean.
      </Empty>
    );
  return (
    <ul className={css['list']} aria-label="Faults">
      {orphans.map((one) => (
        <Orphan key={one.id} one={one} />
      ))}
      {others.held.map((one) => (
        <Foreign key={one.id} one={one} />
      ))}
      {listed.map(({ fault }) => (
        <Injection key={fault.id} fault={fault} />
      ))}
    </ul>
  );
}

const Injection = memo(function Injection({ fault }: { readonly fault: FaultReport }): ReactNode {
  const { id, policy, type, target, explain, state, effect, note } = fault;
  const blot = useBlotted();
  const [stopping, setStopping] = useState(false);
  const stop = async (): Promise<void> => {
    setStopping(true);
    try {
      await engine().command('stopFault', { fault: id, why: 'stopped by hand in the room' });
    } catch (error) {
      toastError(`${policy} on ${blot(target)}`, error);
    } finally {
      setStopping(false);
    }
  };
  const held = state === 'active' || state === 'injecting';
  return (
    <li className={css['fault']} data-state={state} aria-label={`${policy} on ${target}: ${state}`}>
      <div className={css['head']}>
        <Badge tone={FAULT_TONES[state]}>{state}</Badge>
        <strong>
          <Target target={target} />
        </strong>
        {(held || state === 'unconfirmed') && (
          <Button
            look="danger"
            icon={Square}
            busy={stopping}
            onClick={() => void stop()}
            aria-label={`Stop ${policy} on ${target}`}
          >
            {state === 'unconfirmed' ? 'Revert again' : 'Stop'}
          </Button>
        )}
      </div>
      <p className={css['explain']}>
        <b>
          {policy} · {type}
        </b>{' '}
        {blot(explain)}
      </p>
      <dl className={css['figures']}>
        {effect.figures.map((figure) => (
          <div key={figure.name}>
            <dt>{figure.name}</dt>
            <dd data-bitten={effect.bitten ? '' : undefined}>
              {amount(figure, figure.delivered)}{' '}
              {figure.requested !== null && <small>of {amount(figure, figure.requested)}</small>}
            </dd>
          </div>
        ))}
      </dl>
      {(!effect.bitten || effect.figures.length === 0) && effect.detail !== '' && (
        <p className={css['detail']}>{blot(effect.detail)}</p>
      )}
      {held && <Lease fault={fault} />}
      {state === 'unconfirmed' && note !== '' && <p className={css['note']}>{blot(note)}</p>}
    </li>
  );
});

/** Requested and delivered in the unit of the figure. */
function amount({ unit }: EffectFigure, value: number | null): string {
  if (value === null) return NOTHING;
  switch (unit) {
    case 'ms':
      return duration(value);
    case 'ratio':
      return percent(value);
    case 'per s':
      return `${count(value)}/s`;
    case 'count':
      return count(value);
    case 'MB':
    case 'KB/s':
    case 'bytes':
    case 'cores':
      return `${count(value)} ${unit}`;
  }
}

/** What is left of the hold, and of the lease that the engine renews each second. */
function Lease({ fault }: { readonly fault: FaultReport }): ReactNode {
  // Half seconds: often enough to see it run, rarely enough to cost nothing.
  const now = useFrames(({ last }) => Math.floor((last?.at ?? 0) / 500) * 500);
  const end = useFrames(({ last }) => endOf(fault, last?.phase ?? null, last?.phaseEndsAt ?? null));
  const { injectedAt, leaseUntil } = fault;
  const share =
    end === null || injectedAt === null || end <= injectedAt
      ? 0
      : Math.min(1, Math.max(0, (end - now) / (end - injectedAt)));
  const lease = leaseUntil === null ? null : Math.max(0, leaseUntil - now);
  return (
    <div className={css['lease']}>
      <div className={css['track']} aria-hidden>
        <span style={{ width: `${share * 100}%` }} />
      </div>
      <span className={css['left']}>{end === null ? 'ends with its run' : `ends in ${countdown(end - now)}`}</span>
      {lease !== null && (
        <small
          className={css['renewed']}
          data-low={lease < LEASE / 2 ? '' : undefined}
          title="Without a word from the engine, the watchdog reverts this fault when its lease runs out."
        >
          lease {countdown(lease)}
        </small>
      )}
    </div>
  );
}

/** What another process of this machine holds, such as `firebreak apply` in a terminal; it alone knows what the fault delivers. */
function Foreign({ one: { policy, target, inverse } }: { readonly one: OpenUndo }): ReactNode {
  const blot = useBlotted();
  return (
    <li className={css['fault']} data-state="active">
      <div className={css['head']}>
        <Badge tone="warn">held</Badge>
        <strong>
          <Target target={target} />
        </strong>
      </div>
      <p className={css['explain']}>
        {policy}, held by another process of this machine. HALT ends it as well. To undo: {blot(inverse)}
      </p>
    </li>
  );
}

/** What an engine that is gone left in the journal. */
function Orphan({ one: { policy, target, inverse, note } }: { readonly one: OpenUndo }): ReactNode {
  const blot = useBlotted();
  const [busy, setBusy] = useState(false);
  const recover = async (): Promise<void> => {
    setBusy(true);
    try {
      await engine().command('recover', {});
      await refreshStatus();
    } catch (error) {
      toastError('Not recovered', error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <li className={css['fault']} data-state="unconfirmed">
      <div className={css['head']}>
        <Badge tone="bad">unconfirmed</Badge>
        <strong>
          <Target target={target} />
        </strong>
        <Button look="danger" icon={Undo2} busy={busy} onClick={() => void recover()}>
          Recover
        </Button>
      </div>
      <p className={css['explain']}>
        {policy}, left by an engine that is gone. To undo: {blot(inverse)}
      </p>
      {note !== '' && <p className={css['note']}>{blot(note)}</p>}
    </li>
  );
}

export const activeInjections = defineWidget<Settings>({
  type: 'active-injections',
  title: 'Active injections',
  about:
    'Every fault in force: what it does, what it really delivers, how long it has left, and a button to stop it alone.',
  size: { w: 4, h: 6 },
  least: { w: 2, h: 3 },
  settings,
  component: ActiveInjections,
});
