import { type FaultReport } from '../../engine/contract/models.ts';
import { follow, openRecords, useConnection } from './connection.ts';
import { note, onEvent } from './events.ts';
import { toast } from './toasts.ts';

/** So many faults are named, the others counted. */
const MOST_NAMED = 5;

/**
 * What an engine that has ended left behind, as far as the next one's undo journal can tell. Pure.
 * @param open ids of the undo records that are not closed; undefined when the journal cannot tell: then nothing is proven.
 */
export function aftermath(
  left: readonly FaultReport[],
  open: ReadonlySet<string> | undefined,
): { readonly text: string; readonly clean: boolean } {
  const names = (faults: readonly FaultReport[]): string => {
    const named = faults.slice(0, MOST_NAMED).map(({ policy, target }) => `${policy} on ${target}`);
    return [...named, ...(faults.length > MOST_NAMED ? [`${faults.length - MOST_NAMED} more`] : [])].join(', ');
  };
  const stuck = left.filter(({ id }) => open === undefined || open.has(id));
  const back = left.filter((fault) => !stuck.includes(fault));
  const text = [
    back.length > 0 ? `Put back since, says the undo journal: ${names(back)}.` : '',
    stuck.length > 0 ? `Not proven put back: ${names(stuck)}; see Machine.` : '',
  ];
  return { text: text.filter(Boolean).join(' '), clean: stuck.length === 0 };
}

/**
 * Tells when another engine answers than before, and what became of the faults that the one before held: it died with its
 * log, so no event of its own can.
 */
export function followRestarts(): Disposable {
  let known = '';
  const held = new Map<string, FaultReport>();
  onEvent(({ body }) => {
    if (body.kind !== 'fault') return;
    if (['clean', 'planned'].includes(body.fault.state)) held.delete(body.fault.id);
    else held.set(body.fault.id, body.fault);
  });
  return follow(async (_client, _signal, engine) => {
    const restarted = known !== '' && known !== engine;
    known = engine;
    if (!restarted) return;
    const { status } = useConnection.getState();
    const left = [...held.values()];
    held.clear();
    const { text, clean } = aftermath(left, openRecords(status));
    note(
      engine,
      'restart',
      'info',
      `The engine was started anew (process ${status?.pid}). What the one before did after its last word is not told here.`,
    );
    if (left.length === 0) return;
    note(engine, 'aftermath', clean ? 'info' : 'error', text);
    const count = left.length === 1 ? '1 fault' : `${left.length} faults`;
    if (clean) toast('ok', 'The engine is back', `${count} of the engine that ended: put back, and proven so.`);
    else toast('bad', 'The engine is back', `Not everything of the engine that ended is proven put back. See Machine.`);
  });
}
