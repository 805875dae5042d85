import { type FaultId } from '../kernel/brands.ts';
import { messageOf } from '../kernel/errors.ts';
import { type Injector } from '../kernel/fault.ts';
import { type UndoDraft } from '../store/journal.ts';
import { type UndoRecord, type UndoStep } from '../store/journal-record.ts';
import { type OpenUndo } from '../telemetry/models.ts';
import { type ProcessIdentity, type Workshop } from './models.ts';
import { within } from './waiting.ts';

/** How a revert ended. `clean`: the fingerprint after equals the one before, and the journal says so. */
export interface Undone {
  readonly clean: boolean;
  readonly after: string | null;
  readonly note: string;
  /** Monotonic time at which the injector had undone its work, proof aside; null when it never did. */
  readonly undoneAt: number | null;
}

export type UndoTools = Pick<Workshop, 'injectors' | 'journal' | 'clock' | 'revertDeadline' | 'boundary'>;

/**
 * A state may need a moment to settle; a revert that failed may work the second time. Milliseconds between attempts.
 */
const PAUSES = [100, 400];
/** What Firebreak cannot bring back, a supervisor may: look again so often, in milliseconds, until the deadline. */
const LOOK_AGAIN = 250;

/**
 * Steps 7 and 8 of a fault's life, for any process: undoes what the journal says of `fault`, proves it, and writes that
 * down. Never throws and never takes longer than the deadline: what cannot be proven stays open, with a note.
 * With `mayClose` false the proof is made but the record stays open.
 */
export async function undoFromJournal(tools: UndoTools, fault: FaultId, by: string, mayClose = true): Promise<Undone> {
  const unproven = (note: string): Undone => ({ clean: false, after: null, note, undoneAt: null });
  let record: UndoRecord | undefined;
  try {
    record = tools.journal.latest(fault);
  } catch (error) {
    return unproven(`the journal cannot be read: ${messageOf(error)}`);
  }
  if (record === undefined) return unproven('the journal has no undo record of it');
  const injector = tools.injectors[record.type];
  if (injector === undefined) return unproven(`this version does not know the fault type ${record.type}`);
  const undo = injector.undo.safeParse(record.undo);
  if (!undo.success) return unproven(`the undo record cannot be understood: ${undo.error.message.slice(0, 200)}`);

  // A disk that is full must not keep anything from being undone: the row is wanted, not needed.
  const again = record.step === 'reverted';
  if (!again) write(tools, { ...draftOf(record), step: 'reverting', note: by });
  tools.boundary('reverting', fault);
  const result = await attempts(tools, injector, undo.data, record);
  if (!result.clean || !mayClose) {
    if (again) write(tools, { ...draftOf(record), step: 'reverting', after: result.after, note: result.note });
    return result.clean ? { ...result, clean: false } : result;
  }
  const failed = again ? '' : write(tools, { ...draftOf(record), step: 'reverted', after: result.after, note: by });
  if (failed !== '')
    return { ...result, clean: false, note: `it is undone, but the journal could not be told: ${failed}` };
  tools.boundary('closed', fault);
  return result;
}

async function attempts(tools: UndoTools, injector: Injector, undo: unknown, record: UndoRecord): Promise<Undone> {
  const { clock } = tools;
  const end = clock.now() + tools.revertDeadline;
  let undoneAt: number | null = null;
  let after: string | null = null;
  let note = '';
  for (let attempt = 0; ; attempt++) {
    try {
      await within(clock, end, 'undoing it', injector.revert(undo));
      undoneAt ??= clock.now();
      tools.boundary('undone', record.fault);
      after = await within(clock, end, 'reading its state', injector.fingerprint(undo));
      if (after === record.before) return { clean: true, after, note: '', undoneAt };
      note = record.reversible
        ? 'the state after is not the state before'
        : `Firebreak cannot bring this back by itself: ${record.inverse}`;
    } catch (error) {
      note = messageOf(error);
    }
    const pause = record.reversible ? PAUSES[attempt] : LOOK_AGAIN;
    if (pause === undefined || clock.now() + pause >= end) return { clean: false, after, note, undoneAt };
    await clock.sleep(pause);
  }
}

function write(tools: UndoTools, draft: UndoDraft): string {
  try {
    // Another process may have closed it meanwhile: its proof stands.
    tools.journal.append(draft, draft.step === 'reverted' ? ['reverted'] : []);
    return '';
  } catch (error) {
    return messageOf(error);
  }
}

/** The record as the draft of its next row. */
export function draftOf({ seq: _seq, at: _at, ...draft }: UndoRecord): UndoDraft {
  return draft;
}

/**
 * Reversible ones one after the other in reverse order of injection; then, all at once, those that can only be watched.
 */
export async function undoAll<T>(
  faults: readonly T[],
  reversible: (fault: T) => boolean,
  undo: (fault: T) => Promise<void>,
): Promise<void> {
  for (const fault of faults.filter(reversible).reverse()) await undo(fault);
  await Promise.all(faults.filter((fault) => !reversible(fault)).map(undo));
}

const STEP: Readonly<Record<UndoStep, OpenUndo['step']>> = {
  planned: 'planned',
  applied: 'applied',
  amended: 'applied',
  reverting: 'reverting',
  reverted: 'reverting',
};

/** An open record as people see it. */
export function openUndoOf(record: UndoRecord, identity: ProcessIdentity): OpenUndo {
  const { fault, run, policy, type, target, inverse, at, note } = record;
  return {
    id: fault,
    run,
    policy,
    type,
    target,
    inverse,
    step: STEP[record.step],
    since: at,
    ownerAlive: identity.alive(record.owner),
    note,
  };
}
