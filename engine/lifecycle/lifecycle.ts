import { type Millis } from '../kernel/brands.ts';
import { type FaultRequest, type TargetPlan } from '../kernel/fault.ts';
import { type FaultReport, type JournalDamage, type OpenUndo } from '../telemetry/models.ts';

/** One policy, planned: every exact target with its undo record. Nothing has changed yet. */
export interface PlannedFault {
  readonly request: FaultRequest;
  readonly explain: string;
  /** Why it cannot run on this machine; '' when it can. */
  readonly unavailable: string;
  readonly targets: readonly TargetPlan[];
}

/** The faults of one run (or one `apply`) that are in the world together. */
export interface FaultSet extends AsyncDisposable {
  reports(): readonly FaultReport[];
  /**
   * Resolves when the fate of every fault is known: 'bitten' when all have shown a measured effect, 'inconclusive' when
   * one did not within its manifest's `verifyWithin` (or `within` ms when that is shorter).
   */
  verified(within: Millis): Promise<'bitten' | 'inconclusive'>;
  /** Reverts all from the journal, verifies clean. Idempotent; ignores aborts; own deadline. Never throws for residue: see the reports. */
  revert(why: string): Promise<readonly FaultReport[]>;
  /** Resolves with the reason when the set ended by itself: hold over, lease lost, HALT. */
  readonly ended: Promise<'hold-over' | 'lease-lost' | 'halted'>;
}

export interface HaltResult {
  /** Milliseconds from the call until nothing was injected any more. */
  readonly tookMs: number;
  readonly faults: readonly FaultReport[];
}

export interface RecoverResult {
  readonly cleared: readonly OpenUndo[];
  readonly open: readonly OpenUndo[];
  readonly damage: readonly JournalDamage[];
}

/** Plan, guard, journal, inject, verify, hold, revert, verify clean; leases; recovery. */
export interface Lifecycle extends AsyncDisposable {
  /** Read-only. Throws FirebreakError when a request is unsafe. */
  plan(requests: readonly FaultRequest[], signal: AbortSignal): Promise<readonly PlannedFault[]>;
  /** Journals, injects and holds all of `planned`, in order. When one fails to inject, all are reverted and it throws. */
  start(planned: readonly PlannedFault[], hold: Millis, signal: AbortSignal): Promise<FaultSet>;
  /** Every fault of this process that is not yet closed. */
  reports(): readonly FaultReport[];
  halt(by: string): Promise<HaltResult>;
  readonly halted: boolean;
  /** Reverts every open undo record whose owner is dead or is this process. */
  recover(): Promise<RecoverResult>;
  open(): readonly OpenUndo[];
  damage(): readonly JournalDamage[];
}
