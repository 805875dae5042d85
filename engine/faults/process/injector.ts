import { randomBytes } from 'node:crypto';
import { type Clock } from '../../kernel/clock.ts';
import { FirebreakError } from '../../kernel/errors.ts';
import { type FaultRequest, type Injector, type TargetPlan } from '../../kernel/fault.ts';
import { listProcesses, type ProcessInfo } from '../../host/processes.ts';
import { find, type Found, nameOf, protectedTarget, type RoomProcesses, roomOf, selectorOf } from '../../host/process-targets.ts';
import { placeIn } from '../../host/control-groups.ts';
import { maySignal } from '../../host/signals.ts';
import { choose } from './choose.ts';
import { comesBack, type ProcessParams } from './manifest.ts';
import { Rounds, touchedOf } from './rounds.ts';
import { continueAll, fleetNow, leftStopped, processUndo, type ProcessUndo } from './undo.ts';

export interface ProcessFaultDeps {
  readonly clock: Clock;
  /** Pids of Firebreak's own that carry no mark; may be left out. */
  readonly own?: () => readonly number[];
}

/** Stops, kills or terminates processes, and continues those that it stopped. */
export function processInjector(deps: ProcessFaultDeps): Injector<ProcessParams, ProcessUndo> {
  const { clock } = deps;
  const live = new Map<string, Rounds>();
  const room = (): RoomProcesses => roomOf(deps.own);

  return {
    undo: processUndo,
    unavailable: () => (process.platform === 'win32' ? 'Windows has no stop and continue signals' : ''),

    plan: async (request) => planOver(listProcesses(), request, room()),

    inject: async (undo, context) => {
      if (live.has(undo.token)) return;
      const rounds = new Rounds(structuredClone(undo), context, clock, room);
      live.set(undo.token, rounds);
      rounds.begin();
    },

    verify: async (undo) => live.get(undo.token)?.measure() ?? { bitten: false, detail: 'it was not started here', figures: [] },

    revert: async (undo) => {
      live.get(undo.token)?.[Symbol.dispose]();
      live.delete(undo.token);
      // What has been killed can only be brought back by its supervisor; the fingerprint says whether it was.
      await continueAll(undo, clock);
    },

    fingerprint: async (undo) => {
      if (comesBack(undo.action)) {
        const stopped = leftStopped(undo).map(({ pid, name }) => `${pid} (${name})`);
        return `processes that this fault keeps stopped: ${stopped.join(', ') || 'none'}`;
      }
      const there = fleetNow(undo, room()).length;
      return `processes that match ${undo.target}: ${there >= undo.fleet ? 'all' : there} of ${undo.fleet}`;
    },
  };
}

/**
 * Decides which processes the first round takes.
 * @throws FirebreakError `bad-target`, `protected-target` when all that match are protected, `last-process` when only
 * one matches and `allow_last` is not set, `signal-refused` when this user may not signal them.
 */
export function planOver(
  list: readonly ProcessInfo[],
  request: FaultRequest<ProcessParams>,
  room: RoomProcesses,
  allowed: (pid: number) => boolean = maySignal,
): readonly TargetPlan<ProcessUndo>[] {
  const { params, target, seed, policy } = request;
  const selector = selectorOf(target);
  const found = find(list, selector, room);
  const { fleet } = found;
  if (fleet.length === 0 && found.spared.length > 0) throw protectedTarget(target, found);
  if (fleet.length === 0) return [];
  if (fleet.length === 1 && !params.allowLast) {
    throw new FirebreakError('last-process', `only process ${nameOf(fleet[0])} matches ${target}; taking it would leave none`, {
      hint: 'set allow_last: true if that is what you want, or match more processes',
    });
  }
  const chosen = choose(fleet, params, { firstFleet: fleet.length, taken: 0, round: 0, seed, policy });
  const refused = chosen.filter(({ pid }) => !allowed(pid));
  if (refused.length > 0) {
    throw new FirebreakError('signal-refused', `may not signal ${refused.map(nameOf).join(', ')}`, {
      hint: 'run as the user who owns the processes, or as root',
    });
  }
  const head = { token: randomBytes(9).toString('hex'), action: params.action };
  const touched = chosen.map((info) => touchedOf(info, head));
  const named = selector.kind === 'pid' ? { named: fleet.map(({ pid, started }) => ({ pid, started })) } : {};
  return [{
    target: describeTarget(target, chosen, fleet.length),
    undo: { ...head, target, fleet: fleet.length, touched, ...named },
    ...describe(params, chosen, found),
    reversible: comesBack(params.action),
    takes: touched.flatMap((one) => [`${one.pid} (${one.name})`, ...(one.group === undefined ? [] : [placeIn(one.group, one)])]),
  }];
}

function describeTarget(target: string, chosen: readonly ProcessInfo[], fleet: number): string {
  if (chosen.length === 1) return `process ${nameOf(chosen[0])}`;
  return chosen.length === 0 ? `the ${fleet} processes of ${target}` : `processes ${chosen.map(nameOf).join(', ')}`;
}

function describe(
  params: ProcessParams,
  chosen: readonly ProcessInfo[],
  found: Found,
): { readonly action: string; readonly inverse: string } {
  const spared = found.spared.length === 0 ? '' : `; ${found.spared.length} more that match are protected`;
  const again = params.interval > 0 ? '; then choose again at each interval' : '';
  const who = chosen.length === 0 ? 'no process, as the dice fell' : chosen.map(nameOf).join(', ');
  return {
    action: `${params.action} ${who} (${chosen.length} of ${found.fleet.length} that match${spared})${again}`,
    inverse: params.action === 'stop'
      ? 'continue exactly these processes (SIGCONT), if they are still stopped'
      : params.action === 'freeze'
      ? 'thaw the control groups made for them, move what is in them back, and remove them'
      : 'nothing that Firebreak can do: whoever supervises the processes must start them again',
  };
}
