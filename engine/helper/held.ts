import { type FaultId } from '../kernel/brands.ts';
import { FirebreakError, messageOf } from '../kernel/errors.ts';
import { type Effect, type FaultRequest, type InjectContext, type Injector, type TargetPlan } from '../kernel/fault.ts';
import { OVERTIME, REVERT_DEADLINE } from '../lifecycle/models.ts';
import { undoFromJournal, type UndoTools } from '../lifecycle/undo.ts';
import { type UndoDraft } from '../store/journal.ts';
import { type ProcessMark, type UndoStep } from '../store/journal-record.ts';
import { type HelperParts } from './parts.ts';

/** One fault that the helper was asked to plan: from then on everything about it happens here, by its number. */
export class HeldFault {
  readonly fault: FaultId;
  readonly plan: TargetPlan;
  readonly #parts: HelperParts;
  readonly #request: FaultRequest;
  readonly #injector: Injector;
  readonly #holding = new AbortController();
  readonly #told: (detail: string) => void;
  #undo: unknown;
  #before = '';
  #journaled = false;
  #late: Disposable | undefined;
  #injecting: Promise<void> | undefined;

  constructor(parts: HelperParts, fault: FaultId, request: FaultRequest, plan: TargetPlan, injector: Injector, told: (detail: string) => void) {
    this.fault = fault;
    this.plan = plan;
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

  /**
   * Its state, before the engine writes down that the fault is about to begin: so it is journaled here first. Else an engine
   * that dies in between would leave a fault of which nobody could say that it has not begun.
   */
  async fingerprint(): Promise<string> {
    const state = await this.#injector.fingerprint(this.#undo);
    this.#holding.signal.throwIfAborted();
    if (this.#journaled) return state;
    this.#before = state;
    this.#append('planned');
    this.#journaled = true;
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

  /** Nothing of it begins any more. */
  async cease(): Promise<void> {
    this.#parts.boundary?.('ending', this.fault);
    this.#holding.abort(new FirebreakError('fault-ended', 'it is being reverted'));
    this.#late?.[Symbol.dispose]();
    await this.#injecting?.catch(() => {});
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
  readonly #underWay = new Map<FaultId, Promise<void>>();

  constructor({ journal, injectors, clock, boundary = () => {} }: Pick<HelperParts, 'journal' | 'injectors' | 'clock' | 'boundary'>) {
    this.#tools = { journal, injectors, clock, revertDeadline: REVERT_DEADLINE, boundary };
  }

  /** @throws FirebreakError `residue` when it is not proven undone. */
  revert(fault: FaultId, by: string): Promise<void> {
    const before = this.#underWay.get(fault);
    if (before !== undefined) return before;
    const work = this.#revert(fault, by).finally(() => this.#underWay.delete(fault));
    this.#underWay.set(fault, work);
    return work;
  }

  async #revert(fault: FaultId, by: string): Promise<void> {
    const undone = await undoFromJournal(this.#tools, fault, by);
    if (!undone.clean) throw new FirebreakError('residue', undone.note, { hint: 'The helper tries again when it is started anew.' });
  }

  /** Everything in the journal that belongs to none of these living processes. What fails stays open, and is told. */
  async recover(alive: (owner: ProcessMark) => boolean, log: (text: string) => void): Promise<void> {
    for (const { fault, policy, owner } of this.#tools.journal.open().toReversed()) {
      if (alive(owner)) continue;
      await this.revert(fault, 'the helper starts').catch((error: unknown) => log(`${policy} (${fault}) is not undone: ${messageOf(error)}`));
    }
  }
}
