import { type Millis } from '../kernel/brands.ts';
import { EXIT, FirebreakError } from '../kernel/errors.ts';
import { type FaultRequest } from '../kernel/fault.ts';
import { type FaultReport, type JournalDamage, type OpenUndo } from '../telemetry/models.ts';
import {
  HEARTBEAT,
  type HaltResult,
  type HaltSwitch,
  LEASE,
  type Lifecycle,
  type PlannedFault,
  type RecoverResult,
  REVERT_DEADLINE,
  type Workshop,
} from './models.ts';
import { guard, planAll } from './plan.ts';
import { HeldSet } from './set.ts';
import { openUndoOf, undoAll, undoFromJournal } from './undo.ts';

export type {
  Boundary,
  EndedBy,
  FaultFacts,
  FaultSet,
  HaltResult,
  Lifecycle,
  PlannedFault,
  ProcessIdentity,
  RecoverResult,
} from './models.ts';
export { BOUNDARIES } from './models.ts';

/** What the lifecycle is made of; see Workshop. Only what has a default is optional. */
export type LifecycleParts = Omit<Workshop, 'revertDeadline' | 'boundary' | 'lease'> &
  Partial<Pick<Workshop, 'revertDeadline' | 'boundary' | 'lease'>> & { readonly wire: HaltSwitch };

/**
 * The lifecycle of one engine, without helpers of its own: no watchdog unless `lease` is given. `openLifecycle` adds
 * them.
 */
export function createLifecycle(parts: LifecycleParts): Lifecycle {
  return new EngineLifecycle(parts);
}

class EngineLifecycle implements Lifecycle {
  readonly #shop: Workshop;
  readonly #wire: HaltSwitch;
  /** Sets whose faults are not all proven clean. */
  readonly #sets = new Set<HeldSet>();
  /** The HALT that overrules each request that was planned. */
  readonly #plannedUntil = new WeakMap<FaultRequest, AbortSignal>();
  readonly #pulse: Disposable;
  #nextHalt = new AbortController();
  #halted = false;
  /** Whether this process knows the HALT word to be set, by HALT or by a lost lease. */
  #silenced = false;

