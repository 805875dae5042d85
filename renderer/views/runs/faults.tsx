import { type ReactNode } from 'react';
import { type FaultReport } from '../../../engine/contract/models.ts';
import { useFrames } from '../../stores/frames.ts';
import { FAULT_TONES } from '../../stores/lines.ts';
import { Badge } from '../../ui/controls.tsx';
import { Discreet, useBlotted } from '../../ui/discreet.tsx';
import { NOTHING, count, duration, percent } from '../../ui/format.ts';
import css from './runs.module.css';

/** While a run is under way, with what has been delivered so far; events tell only the states. */
export function FaultsNow({ faults }: { readonly faults: readonly FaultReport[] }): ReactNode {
  const text = useFrames(({ frame }) => JSON.stringify(frame?.faults.map(({ id, effect }) => [id, effect]) ?? []));
  const delivered = new Map(JSON.parse(text) as [string, FaultReport['effect']][]);
  return <Faults faults={faults.map((fault) => ({ ...fault, effect: delivered.get(fault.id) ?? fault.effect }))} />;
}

const OVER: readonly FaultReport['state'][] = ['clean', 'unconfirmed'];

/** Each fault: what was asked, what was delivered, and the proof that it is gone. */
export function Faults({ faults }: { readonly faults: readonly FaultReport[] }): ReactNode {
  const blot = useBlotted();
  return (
    <section>
      <h3>Faults</h3>
      {faults.length === 0 ? (
        <p className={css['quiet']}>Nothing was injected.</p>
      ) : (
        <table className={css['table']}>
          <thead>
            <tr>
              <th scope="col">State</th>
              <th scope="col">Fault</th>
              <th scope="col">Asked → delivered</th>
              <th scope="col">Before = after</th>
            </tr>
          </thead>
          <tbody>
            {faults.map(({ id, state, policy, target, explain, effect, before, after, reverted, note }) => (
              <tr key={id}>
                <td>
                  <Badge tone={FAULT_TONES[state]}>{state}</Badge>
                </td>
                <td>
                  <strong>{policy}</strong> <Discreet>{target}</Discreet>
                  <small>{explain}</small>
                  {note !== '' && <small>{note}</small>}
                </td>
                <td>
                  {effect.figures.length === 0 && !effect.bitten && OVER.includes(state) && 'not seen to bite'}
                  {effect.figures.map(({ name, unit, requested, delivered, samples }) => (
                    <div key={name}>
                      {name}: {requested === null ? '' : `${value(requested, unit)} → `}
                      {delivered === null ? NOTHING : value(delivered, unit)}{' '}
                      <small>{samples === 1 ? '1 measurement' : `${count(samples)} measurements`}</small>
                    </div>
                  ))}
                  {(!effect.bitten || effect.figures.length === 0) && <small>{blot(effect.detail)}</small>}
                </td>
                <td>
                  {after === null ? (
                    <span title={before ?? undefined}>{NOTHING}</span>
                  ) : (
                    <span title={after === before ? after : `before: ${before ?? ''}\nafter: ${after}`}>
                      <Badge tone={reverted ? 'ok' : 'bad'}>{reverted ? 'equal' : 'differs'}</Badge>
                    </span>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function value(amount: number, unit: FaultReport['effect']['figures'][number]['unit']): string {
  if (unit === 'ms') return duration(amount);
  if (unit === 'ratio') return percent(amount);
  return `${count(amount)}${unit === 'count' ? '' : ` ${unit}`}`;
}
