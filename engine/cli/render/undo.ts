import { type OpenUndo } from '../../contract/models.ts';
import { type Style } from './style.ts';
import { table } from './table.ts';
import { clockTime } from './words.ts';

/** Open undo records: what was changed, since when, who holds it, and how it will be undone. */
export function undoTable(open: readonly OpenUndo[], width: number, style: Style): string {
  const rows = open.map(({ policy, target, step, since, ownerAlive, inverse, note }) => [
    policy,
    target,
    step,
    clockTime(since),
    ownerAlive ? 'held' : style.red('abandoned'),
    note === '' ? inverse : style.red(note),
  ]);
  return table(
    [{ title: 'Fault' }, { title: 'Target' }, { title: 'Step' }, { title: 'Since' }, { title: 'Holder' }, { title: 'Undo', shrinks: true }],
    rows,
    width,
    style.dim,
  );
}