  constructor({ wire, ...parts }: LifecycleParts) {
    this.#shop = { revertDeadline: REVERT_DEADLINE, lease: null, boundary: () => {}, ...parts };
    this.#wire = wire;
    this.#pulse = watchForGaps(this.#shop, () => {
      // A word that is set and was not set here comes from the sentinel, whose message says why and is on its way.
      if (!this.#wire.halted || this.#silenced)
        void this.leaseLost('this process, or the machine, stood still for too long');
    });
  }

  async plan(requests: readonly FaultRequest[], signal: AbortSignal): Promise<readonly PlannedFault[]> {
    const { untilHalt } = this;
    const planned = await planAll(this.#shop, requests, signal);
    for (const { request } of planned) this.#plannedUntil.set(request, untilHalt);
    this.#shop.boundary('planned', null);
    return planned;
  }

  async start(planned: readonly PlannedFault[], hold: Millis, signal: AbortSignal): Promise<HeldSet> {
    this.#refuseHalted(planned);
    guard(planned, this.#shop.journal.open());
    await this.#shop.lease?.ready();
    signal.throwIfAborted();
    this.#refuseHalted(planned);
    this.#shop.boundary('guarded', null);
    this.leaveHalt();
    const set = new HeldSet(this.#shop, planned);
    this.#sets.add(set);
    try {
      await set.begin(hold, signal);
      return set;
    } finally {
      this.#tidy();
    }
  }

  reports(): readonly FaultReport[] {
    this.#tidy();
    return [...this.#sets].flatMap((set) => set.reports());
  }

  async stopFault(fault: string, why: string): Promise<boolean> {
    const reports = await Promise.all([...this.#sets].map((set) => set.stop(fault, why)));
    const report = reports.find((one) => one !== undefined);
    this.#tidy();
    if (report === undefined || report.state === 'clean') return report !== undefined;
    throw new FirebreakError('residue', `${report.policy} on ${report.target} is not proven reverted: ${report.note}`, {
      hint: 'Stop it once more, or run `firebreak recover`.',
      exitCode: EXIT.residue,
    });
  }

  get halted(): boolean {
    return this.#halted;
  }
  get untilHalt(): AbortSignal {
    return this.#nextHalt.signal;
  }

  async halt(by: string): Promise<HaltResult> {
    const { clock, bus } = this.#shop;
    const from = clock.now();
    // First of all, and at once for every worker of the wire; everything below takes longer.
    this.#wire.halt();
    this.#silenced = true;
    this.#halted = true;
    this.#tidy();
    const sets = [...this.#sets];
    const ending = sets.map((set) => set.endBy('halted'));
    // After the sets, which would otherwise end as if their callers had aborted them, at leisure.
    this.#nextHalt.abort(new FirebreakError('halted', `HALT by ${by}`, { exitCode: EXIT.aborted }));
    this.#nextHalt = new AbortController();
    const faults = (await Promise.all(ending)).flat();
    const quiet = sets.map((set) => set.quietAt ?? clock.now());
    const tookMs = Math.max(0, ...quiet.map((at) => at - from));
    const told = faults.map(({ id, policy, type, target, state, reverted, note }) => ({ id, policy, type, target, state, reverted, note }));
    bus.publish('', { kind: 'halt', by, tookMs, faults: told });
    return { tookMs, faults };
  }

  async leaseLost(why: string): Promise<void> {
    this.#tidy();
    // The sentinel may have set the word on the watchdog's behalf, even when nothing is held any more.
    if (this.#wire.halted) this.#silenced = true;
    if (this.#sets.size === 0) return;
    this.#wire.halt();
    this.#silenced = true;
    this.#shop.bus.publish('', {
      kind: 'log',
      level: 'error',
      text: `lease lost: ${why}; everything is being reverted`,
    });
    await Promise.all([...this.#sets].map((set) => set.endBy('lease-lost')));
  }

  async recover(): Promise<RecoverResult> {
    const { journal, identity } = this.#shop;
    this.#tidy();
    const sets = [...this.#sets];
    const holding = sets.filter((set) => set.holding).flatMap((set) => set.reports());
    // What was stopped alone and not proven clean is nobody's any more.
    const held = new Set(holding.filter(({ state }) => state !== 'unconfirmed').map(({ id }) => id));
    const { pid, started } = identity.self;
    const mine = journal.open().filter(({ fault, owner }) => {
      const own = owner.pid === pid && owner.started === started;
      return !held.has(fault) && (own || !identity.alive(owner));
    });
    const before = mine.map((record) => openUndoOf(record, identity));
    await Promise.all(sets.map((set) => (set.holding ? set.stopAgain('recover') : set.revert('recover'))));
    const left = new Set(journal.open().map(({ fault }) => fault));
    await undoAll(
      mine.filter(({ fault }) => left.has(fault)),
      ({ reversible }) => reversible,
      async ({ fault }) => {
        await undoFromJournal(this.#shop, fault, 'recover');
      },
    );
    this.#tidy();
    const damage = journal.mend();
    const open = this.open();
    return { cleared: before.filter(({ id }) => !open.some((record) => record.id === id)), open, damage };
  }

  open(): readonly OpenUndo[] {
    return this.#shop.journal.open().map((record) => openUndoOf(record, this.#shop.identity));
  }

  damage(): readonly JournalDamage[] {
    return this.#shop.journal.damage();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#sets].map((set) => set.revert('the engine closes')));
    this.#pulse[Symbol.dispose]();
  }

  /** Forgets the sets that are proven clean. */
  #tidy(): void {
    for (const set of this.#sets) {
      if (!set.holding && set.reports().every(({ state }) => state === 'clean')) this.#sets.delete(set);
    }
  }

  /** A HALT is the last word on everything planned before it. */
  #refuseHalted(planned: readonly PlannedFault[]): void {
    if (!planned.some(({ request }) => this.#plannedUntil.get(request)?.aborted)) return;
    throw new FirebreakError('halted', 'HALT was given after this was planned', {
      hint: 'Start again when it is safe.',
      exitCode: EXIT.aborted,
    });
  }

  /** The HALT word is all that holds back a wire fault which could not be removed: then it stays. */
  leaveHalt(): void {
    if (!this.#silenced) return;
    const layers = this.#shop.facts;
    const stuck = this.reports().find(({ state, type }) => state !== 'clean' && layers[type]?.layer === 'wire');
    if (stuck !== undefined) {
      throw new FirebreakError(
        'residue',
        `${stuck.policy} on ${stuck.target} is not proven reverted since the last HALT: ${stuck.note}`,
        {
          hint: 'Run `firebreak recover`; if that does not help, restart the engine.',
          exitCode: EXIT.residue,
        },
      );
    }
    this.#halted = false;
    this.#silenced = false;
    this.#wire.resume();
  }
}

/**
 * Calls back when this process did not run for longer than a lease: it was stopped, its loop was blocked, or the
 * machine slept (which only the wall clock shows). The watchdog has then reverted what this engine holds.
 */
function watchForGaps({ clock }: Workshop, lost: () => void): Disposable {
  let now: number = clock.now();
  let wall = clock.wall();
  return clock.every(HEARTBEAT, () => {
    const gap = Math.max(clock.now() - now, clock.wall() - wall);
    now = clock.now();
    wall = clock.wall();
    if (gap >= LEASE) lost();
  });
}
