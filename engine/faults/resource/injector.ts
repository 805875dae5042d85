import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { type Clock } from '../../kernel/clock.ts';
import { FirebreakError } from '../../kernel/errors.ts';
import { DAY } from '../../kernel/fields.ts';
import { type Effect, type FaultRequest, type InjectContext, type Injector, type TargetPlan } from '../../kernel/fault.ts';
import { CPU_ROLE, startCpuLoad, usableCores } from '../../host/cpu.ts';
import { endHeld, findHeld, OUTLIVES_MS } from '../../host/held.ts';
import { liftLimit, limitLeft } from '../../host/control-limits.ts';
import { availableMB, cachedMB, dropCaches, noCacheDrop, othersRamMB, RAM_ROLE, reserveMB, residentMB, startRamHold } from '../../host/memory.ts';
import { roomOf } from '../../host/process-targets.ts';
import { LimitRun, planOverLimits } from './limits.ts';
import { limits, loads, RAM_CEILING_MB, type ResourceParams } from './manifest.ts';
import { type CpuMeter, cpuMeter, type RamMeter, ramMeter } from './meters.ts';
import { attackOf, describePlan, planResource, resourceUndo, type ResourceUndo } from './plan.ts';

/** The children of one fault while this process holds it. */
interface Live {
  readonly startedAt: number;
  readonly cpu: CpuMeter | null;
  readonly ram: RamMeter | null;
  /** The last measurement before an attack that ends earlier than the fault was over. */
  last: Effect | null;
  readonly limits: LimitRun | null;
  /** What was cached before it was dropped, and afterwards, in MB. */
  readonly cached: { readonly before: number; readonly after: number } | null;
  /** Ends limits that last shorter than the fault. */
  readonly timer: Disposable | null;
}

/**
 * Loads the CPU and takes memory, in children that end by themselves as soon as nobody renews their lease; limits what
 * processes may have. @param own pids of Firebreak's own that carry no mark.
 */
export function resourceInjector(clock: Clock, own?: () => readonly number[]): Injector<ResourceParams, ResourceUndo> {
  const live = new Map<string, Live>();

  const plan = async (request: FaultRequest<ResourceParams>): Promise<readonly TargetPlan<ResourceUndo>[]> => {
    const { params } = request;
    const plans: TargetPlan<ResourceUndo>[] = [];
    if (limits(params)) plans.push(...planOverLimits(request, roomOf(own)));
    if (params.dropCaches) plans.push(planCaches(request));
    return loads(params) || (!limits(params) && !params.dropCaches) ? [planLoad(request), ...plans] : plans;
  };

  const inject = async (undo: ResourceUndo, context: InjectContext<ResourceParams, ResourceUndo>): Promise<void> => {
    if (live.has(undo.token)) return;
    context.signal.throwIfAborted();
    if (undo.limits.length > 0 || undo.caches) return beginOther(undo, context);
    const hold = undo.endsEarly ? undo.attack : undo.attack > 0 ? undo.attack + OUTLIVES_MS : DAY;
    const { token, cpu, ram } = undo;
    if (ram !== null && othersRamMB() + ram.cap > RAM_CEILING_MB) {
      throw new FirebreakError('ram-ceiling', `another memory fault has begun: ${ram.cap} MB more would pass ${RAM_CEILING_MB} MB`);
    }
    const burner = cpu === null ? null : startCpuLoad({ token, cores: cpu.cores, load: cpu.load, hold }, clock);
    const holder = ram === null ? null : startRamHold({ token, ...ram, ceiling: RAM_CEILING_MB, hold }, clock);
    try {
      await Promise.all([burner?.ready(context.signal), holder?.ready(context.signal)]);
    } catch (error) {
      burner?.[Symbol.dispose]();
      holder?.[Symbol.dispose]();
      throw error;
    }
    const empty = holder === null ? 0 : (residentMB(holder.pid) ?? 0);
    holder?.tell('go');
    live.set(token, {
      startedAt: clock.now(),
      cpu: burner === null || cpu === null ? null : cpuMeter(burner, cpu, clock),
      ram: holder === null || ram === null ? null : ramMeter(holder, ram, empty, clock),
      last: null,
      limits: null,
      cached: null,
      timer: null,
    });
    context.injected(describePlan(undo));
  };

  const beginOther = async (undo: ResourceUndo, context: InjectContext<ResourceParams, ResourceUndo>): Promise<void> => {
    const run = undo.limits.length > 0 ? new LimitRun(undo.limits, clock, context.injected) : null;
    run?.begin();
    const before = cachedMB();
    if (undo.caches) {
      await dropCaches();
      context.injected('dropped the disk caches');
    }
    // A limit that cannot be lifted in time is lifted, or told, at the revert.
    const timer = run !== null && undo.endsEarly ? clock.after(undo.attack, () => void run.lift().catch(() => {})) : null;
    live.set(undo.token, {
      startedAt: clock.now(), cpu: null, ram: null, last: null, limits: run, cached: undo.caches ? { before, after: cachedMB() } : null, timer,
    });
  };

  const verify = async (undo: ResourceUndo, context: InjectContext<ResourceParams, ResourceUndo>): Promise<Effect> => {
    const state = live.get(undo.token);
    if (state === undefined) return { bitten: false, detail: 'the load was not started here', figures: [] };
    const over = (): Effect | undefined => {
      if (!undo.endsEarly || state.last === null) return undefined;
      if (clock.now() - state.startedAt <= undo.attack - END_MARGIN_MS) return undefined;
      return { ...state.last, detail: `${state.last.detail}; the attack is over` };
    };
    const before = over();
    if (before !== undefined) return before;
    if (state.limits !== null) return (state.last = state.limits.measure());
    if (state.cached !== null) return droppedOf(state.cached);
    const parts = await Promise.all([state.cpu?.(context.signal), state.ram?.(context.signal)]);
    // It may have ended while it was measured.
    const meanwhile = over();
    if (meanwhile !== undefined) return meanwhile;
    const measured = parts.filter((part) => part !== undefined);
    state.last = {
      bitten: measured.every((part) => part.bitten),
      detail: measured.map((part) => part.detail).join('; '),
      figures: measured.map((part) => part.figure),
    };
    return state.last;
  };

  const revert = async (undo: ResourceUndo): Promise<void> => {
    const state = live.get(undo.token);
    live.delete(undo.token);
    state?.cpu?.[Symbol.dispose]();
    state?.ram?.[Symbol.dispose]();
    state?.timer?.[Symbol.dispose]();
    await Promise.all(undo.limits.map((one) => liftLimit(one, clock)));
    if (undo.cpu === null && undo.ram === null) return;
    await Promise.all([endHeld(CPU_ROLE, undo.token, clock), endHeld(RAM_ROLE, undo.token, clock)]);
  };

  const fingerprint = async (undo: ResourceUndo): Promise<string> => {
    if (undo.caches) return 'the caches fill by themselves';
    if (undo.limits.length > 0) return `processes that this fault limits: ${undo.limits.filter(limitLeft).map(({ pid }) => pid).join(', ') || 'none'}`;
    const name = (role: string): string => findHeld(role, undo.token).map(({ pid }) => pid).join(', ') || 'none';
    return `processes with the mark ${undo.token}: cpu ${name(CPU_ROLE)}, ram ${name(RAM_ROLE)}`;
  };

  return { undo: resourceUndo, unavailable, plan, inject, verify, revert, fingerprint };
}

