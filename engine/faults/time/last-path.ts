import { type Clock } from '../../kernel/clock.ts';
import { FirebreakError } from '../../kernel/errors.ts';
import { containerRoot, isRemoved } from '../../host/container-processes.ts';
import { listProcesses } from '../../host/processes.ts';
import { aliveReaders, pathOf, type TimeUndo } from './plan.ts';

/** A container that is being restarted has a process again within this, milliseconds. */
const COMES_BACK_WITHIN = 4_000;
const LOOK_AGAIN = 100;

/**
 * Where the file is once its readers may have ended: a container that has started again has kept it. Only for what is to be
 * put back; whoever runs in there now is not the target.
 * @returns undefined where it has gone with its container.
 * @throws FirebreakError `target-gone`, `container-engine`.
 */
export async function lastPath(undo: TimeUndo, clock: Clock): Promise<string | undefined> {
  if (undo.container === '' || aliveReaders(undo).length > 0) return pathOf(undo);
  for (const end = clock.now() + COMES_BACK_WITHIN; ; await clock.sleep(LOOK_AGAIN)) {
    const root = containerRoot(listProcesses(), undo.container);
    if (root !== undefined) return `${root}${undo.file}`;
    if (await isRemoved(undo.socket, undo.container)) return undefined;
    if (clock.now() > end) {
      const id = undo.container.slice(0, 12);
      throw new FirebreakError('target-gone', `${undo.file} is in container ${id}, which does not run`, { hint: 'start it and run firebreak recover, or remove it' });
    }
  }
}
