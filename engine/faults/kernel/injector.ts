import { existsSync } from 'node:fs';
import { noBpf } from '../../host/bpf.ts';
import { BPF_ROLE, endTrace, noTrace, startStrikes, startTrace, STRACE_ROLE, TRACE_ROLE } from '../../host/call-errors.ts';
import { enterGroup, makeGroup, noUnifiedTree, removeGroup } from '../../host/control-groups.ts';
import { endHeld, findHeld, type Held, OUTLIVES_MS } from '../../host/held.ts';
import { endedInWords, stateOf } from '../../host/identity.ts';
import { listProcesses } from '../../host/processes.ts';
import { roomOf } from '../../host/process-targets.ts';
import { type Clock } from '../../kernel/clock.ts';
import { FirebreakError } from '../../kernel/errors.ts';
import { type Effect, type InjectContext, type Injector } from '../../kernel/fault.ts';
import { callsOf, errnoOf, type KernelParams } from './manifest.ts';
import { kernelUndo, type KernelUndo, planOver, strikesOf } from './plan.ts';

const ROLES = [BPF_ROLE, TRACE_ROLE, STRACE_ROLE] as const;

export interface KernelFaultDeps {
  readonly clock: Clock;
  /** Pids of Firebreak's own that carry no mark; may be left out. */
  readonly own?: () => readonly number[];
}

/** Errors in calls to the kernel, by BPF programs or a tracer that a child process holds: both end with it. */
export function kernelInjector({ clock, own }: KernelFaultDeps): Injector<KernelParams, KernelUndo> {
  const live = new Map<string, Held>();

  const inject = async (undo: KernelUndo, { request, signal }: InjectContext<KernelParams, KernelUndo>): Promise<void> => {
    if (live.has(undo.token)) return;
    const { params } = request;
    const there = undo.taken.filter((one) => stateOf(one) !== 'dead');
    if (there.length === 0) throw new FirebreakError('target-gone', endedInWords(undo.taken), { hint: 'plan again' });
    const asked = { token: undo.token, hold: request.hold + OUTLIVES_MS };
    const groups = there.flatMap(({ group }) => group ?? []);
    for (const group of groups) makeGroup(group);
    const held = params.action === 'call'
      ? startTrace({ ...asked, targets: there, strike: { calls: callsOf(params.calls), errno: errnoOf(params), delay: params.delay, every: params.everyNth, path: params.path } }, clock)
      : startStrikes({ ...asked, strikes: strikesOf(params), groups }, clock);
    live.set(undo.token, held);
    try {
      await held.ready(signal);
    } catch (error) {
      const problem = held.news.get('problem');
      throw typeof problem === 'string' ? new FirebreakError('refused', problem, { cause: error }) : error;
    }
    // Attached first: nothing of a process in the group gets past.
    for (const one of there) if (one.group !== undefined) enterGroup(one.group, one);
  };

  const verify = async (undo: KernelUndo, { request }: InjectContext<KernelParams, KernelUndo>): Promise<Effect> => {
    const held = live.get(undo.token);
    if (held === undefined) return { bitten: false, detail: 'it was not started here', figures: [] };
    const { action, everyNth, probability } = request.params;
    const [matched, struck] = [Number(held.news.get('matched') ?? 0), Number(held.news.get('struck') ?? 0)];
    const noun = action === 'packet' ? 'packets' : 'calls';
    const gone = endedInWords(undo.taken);
    const ended = held.alive && held.news.get('ended') !== true ? '' : 'what strikes them has ended';
    return {
      bitten: struck > 0 && ended === '' && undo.taken.some((one) => stateOf(one) !== 'dead'),
      detail: [`${struck} of ${matched} ${noun} struck`, gone, ended].filter(Boolean).join('; '),
      figures: [{ name: `${noun} struck`, unit: 'ratio', requested: action === 'call' ? 1 / everyNth : probability, delivered: matched === 0 ? null : struck / matched, samples: matched }],
    };
  };

  return {
    undo: kernelUndo,
    unavailable: (params) => unavailable(params),
    plan: async (request) => planOver(listProcesses(), request, roomOf(own)),
    inject,
    verify,
    revert: async (undo) => {
      await endTrace(undo.token, clock);
      await endHeld(BPF_ROLE, undo.token, clock);
      live.get(undo.token)?.[Symbol.dispose]();
      live.delete(undo.token);
      for (const { group } of undo.taken) if (group !== undefined) await removeGroup(group, clock);
    },
    fingerprint: async (undo) => {
      const left = [
        ...undo.taken.flatMap(({ group }) => (group !== undefined && existsSync(group) ? [group] : [])),
        ...ROLES.flatMap((role) => findHeld(role, undo.token).map(({ pid }) => `${role} ${pid}`)),
      ];
      return `control groups and processes with the mark ${undo.token}: ${left.join(', ') || 'none'}`;
    },
  };
}

function unavailable(params?: KernelParams): string {
  const noGroups = noBpf() || noUnifiedTree();
  if (params !== undefined) return params.action === 'call' ? noTrace() : noGroups;
  return noGroups !== '' && noTrace() !== '' ? `${noGroups}; ${noTrace()}` : '';
}
