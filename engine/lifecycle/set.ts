import { type Millis } from '../kernel/brands.ts';
import { newFaultId } from '../kernel/random.ts';
import { type FaultReport } from '../telemetry/models.ts';
import { FaultLife } from './fault-life.ts';
import { type EndedBy, type FaultSet, type PlannedFault, type Workshop } from './models.ts';
import { startFailure } from './plan.ts';
import { undoAll } from './undo.ts';

interface Member {
  readonly life: FaultLife;
  readonly policy: string;
}

/** The faults of one run, begun in order and ended in reverse. */
export class HeldSet implements FaultSet {
  readonly ended: Promise<EndedBy>;
  readonly #shop: Workshop;
  readonly #lives: Member[] = [];
  /** Policies that found no target: kept for the reports. */
  readonly #idle: readonly FaultReport[];
  readonly #end = Promise.withResolvers<EndedBy>();
  #expiry: Disposable | undefined;
  #ending: Promise<readonly FaultReport[]> | undefined;
  #holding = true;
  #quietAt: number | null = null;

  constructor(shop: Workshop, planned: readonly PlannedFault[]) {
    this.#shop = shop;
    this.ended = this.#end.promise;
    for (const { request, targets, explain } of planned) {
      for (const target of targets)
        this.#lives.push({ life: new FaultLife(shop, request, target, explain), policy: request.policy });
    }
    this.#idle = planned.filter((fault) => fault.targets.length === 0).map(idleReport);
  }

  /** False from the moment the set begins to end. */
  get holding(): boolean {
    return this.#holding;
  }
  /** Monotonic time at which nothing was injected any more; null while that is not known. */
  get quietAt(): number | null {
    return this.#quietAt;
  }

  /** Begins every fault in order. When one fails, or `signal` is aborted, reverts all and throws. */
  async begin(hold: Millis, signal: AbortSignal): Promise<void> {
    for (const { life, policy } of this.#lives) {
      if (life.stopped) continue;
      try {
        await life.begin(signal, hold);
      } catch (error) {
        // Stopped by hand while it began: that concerns it alone.
        if (life.stopped && !signal.aborted) continue;
        await this.#revert(`${policy} was not injected`, true);
        throw signal.aborted ? signal.reason : startFailure(policy, error);
      }
    }
    if (signal.aborted) {
      await this.#revert('aborted', true);
      throw signal.reason;
    }
    if (!this.#holding) return;
    this.#expiry = this.#shop.clock.after(hold, () => void this.endBy('hold-over'));
    signal.addEventListener('abort', () => void this.revert('aborted'), { once: true });
  }

  reports(): readonly FaultReport[] {
    return [...this.#lives.map(({ life }) => life.report()), ...this.#idle];
  }

  async verified(within: Millis): Promise<'bitten' | 'inconclusive'> {
    const bites = await Promise.all(this.#lives.map(async ({ life }) => life.stopped || (await life.bitten(within)) || life.stopped));
    if (bites.every(Boolean) && this.#idle.length === 0 && bites.length > 0) return 'bitten';
    void this.revert('it did not bite');
    return 'inconclusive';
  }

  stopped(): readonly FaultReport[] {
    return this.#lives.filter(({ life }) => life.stopped).map(({ life }) => life.report());
  }

  /**
   * Ends one fault and leaves the others alone; with the last of them the set ends. Resolves with its last report, or
   * undefined when it is not one of this set's that is still open.
   */
  async stop(fault: string, why: string): Promise<FaultReport | undefined> {
    const life = this.#lives.find((one) => one.life.fault === fault)?.life;
    if (life === undefined || life.report().state === 'clean') return undefined;
    if (this.#holding) {
      await life.stop(why);
      if (this.#lives.every((one) => one.life.stopped)) await this.endBy('stopped');
    } else await life.end(why);
    return life.report();
  }

  /** Tries again to end what was stopped by hand and is not proven clean. */
  async stopAgain(why: string): Promise<void> {
    const left = this.#lives.filter(({ life }) => life.stopped && life.report().state === 'unconfirmed');
    await undoAll(left, ({ life }) => life.reversible, async ({ life }) => void (await life.end(why)));
  }

  revert(why: string): Promise<readonly FaultReport[]> {
    return this.#revert(why, false);
  }

  /** Ends by itself; resolves when reverted. HALT and a lost lease are emergencies, the others are not. */
  endBy(reason: EndedBy): Promise<readonly FaultReport[]> {
    if (this.#holding) this.#end.resolve(reason);
    return this.#revert(reason, reason === 'lease-lost' || reason === 'halted');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.revert('closed');
  }

  #revert(why: string, urgent: boolean): Promise<readonly FaultReport[]> {
    this.#expiry?.[Symbol.dispose]();
    this.#holding = false;
    // An emergency does not wait for the last measurement of a revert under way.
    if (urgent) for (const { life } of this.#lives) life.cease(why);
    this.#ending ??= this.#revertAll(why, urgent);
    return this.#ending;
  }

  async #revertAll(why: string, urgent: boolean): Promise<readonly FaultReport[]> {
    if (!urgent) await Promise.all(this.#lives.map(({ life }) => life.lastLook()));
    for (const { life } of this.#lives) life.cease(why);
    const quiet: (number | null)[] = [];
    await undoAll(
      this.#lives,
      ({ life }) => life.reversible,
      async ({ life }) => {
        // Each fault is tried, whatever became of the one before.
        quiet.push(await life.end(why).catch(() => null));
      },
    );
    this.#quietAt = quiet.includes(null) ? null : Math.max(0, ...quiet.map(Number));
    const reports = this.reports();
    // What stayed open may be tried again; what is clean is done with.
    if (reports.some((report) => report.state === 'unconfirmed')) this.#ending = undefined;
    return reports;
  }
}

function idleReport({ request, explain }: PlannedFault): FaultReport {
  const detail = 'no target was found';
  return {
    id: newFaultId(),
    policy: request.policy,
    type: request.type,
    target: request.target,
    explain,
    action: 'nothing',
    inverse: 'nothing',
    reversible: true,
    state: 'clean',
    injectedAt: null,
    revertedAt: null,
    leaseUntil: null,
    effect: { bitten: false, detail, figures: [] },
    before: null,
    after: null,
    reverted: true,
    note: detail,
  };
}
