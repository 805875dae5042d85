import { type FaultId } from '../kernel/brands.ts';
import { FirebreakError, messageOf } from '../kernel/errors.ts';
import {
  type Effect,
  type FaultRequest,
  type FaultState,
  type InjectContext,
  type Injector,
  type TargetPlan,
} from '../kernel/fault.ts';
import { newFaultId } from '../kernel/random.ts';
import { type UndoDraft } from '../store/journal.ts';
import { type FaultReport } from '../telemetry/models.ts';
import { Burst } from './burst.ts';
import { type Workshop } from './models.ts';
import { type Undone, undoFromJournal } from './undo.ts';
import { untilAborted, within } from './waiting.ts';

/** How often verify is called until the fault has bitten, and from then on; milliseconds. */
const UNTIL_BITTEN = 50;
const WHILE_HELD = 1_000;
/** One measurement may miss an effect; so many in a row that do mean that the effect has gone. */
const GONE_AFTER = 3;
/** The last measurement before revert may take so long; revert does not wait for more. */
const LAST_LOOK = 500;
/** How long an aborted inject may take to return before it is reverted under its feet. */
export const INJECT_GRACE = 2_000;

/**
 * One fault on one target, from its journal row to the proof that it is gone. Read it from top to bottom: it is the
 * life of a fault. (Plan and guard come before it, over all faults of a run: plan.ts.)
 */
export class FaultLife {
  readonly fault: FaultId = newFaultId();
  readonly reversible: boolean;
  readonly #shop: Workshop;
  readonly #request: FaultRequest;
  readonly #plan: TargetPlan;
  readonly #explain: string;
  readonly #injector: Injector;
  readonly #holding = new AbortController();
  #most = 0;
  readonly #burst: Burst;
  readonly #bite = Promise.withResolvers<void>();
  #undo: unknown;
  #state: FaultState = 'planned';
  #before: string | null = null;
  #after: string | null = null;
  #injectedAt: number | null = null;
  #revertedAt: number | null = null;
  #effect: Effect = { bitten: false, detail: 'not measured yet', figures: [] };
  /** Measurements in a row that did not see it bite. */
  #misses = 0;
  /** How often it began to bite. */
  #bites = 0;
  #note = '';
  #stopped = '';
  #injecting: Promise<void> | undefined;
  #ending: Promise<number | null> | undefined;
  #measuring: Promise<void> | undefined;
  #journaled = false;
  #started = 0;

