import { type FaultId } from '../kernel/brands.ts';
import { FirebreakError, messageOf } from '../kernel/errors.ts';
import { type Effect, type FaultRequest, type InjectContext, type Injector, type TargetPlan } from '../kernel/fault.ts';
import { INJECT_GRACE } from '../lifecycle/fault-life.ts';
import { OVERTIME, REVERT_DEADLINE } from '../lifecycle/models.ts';
import { guard } from '../lifecycle/plan.ts';
import { undoFromJournal, type UndoTools } from '../lifecycle/undo.ts';
import { within } from '../lifecycle/waiting.ts';
import { type UndoDraft } from '../store/journal.ts';
import { type ProcessMark, type UndoStep } from '../store/journal-record.ts';
import { type HelperParts } from './parts.ts';

/** One fault that the helper was asked to plan: from then on everything about it happens here, by its number. */
export class HeldFault {
  readonly fault: FaultId;
  readonly plan: TargetPlan;
  /** On the monotonic clock. */
  readonly plannedAt: number;
  /** Set as soon as its engine comes back to it: from then on it is kept. */
  asked = false;
  /** Set as soon as its engine asks for it to be injected. */
  begun = false;
  readonly #parts: HelperParts;
  readonly #request: FaultRequest;
  readonly #injector: Injector;
  readonly #holding = new AbortController();
  readonly #told: (detail: string) => void;
  #undo: unknown;
  #before = '';
  #journaled = false;
  #journaledAt = 0;
  #late: Disposable | undefined;
  #injecting: Promise<void> | undefined;
  #afterwards: Promise<void> | undefined;

  constructor(parts: HelperParts, fault: FaultId, request: FaultRequest, plan: TargetPlan, injector: Injector, told: (detail: string) => void) {
    this.fault = fault;
    this.plan = plan;
    this.plannedAt = parts.clock.now();
    this.#parts = parts;
    this.#request = request;
    this.#injector = injector;
    this.#undo = plan.undo;
    this.#told = told;
  }

  /** Whether the journal has it: only then there may be something to undo. */
  get journaled(): boolean {
    return this.#journaled;
  }

  /** Since when it is about to begin, on the monotonic clock; undefined when it is not. */
  get waitsSince(): number | undefined {
    return this.#journaled && !this.begun && !this.#holding.signal.aborted ? this.#journaledAt : undefined;
  }

