import { randomBytes } from 'node:crypto';
import { constants } from 'node:os';
import { z } from 'zod';
import { type Hook, type Strike } from '../../host/bpf-program.ts';
import { tracerOf } from '../../host/call-errors.ts';
import { controlTrees, groupFolder, isOwnGroup, ownGroup, placeIn } from '../../host/control-groups.ts';
import { processIdentity } from '../../host/identity.ts';
import { type ProcessInfo } from '../../host/processes.ts';
import { find, nameOf, protectedTarget, refuseMany, type RoomProcesses, selectorOf } from '../../host/process-targets.ts';
import { FirebreakError } from '../../kernel/errors.ts';
import { type FaultRequest, type TargetPlan } from '../../kernel/fault.ts';
import { fnv1a } from '../../kernel/hash.ts';
import { keyedRandom } from '../../kernel/random.ts';
import { callsOf, errnoOf, type KernelParams } from './manifest.ts';

const taken = processIdentity.extend({
  name: z.string(),
  /** The control group made for it; absent where it is traced. */
  group: z.string().refine(isOwnGroup, 'expected a control group of Firebreak').optional(),
});
export const kernelUndo = z.object({ token: z.string().min(8), taken: z.array(taken).min(1) });
export type KernelUndo = z.infer<typeof kernelUndo>;

/**
 * Chooses the processes, by the seed.
 * @throws FirebreakError `bad-target`, `protected-target` when all that match are protected, `taken` when another fault or
 * another tracer has one of them, `too-many-processes`, `no-cgroup-v2`.
 */
export function planOver(list: readonly ProcessInfo[], request: FaultRequest<KernelParams>, room: RoomProcesses): readonly TargetPlan<KernelUndo>[] {
  const { params, target, seed, policy } = request;
  const found = find(list, selectorOf(target), room);
  if (found.fleet.length === 0 && found.spared.length > 0) throw protectedTarget(target, found);
  if (found.fleet.length === 0) return [];
  const key = fnv1a(policy);
  const order = found.fleet.map((info, index) => ({ info, rank: keyedRandom(seed, key, index, 0) })).sort((a, b) => a.rank - b.rank);
  const share = params.percentage === 0 ? 1 : Math.max(1, Math.floor((order.length * params.percentage) / 100));
  const chosen = order.slice(0, share).map(({ info }) => info);
  refuseMany(chosen, target);
  const token = randomBytes(9).toString('hex');
  const undo = { token, taken: chosen.map((info) => entryOf(info, token, params)) };
  const who = chosen.map(nameOf).join(', ');
  const spared = found.spared.length === 0 ? '' : `; ${found.spared.length} more that match are protected`;
  return [{
    target: chosen.length === 1 ? `process ${who}` : `processes ${who}`,
    undo,
    action: `${params.action === 'packet' ? 'drop packets' : params.action === 'call' ? `strike ${callsOf(params.calls).join(', ')}` : `fail ${params.action} with ${errnoOf(params)}`} for ${who} (${chosen.length} of ${found.fleet.length} that match${spared})`,
    inverse: params.action === 'call'
      ? `end strace, which lets go of them`
      : 'detach the programs, move the processes back into the control groups that they were in, and remove those made for them',
    reversible: true,
    takes: undo.taken.flatMap((one) => [`${one.pid} (${one.name})`, ...(one.group === undefined ? [] : [placeIn(one.group, one)])]),
  }];
}

function entryOf(info: ProcessInfo, token: string, { action }: KernelParams): KernelUndo['taken'][number] {
  const { pid, started } = info;
  const entry = { pid, started, name: info.program || info.name };
  if (action === 'call') {
    const tracer = tracerOf(pid);
    if (tracer !== 0) throw new FirebreakError('taken', `process ${nameOf(info)} is traced by process ${tracer} already`, { hint: 'the kernel allows one tracer; end that one first' });
    return entry;
  }
  const tree = controlTrees().find(({ v2 }) => v2);
  const parent = tree === undefined ? undefined : groupFolder(tree, pid);
  if (parent === undefined) throw new FirebreakError('no-cgroup-v2', `process ${nameOf(info)} is in no control group of the newer kind (v2)`, { hint: 'mount cgroup2' });
  if (isOwnGroup(parent)) throw new FirebreakError('taken', `process ${nameOf(info)} is held by another fault of Firebreak: ${parent}`, { hint: 'end that fault first' });
  return { ...entry, group: ownGroup(parent, token, pid) };
}

/** Both families, and both directions, are one fault. */
const HOOKS_OF = { connect: ['connect4', 'connect6'], bind: ['bind4', 'bind6'], socket: ['socket'] } as const;

export function strikesOf(params: KernelParams): readonly Strike[] {
  const { action, port, probability, direction } = params;
  const errno = (constants.errno as Readonly<Record<string, number>>)[errnoOf(params)] ?? 0;
  const hooks: readonly Hook[] = action === 'packet' ? (['egress', 'ingress'] as const).filter((way) => direction === 'both' || direction === way) : action === 'call' ? [] : HOOKS_OF[action];
  return hooks.map((hook) => ({ hook, errno, port, probability }));
}