  constructor(shop: Workshop, request: FaultRequest, plan: TargetPlan, explain: string) {
    const injector = shop.injectors[request.type];
    if (injector === undefined) throw new FirebreakError('unknown-fault', `unknown fault type ${request.type}`);
    this.#shop = shop;
    this.#request = request;
    this.#plan = plan;
    this.#explain = explain;
    this.#injector = injector;
    this.#undo = plan.undo;
    this.reversible = plan.reversible;
    this.#burst = new Burst(shop.clock, (count, detail) => {
      const { run, policy } = request;
      shop.bus.publish(run, { kind: 'injected', fault: this.fault, policy, target: plan.target, count, detail });
    });
    this.#publish();
  }

  /**
   * Steps 3 and 4: journal, then inject. Throws the abort's reason, or why it could not be injected; then call `end`.
   * @param most how long it may be held, in milliseconds: should nobody end it here, the watchdog does.
   */
  async begin(caller: AbortSignal, most: number): Promise<void> {
    const { clock, journal, revertDeadline, boundary } = this.#shop;
    const signal = AbortSignal.any([caller, this.#holding.signal]);
    signal.throwIfAborted();
    // Without a fingerprint before, nobody could ever prove that the target is clean again: then it is not touched.
    const reading = this.#injector.fingerprint(this.#undo);
    const before = await within(clock, clock.now() + revertDeadline, `reading the state of ${this.#plan.target}`, reading);
    signal.throwIfAborted();
    this.#before = before;
    this.#most = most;
    journal.append(this.#draft('planned'));
    this.#journaled = true;
    boundary('journaled', this.fault);
    this.#become('injecting');
    this.#injecting = this.#injector.inject(this.#undo, this.#context()).finally(() => (this.#injecting = undefined));
    await untilAborted(signal, this.#injecting);
    signal.throwIfAborted();
    boundary('injected', this.fault);
    // The watchdog may have reverted it while this process was hung; this row opens it again, and `end` closes it.
    journal.append(this.#draft('applied'));
    this.#injectedAt = clock.wall();
    this.#started = clock.now();
    this.#become('active');
    boundary('applied', this.fault);
    void this.#hold();
  }

  /** Step 5: whether the effect was measured within `limit` milliseconds of the injection. */
  async bitten(limit: number): Promise<boolean> {
    const { clock } = this.#shop;
    if (this.#effect.bitten) return true;
    const end = Math.min(limit, this.#shop.facts[this.#request.type]?.verifyWithin ?? limit) + this.#started;
    await within(clock, end, 'verify', this.#bite.promise).catch(() => {});
    return this.#effect.bitten;
  }

  /** Step 6: hold, measuring all the while. */
  async #hold(): Promise<void> {
    const { signal } = this.#holding;
    while (!signal.aborted) {
      await this.#measure();
      await this.#shop.clock.sleep(this.#effect.bitten ? WHILE_HELD : UNTIL_BITTEN, signal).catch(() => {});
    }
    this.#bite.resolve();
  }

  /** The last measurement, while the fault is still in the world. */
  async lastLook(): Promise<void> {
    const { clock } = this.#shop;
    if (this.#state === 'active')
      await within(clock, clock.now() + LAST_LOOK, 'verify', this.#measure()).catch(() => {});
  }

  /** Tells inject and verify to stop, and keeps what has not begun from beginning. Changes nothing back yet. */
  cease(why: string): void {
    this.#holding.abort(new FirebreakError('fault-ended', why));
  }

  /** Ends it alone, by hand, with a last measurement; its reports say so from now on. */
  async stop(why: string): Promise<void> {
    this.#stopped = `stopped by hand: ${why}`;
    await this.lastLook();
    await this.end(this.#stopped);
  }
  get stopped(): boolean {
    return this.#stopped !== '';
  }

  /**
   * Steps 7 and 8: revert from the journal, verify clean. May be called again to retry what stayed open; a call while
   * another is under way joins it.
   * @returns monotonic time at which nothing was injected any more; null when that is not known.
   */
  end(why: string): Promise<number | null> {
    this.#ending ??= this.#end(why).finally(() => (this.#ending = undefined));
    return this.#ending;
  }

  async #end(why: string): Promise<number | null> {
    const { clock } = this.#shop;
    if (this.#state === 'clean') return clock.now();
    this.#shop.boundary('ending', this.fault);
    this.cease(why);
    if (this.#injecting !== undefined) {
      await within(clock, clock.now() + INJECT_GRACE, 'inject', this.#injecting).catch(() => {});
    }
    if (!this.#journaled) return this.#untouched(why);
    this.#become('reverting');
    const stuck = this.#injecting;
    const undone = await undoFromJournal(this.#shop, this.fault, why, stuck === undefined);
    if (stuck !== undefined) this.#whenReturned(stuck, why);
    this.#conclude(undone, stuck === undefined ? undone.note : 'inject has not returned; reverted meanwhile');
    return undone.undoneAt;
  }

  /** What the reports and the event log say of it. */
  report(): FaultReport {
    const { policy, type } = this.#request;
    const { target, action, inverse, reversible } = this.#plan;
    const live = this.#state === 'active' || this.#state === 'injecting';
    return {
      id: this.fault,
      policy,
      type,
      target,
      explain: this.#explain,
      action,
      inverse,
      reversible,
      state: this.#state,
      injectedAt: this.#injectedAt,
      revertedAt: this.#revertedAt,
      leaseUntil: live ? (this.#shop.lease?.until() ?? null) : null,
      endsAt: live && this.#injectedAt !== null ? this.#injectedAt + this.#request.hold : null,
      effect: this.#effect,
      before: this.#before,
      after: this.#after,
      reverted: this.#state === 'clean' && this.#before === this.#after,
      note: [this.#stopped, this.#note].filter((text) => text !== '').join('; '),
    };
  }

  /** Nothing was journaled, so nothing was changed: clean by construction. */
  #untouched(why: string): number {
    this.#after = this.#before;
    this.#note = `never injected: ${why}`;
    this.#become('clean');
    return this.#shop.clock.now();
  }

  #conclude(undone: Undone, note: string): void {
    this.#after = undone.after;
    this.#note = note;
    if (undone.clean) this.#revertedAt = this.#shop.clock.wall();
    this.#become(undone.clean ? 'clean' : 'unconfirmed');
  }

  /**
   * An inject that ignored its abort may have changed something after the revert: undo once more when it comes back.
   */
  #whenReturned(stuck: Promise<void>, why: string): void {
    const again = async (): Promise<void> => {
      const undone = await undoFromJournal(this.#shop, this.fault, why);
      this.#conclude(undone, undone.note);
    };
    void stuck.then(again, again);
  }

  #context(): InjectContext<Record<string, unknown>, unknown> {
    return {
      fault: this.fault,
      request: this.#request,
      signal: this.#holding.signal,
      amend: (undo) => {
        this.#holding.signal.throwIfAborted();
        const parsed = this.#injector.undo.parse(undo);
        const row = this.#shop.journal.append({ ...this.#draft('amended'), undo: parsed }, ['reverting', 'reverted']);
        // The watchdog reverted it while this process was hung: it must not begin anew.
        if (row === undefined)
          throw new FirebreakError('fault-ended', `${this.#request.policy} was reverted meanwhile`);
        this.#undo = parsed;
      },
      injected: (detail) => this.#burst.add(detail),
    };
  }

  #measure(): Promise<void> {
    this.#measuring ??= this.#verify().finally(() => (this.#measuring = undefined));
    return this.#measuring;
  }

  async #verify(): Promise<void> {
    const { bitten, figures } = this.#effect;
    let seen: Effect;
    try {
      seen = await this.#injector.verify(this.#undo, this.#context());
    } catch (error) {
      const kept = figures.length === 0 ? '' : ', the figures are from before';
      seen = { bitten: false, detail: `could not be measured${kept}: ${messageOf(error)}`, figures: [...figures] };
    }
    // What is measured once the revert has begun says nothing of the fault.
    if (this.#state !== 'active') return;
    this.#misses = seen.bitten ? 0 : this.#misses + 1;
    this.#effect = { ...seen, bitten: seen.bitten || (bitten && this.#misses < GONE_AFTER) };
    if (this.#effect.bitten === bitten) return;
    if (bitten || this.#bites++ > 0) this.#tell(bitten ? `is not seen to act any more: ${seen.detail}` : 'is seen to act again');
    if (bitten) return;
    this.#bite.resolve();
    this.#shop.boundary('bitten', this.fault);
  }

  #draft(step: UndoDraft['step']): UndoDraft {
    const { run, policy, type } = this.#request;
    const { target, action, inverse, reversible, takes } = this.#plan;
    const layer = this.#shop.facts[type]?.layer ?? 'host';
    return {
      step,
      fault: this.fault,
      run,
      policy,
      type,
      layer,
      target,
      action,
      inverse,
      reversible,
      ...(takes !== undefined && { takes: [...takes] }),
      owner: this.#shop.identity.self,
      hold: this.#most,
      undo: this.#undo,
      before: this.#before ?? '',
      after: null,
      note: '',
    };
  }

  #become(state: FaultState): void {
    this.#state = state;
    this.#publish();
  }
  #tell(text: string): void {
    const { run, policy } = this.#request;
    this.#shop.bus.publish(run, { kind: 'log', level: 'warn', text: `${policy} on ${this.#plan.target} ${text}` });
  }
  #publish(): void {
    this.#shop.bus.publish(this.#request.run, { kind: 'fault', fault: this.report() });
  }
}
