import { existsSync } from 'node:fs';
import { z } from 'zod';
import { type Clock } from '../../kernel/clock.ts';
import { FirebreakError } from '../../kernel/errors.ts';
import { isOwnGroup, thaw } from '../../host/control-groups.ts';
import { processIdentity } from '../../host/identity.ts';
import { listProcesses, type ProcessInfo, readProcess } from '../../host/processes.ts';
import { find, type RoomProcesses, selectorOf } from '../../host/process-targets.ts';
import { signal } from '../../host/signals.ts';
import { comesBack } from './manifest.ts';

const touchedProcess = processIdentity.extend({
  name: z.string(),
  /** What it was doing when it was chosen: one that somebody else had stopped stays stopped. */
  prior: z.enum(['running', 'stopped']),
  /** True when it was continued again during the fault. */
  resumed: z.boolean(),
  /** The control group that it is frozen in; absent for a process that is signalled. */
  group: z.string().refine(isOwnGroup, 'expected a control group of Firebreak').optional(),
});
export type Touched = z.infer<typeof touchedProcess>;

/** Every process that was or is about to be signalled. Written before the signal. */
export const processUndo = z.object({
  token: z.string().min(8),
  action: z.enum(['stop', 'freeze', 'kill', 'terminate']),
  target: z.string(),
  /** How many processes matched and could be touched when the fault was planned. */
  fleet: z.int().positive(),
  touched: z.array(touchedProcess),
  /** Those that a target of pids named when it was planned: whoever gets such a pid later is somebody else. Absent where it says what they are. */
  named: z.array(processIdentity).optional(),
});
export type ProcessUndo = z.infer<typeof processUndo>;

/** The process as it is now, if it is still the same one. */
export function sameProcess(touched: Pick<Touched, 'pid' | 'started'>): ProcessInfo | undefined {
  const info = readProcess(touched.pid);
  return info?.started === touched.started ? info : undefined;
}

/**
 * Those that this fault has stopped and that are stopped now. What has ended since is no residue.
 * @param states the kernel's letters that count as stopped.
 */
export function leftStopped(undo: ProcessUndo, states = 'T'): readonly Touched[] {
  if (!comesBack(undo.action)) return [];
  return undo.touched.filter((one) => !one.resumed && isHeld(one, states));
}
/** A group that is left behind is residue even when nothing is in it any more, and whoever else froze the process. */
const isHeld = ({ group, ...one }: Touched, states: string): boolean =>
  group === undefined ? one.prior === 'running' && states.includes(sameProcess(one)?.state ?? '-') : existsSync(group);

/** The inverse of stopping or freezing one process. */
export async function carryOn(one: Touched, clock: Clock): Promise<void> {
  if (one.group === undefined) signal(one, 'continue');
  else await thaw(one.group, clock);
}

/** A process acts on SIGCONT at once; this long is for a machine under full load. */
const CONTINUE_WITHIN_MS = 3_000;

/**
 * Continues all that this fault has stopped, and nothing else; waits until they run.
 * @throws FirebreakError `residue` when one stays stopped.
 */
export async function continueAll(undo: ProcessUndo, clock: Clock): Promise<void> {
  if (!comesBack(undo.action)) return;
  const end = clock.now() + CONTINUE_WITHIN_MS;
  for (;;) {
    // D: it waits in the kernel and would act on a stop signal only afterwards, so it must be told to continue as well.
    for (const one of leftStopped(undo, 'TD')) await carryOn(one, clock);
    // A second look: a stop signal that was on its way when we looked first has arrived by then.
    await clock.sleep(10);
    const rest = leftStopped(undo);
    if (rest.length === 0) return;
    if (clock.now() > end) {
      throw new FirebreakError('residue', `${rest.map(({ pid, name }) => `process ${pid} (${name})`).join(', ')} does not continue`, {
        hint: `run kill -CONT ${rest.map(({ pid }) => pid).join(' ')}`,
      });
    }
  }
}

/** The processes that match now, without those that are never touched. */
export function fleetNow({ target, named }: ProcessUndo, room: RoomProcesses): readonly ProcessInfo[] {
  const { fleet } = find(listProcesses(), selectorOf(target), room);
  return named === undefined ? fleet : fleet.filter((info) => named.some(({ pid, started }) => pid === info.pid && started === info.started));
}
