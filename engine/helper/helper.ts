import { type Handlers } from '../contract/api.ts';
import { type Port } from '../contract/envelope.ts';
import { manifestOf } from '../contract/fault-types.ts';
import { helperApi } from '../contract/helper.ts';
import { ItemQueue } from '../contract/items.ts';
import { type FaultId } from '../kernel/brands.ts';
import { type Clock } from '../kernel/clock.ts';
import { FirebreakError, messageOf } from '../kernel/errors.ts';
import { type FaultRequest, type Injector, type TargetPlan } from '../kernel/fault.ts';
import { newFaultId } from '../kernel/random.ts';
import { HEARTBEAT, LEASE } from '../lifecycle/models.ts';
import { type ProcessMark } from '../store/journal-record.ts';
import { serve } from '../transport/dispatch.ts';
import { HeldFault, Reverter } from './held.ts';
import { type HelperParts } from './parts.ts';

/** A plan that has not begun is kept so long, in milliseconds: an engine begins at once, or never. A room plans whenever somebody looks. */
export const PLAN_KEPT = 600_000;
/** So many plans of one engine wait at a time; no run has as many targets. */
export const MOST_PLANS = 1_000;

/**
 * Does for engines without rights what needs them, and undoes it when they leave. It knows the types whose manifests say
 * that they need root, and no others; parameters are read anew, targets found anew, the guards of each type asked anew.
 */
export class Helper implements AsyncDisposable {
  readonly #parts: HelperParts;
  readonly #reverter: Reverter;
  readonly #faults = new Map<FaultId, HeldFault>();
  readonly #callers = new Set<Caller>();
  readonly #ending = new Set<Promise<void>>();

  constructor(parts: HelperParts) {
    this.#parts = parts;
    this.#reverter = new Reverter(parts);
  }

  /** Undoes what an earlier helper has left. Call it before the first engine may connect. */
  recover(alive: (owner: ProcessMark) => boolean): Promise<void> {
    return this.#reverter.recover(alive, this.#parts.log);
  }

  /**
   * Serves one engine until its port closes; then everything of it is reverted.
   * @param pid of the engine, as the kernel knows it; undefined where it cannot be asked, and the engine is believed.
   */
  serve(port: Port, pid?: number): void {
    const caller = new Caller(this.#parts.clock, pid ?? 0, () => this.#forget(caller), (why) => {
      port.close(why);
      this.#callers.delete(caller);
      const end = this.#end(caller, why).finally(() => this.#ending.delete(end));
      this.#ending.add(end);
    });
    this.#callers.add(caller);
    serve(helperApi, this.#handlers(caller), overheard(port, (why) => caller.leave(why)));
  }