function planLoad(request: FaultRequest<ResourceParams>): TargetPlan<ResourceUndo> {
  const room = { cores: usableCores(), available: availableMB(), reserve: reserveMB(), taken: othersRamMB() };
  const undo = planResource(request, room, randomBytes(9).toString('hex'));
  return {
    target: `this machine (${hostname()})`,
    undo,
    action: describePlan(undo),
    inverse: `end the processes that carry the mark ${undo.token}; the system takes back their CPU time and memory`,
    reversible: true,
  };
}

function planCaches(request: FaultRequest<ResourceParams>): TargetPlan<ResourceUndo> {
  const refusal = noCacheDrop();
  if (refusal !== '') throw new FirebreakError('drop-refused', refusal, { hint: 'run as root, or start the helper: sudo firebreak helper' });
  return {
    target: `the disk caches of this machine (${hostname()})`,
    undo: { token: randomBytes(9).toString('hex'), cpu: null, ram: null, limits: [], caches: true, ...attackOf(request) },
    action: `drop the caches of files and folders, some ${Math.round(cachedMB())} MB`,
    inverse: 'nothing is needed: the system reads again what is used',
    reversible: true,
  };
}

/** What is in use stays, and less than this was cached at all: in MB. */
const LITTLE_CACHED = 16;

function droppedOf({ before, after }: { readonly before: number; readonly after: number }): Effect {
  const dropped = Math.max(0, before - after);
  return {
    bitten: dropped > 0 && (dropped >= 1 || before < LITTLE_CACHED),
    detail: `${Math.round(before)} MB were cached, ${Math.round(after)} MB of them in use`,
    figures: [{ name: 'cache dropped', unit: 'MB', requested: before, delivered: dropped, samples: 1 }],
  };
}

/** A measurement that would run into the end of the attack would measure its absence. */
const END_MARGIN_MS = 600;

function unavailable(params?: ResourceParams): string {
  if (params !== undefined && limits(params) && process.platform !== 'linux') return 'only Linux has control groups to limit processes';
  if (params?.dropCaches === true && process.platform !== 'linux') return 'only Linux can drop its caches';
  if (process.platform === 'win32') return 'on Windows the load of another process cannot be measured here yet';
  if (typeof process.threadCpuUsage !== 'function') {
    return 'this Node has no process.threadCpuUsage(); 24 or later is needed';
  }
  return '';
}