  /**
   * Its state, before the engine writes down that the fault is about to begin: so it is journaled here first. Else an engine
   * that dies in between would leave a fault of which nobody could say that it has not begun.
   * @throws FirebreakError `collision` when another engine's fault, of which this one's cannot know, has taken the same.
   */
  async fingerprint(): Promise<string> {
    const state = await this.#injector.fingerprint(this.#undo);
    this.#holding.signal.throwIfAborted();
    if (this.#journaled) return state;
    guard([{ request: this.#request, explain: '', unavailable: '', targets: [this.plan] }], this.#parts.journal.open());
    this.#before = state;
    this.#append('planned');
    this.#journaled = true;
    this.#journaledAt = this.#parts.clock.now();
    this.#parts.boundary?.('journaled', this.fault);
    return state;
  }

  /** Injects what is journaled, and sees to it that it ends even when nobody asks for that. */
  async inject(late: () => void): Promise<void> {
    if (!this.#journaled) await this.fingerprint();
    this.#holding.signal.throwIfAborted();
    await (this.#injecting ??= this.#inject(late));
  }
  async #inject(late: () => void): Promise<void> {
    this.#late = this.#parts.clock.after(this.#request.hold + OVERTIME, late);
    await this.#injector.inject(this.#undo, this.#context());
    this.#parts.boundary?.('injected', this.fault);
    this.#append('applied', ['reverting', 'reverted']);
    this.#parts.boundary?.('applied', this.fault);
  }

  async verify(): Promise<Effect> {
    const effect = await this.#injector.verify(this.#undo, this.#context());
    if (effect.bitten) this.#parts.boundary?.('bitten', this.fault);
    return effect;
  }

  /** Nothing of it begins any more. @returns false when what has begun does not come back: see `afterwards`. */
  async cease(): Promise<boolean> {
    this.#parts.boundary?.('ending', this.fault);
    this.#holding.abort(new FirebreakError('fault-ended', 'it is being reverted'));
    this.#late?.[Symbol.dispose]();
    if (this.#injecting === undefined) return true;
    const { clock } = this.#parts;
    const back = this.#injecting.then(() => true, () => true);
    return within(clock, clock.now() + INJECT_GRACE, 'inject', back).catch(() => false);
  }
  /** Does something once, when inject has come back. */
  afterwards(act: () => Promise<void>): void {
    this.#afterwards ??= this.#injecting?.then(act, act);
  }

  #context(): InjectContext<Record<string, unknown>, unknown> {
    return {
      fault: this.fault,
      request: this.#request,
      signal: this.#holding.signal,
      amend: (undo) => {
        this.#holding.signal.throwIfAborted();
        const parsed = this.#injector.undo.parse(undo);
        if (!this.#append('amended', ['reverting', 'reverted'], parsed)) throw new FirebreakError('fault-ended', `${this.#request.policy} was reverted meanwhile`);
        this.#undo = parsed;
      },
      injected: this.#told,
    };
  }

  #append(step: UndoStep, unless: readonly UndoStep[] = [], undo: unknown = this.#undo): boolean {
    const { run, policy, type, hold } = this.#request;
    const { target, action, inverse, reversible, takes } = this.plan;
    const draft: UndoDraft = {
      step, fault: this.fault, run, policy, type, layer: 'host', target, action, inverse, reversible, ...(takes !== undefined && { takes: [...takes] }),
      owner: this.#parts.self, hold, undo, before: this.#before, after: null, note: '',
    };
    return this.#parts.journal.append(draft, unless) !== undefined;
  }
}

/** Undoes from the journal and proves it, each fault by one call at a time. */
export class Reverter {
  readonly #tools: UndoTools;
  readonly #underWay = new Map<FaultId, { readonly work: Promise<void>; readonly mayClose: boolean }>();

  constructor({ journal, injectors, clock, boundary = () => {} }: Pick<HelperParts, 'journal' | 'injectors' | 'clock' | 'boundary'>) {
    this.#tools = { journal, injectors, clock, revertDeadline: REVERT_DEADLINE, boundary };
  }

  /**
   * @param mayClose false while it may still begin: then it is undone, and stays open.
   * @throws FirebreakError `residue` when it is not proven undone.
   */
  revert(fault: FaultId, by: string, mayClose = true): Promise<void> {
    const before = this.#underWay.get(fault);
    if (before !== undefined && (before.mayClose || !mayClose)) return before.work;
    const work = (before?.work ?? Promise.resolve())
      .catch(() => {})
      .then(() => this.#revert(fault, by, mayClose))
      .finally(() => this.#underWay.get(fault)?.work === work && this.#underWay.delete(fault));
    this.#underWay.set(fault, { work, mayClose });
    return work;
  }

  async #revert(fault: FaultId, by: string, mayClose: boolean): Promise<void> {
    const undone = await undoFromJournal(this.#tools, fault, by, mayClose);
    if (undone.clean) return;
    if (!mayClose) throw new FirebreakError('residue', 'what was begun has not come back; it was reverted meanwhile', { hint: 'The helper reverts it again when it does.' });
    throw new FirebreakError('residue', undone.note, { hint: 'The helper tries again when it is started anew.' });
  }

  /** Everything in the journal that belongs to none of these living processes. What fails stays open, and is told. */
  async recover(alive: (owner: ProcessMark) => boolean, log: (text: string) => void): Promise<void> {
    for (const { fault, policy, owner } of this.#tools.journal.open().toReversed()) {
      if (alive(owner)) continue;
      await this.revert(fault, 'the helper starts').catch((error: unknown) => log(`${policy} (${fault}) is not undone: ${messageOf(error)}`));
    }
  }
}