  /** The engines that are connected. */
  get callers(): readonly number[] {
    return [...this.#callers].map(({ pid }) => pid).filter((pid) => pid > 0);
  }

  /** Hangs up on every engine and reverts everything. */
  async dropAll(why: string): Promise<void> {
    for (const caller of this.#callers) caller.leave(why);
    await Promise.all(this.#ending);
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.dropAll('the helper ends');
  }

  #handlers(caller: Caller): Handlers<typeof helperApi> {
    const { version, self, lease } = this.#parts;
    return {
      queries: {
        about: async ({ pid }) => {
          if (caller.pid === 0) caller.pid = pid;
          return { version, pid: self.pid, types: this.#types() };
        },
        capabilities: async () => [...(await this.#parts.capabilities())],
        plan: async (asked, signal) => {
          const { request, injector } = this.#checked(asked);
          const plans = await injector.plan(request, signal);
          // Nobody would end what is kept for an engine that has left.
          signal.throwIfAborted();
          const told = plans.map((plan) => {
            const fault = newFaultId();
            const held = new HeldFault(this.#parts, fault, request, plan, injector, (detail) => caller.told.push({ fault, detail }));
            this.#faults.set(fault, held);
            caller.faults.add(held);
            this.#parts.boundary?.('planned', fault);
            const { target, action, inverse, reversible, takes } = plan;
            return { fault, target, action, inverse, reversible, ...(takes !== undefined && { takes: [...takes] }) };
          });
          this.#forget(caller);
          return told;
        },
        fingerprint: ({ fault }) => this.#fingerprint(caller, fault),
        verify: ({ fault }) => this.#own(caller, fault).verify(),
      },
      commands: {
        inject: async ({ fault }) => {
          const held = this.#own(caller, fault);
          held.asked = true;
          held.begun = true;
          await lease.ready();
          await held.inject(() => void this.#revert(fault, 'its time is over').catch(() => {}));
          return {};
        },
        revert: async ({ fault }) => {
          await this.#revert(fault, 'asked to');
          return {};
        },
        beat: async () => {
          caller.beat();
          return {};
        },
      },
      streams: { injected: () => caller.told.reader(() => {}) },
    };
  }

  #types(): Record<string, string> {
    return Object.fromEntries(Object.entries(this.#parts.injectors).flatMap(([type, injector]) => (manifestOf(type)?.needsRoot === undefined ? [] : [[type, injector.unavailable()]])));
  }

  /** @throws FirebreakError `not-allowed`, `invalid-input`. */
  #checked({ type, params, ...asked }: Pick<FaultRequest, 'run' | 'policy' | 'type' | 'target' | 'seed' | 'hold' | 'params' | 'routes'>): { request: FaultRequest; injector: Injector } {
    const manifest = manifestOf(type);
    const injector = this.#parts.injectors[type];
    const read = manifest?.params.safeParse(params);
    if (manifest?.needsRoot === undefined || injector === undefined) throw new FirebreakError('not-allowed', `the helper does not run faults of type ${type}`);
    if (read?.success !== true) throw new FirebreakError('invalid-input', `the parameters of ${type} are not valid: ${read?.error.issues[0]?.message ?? ''}`);
    const finding = manifest.check?.(read.data)[0] ?? (asked.target === '' ? undefined : manifest.target.check?.(asked.target));
    if (!manifest.needsRoot(read.data)) throw new FirebreakError('not-allowed', `these parameters of ${type} need no root, so the helper has no part in it`);
    if (finding !== undefined) throw new FirebreakError('invalid-input', finding.message, { hint: finding.hint });
    return { request: { ...asked, type, params: read.data, route: '', ignored: [] }, injector };
  }

  /** Plans that nobody has begun in time, and the oldest of too many; and what is over. What is journaled is closed. */
  #forget({ faults }: Caller): void {
    const silent = this.#parts.clock.now() - LEASE;
    for (const held of faults) if ((held.waitsSince ?? Infinity) <= silent) void this.#revert(held.fault, 'it has not begun').catch((error: unknown) => this.#parts.log(`${held.plan.target} is not undone: ${messageOf(error)}`));
    const over = [...faults].filter(({ fault }) => !this.#faults.has(fault));
    const waiting = [...faults].filter(({ asked }) => !asked);
    const since = this.#parts.clock.now() - PLAN_KEPT;
    const late = waiting.filter(({ plannedAt }, index) => plannedAt <= since || index < waiting.length - MOST_PLANS);
    for (const held of [...over, ...late]) {
      faults.delete(held);
      this.#faults.delete(held.fault);
    }
  }

  #own(caller: Caller, fault: FaultId): HeldFault {
    const held = this.#faults.get(fault);
    if (held !== undefined && caller.faults.has(held)) return held;
    throw new FirebreakError('unknown-fault', `the helper has planned no fault ${fault} for this caller`, { hint: NOT_KEPT });
  }

  /** Also of a fault that this helper, or one before it, has closed: whoever saw its owner die wants to know. */
  async #fingerprint(caller: Caller, fault: FaultId): Promise<string> {
    const held = this.#faults.get(fault);
    if (held?.journaled === false) {
      held.asked = true;
      // An engine whose run ended just before it began says nothing of it; that it begins the same anew says it all.
      for (const other of caller.faults) if (other.waitsSince !== undefined && takesSame(other.plan, held.plan)) await this.#revert(other.fault, 'it has not begun');
      // What is in the journal must have somebody to undo it, should this process die.
      await this.#parts.lease.ready();
      return held.fingerprint();
    }
    const record = this.#parts.journal.latest(fault);
    const injector = record === undefined ? undefined : this.#parts.injectors[record.type];
    if (record === undefined || injector === undefined) throw new FirebreakError('unknown-fault', `the helper does not know the fault ${fault}`, { hint: NOT_KEPT });
    return injector.fingerprint(injector.undo.parse(record.undo));
  }

  async #revert(fault: FaultId, why: string): Promise<void> {
    const held = this.#faults.get(fault);
    const ceased = (await held?.cease()) ?? true;
    // What has not begun left nothing; it stays known until its engine goes, so that its state can be asked for.
    if (held?.journaled === false) return;
    // It may change something after it was reverted under its feet.
    if (!ceased) held?.afterwards(() => this.#reverter.revert(fault, why).catch((error: unknown) => this.#parts.log(`${held.plan.target} is not undone: ${messageOf(error)}`)));
    await this.#reverter.revert(fault, why, ceased);
    this.#faults.delete(fault);
  }

  /** In reverse order. What cannot be undone stays in the journal, and is tried again at the next start. */
  async #end(caller: Caller, why: string): Promise<void> {
    for (const { fault, plan } of [...caller.faults].reverse()) {
      if (!this.#faults.has(fault)) continue;
      await this.#revert(fault, why).catch((error: unknown) => this.#parts.log(`${plan.target} is not undone: ${messageOf(error)}`));
      this.#faults.delete(fault);
    }
    caller[Symbol.dispose]();
  }
}

const takesSame = (one: TargetPlan, other: TargetPlan): boolean => {
  const places = new Set(one.takes ?? [one.target]);
  return (other.takes ?? [other.target]).some((place) => places.has(place));
};

const NOT_KEPT = 'what has not begun within ten minutes is forgotten: plan again';

/** One engine, for as long as it says that it lives. */
class Caller implements Disposable {
  /** 0 = not known yet. One that says it itself is of the user whose helper this is, and would only harm itself with another. */
  pid: number;
  readonly faults = new Set<HeldFault>();
  readonly told = new ItemQueue<{ readonly fault: FaultId; readonly detail: string }>(1, () => {});
  readonly #clock: Clock;
  readonly #watch: Disposable;
  readonly #gone: (why: string) => void;
  #last: number;
  #left = false;

  constructor(clock: Clock, pid: number, beaten: () => void, gone: (why: string) => void) {
    this.#clock = clock;
    this.pid = pid;
    this.#gone = gone;
    this.#last = clock.now();
    this.#watch = clock.every(HEARTBEAT, () => {
      if (clock.now() - this.#last >= LEASE) this.leave('no sign of life for 10 s');
      else beaten();
    });
  }
  beat(): void {
    this.#last = this.#clock.now();
  }
  leave(why: string): void {
    if (this.#left) return;
    this.#left = true;
    this.#watch[Symbol.dispose]();
    this.#gone(why);
  }
  [Symbol.dispose](): void {
    this.#left = true;
    this.#watch[Symbol.dispose]();
    this.told.finish();
  }
}

/** The same port, whose close is heard here as well as by the dispatch: a port has one listener. */
const overheard = (port: Port, heard: (why: string) => void): Port => ({
  send: (text) => port.send(text),
  onMessage: (listener) => port.onMessage(listener),
  onClose: (listener) =>
    port.onClose((why) => {
      listener(why);
      heard(why);
    }),
  close: (why) => port.close(why),
});
