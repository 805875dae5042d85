import { type FaultId, type Millis } from '../kernel/brands.ts';
import { type Clock } from '../kernel/clock.ts';
import { type FaultRequest, type Injector, type TargetPlan } from '../kernel/fault.ts';
import { type Journal } from '../store/journal.ts';
import { type ProcessMark } from '../store/journal-record.ts';
import { type EventBus } from '../telemetry/bus.ts';
import { type FaultReport, type JournalDamage, type OpenUndo } from '../telemetry/models.ts';

/** One policy, planned: every exact target with its undo record. Nothing has changed yet. */
export interface PlannedFault {
  readonly request: FaultRequest;
  readonly explain: string;
  /** Why it cannot run on this machine; '' when it can. */
  readonly unavailable: string;
  readonly targets: readonly TargetPlan[];
}

/** Why a set ended without being asked to; `stopped`: the last of its faults was stopped by hand. */
export type EndedBy = 'hold-over' | 'lease-lost' | 'halted' | 'stopped';

/** The faults of one run (or one `apply`) that are in the world together. */
export interface FaultSet extends AsyncDisposable {
  reports(): readonly FaultReport[];
  /** Those of them that were stopped by hand while the others were to go on; the note of each says why. */
  stopped(): readonly FaultReport[];
  /**
   * Resolves when the fate of every fault is known: 'bitten' when all have shown a measured effect, 'inconclusive' when
   * one did not within its manifest's `verifyWithin` (or `within` ms when that is shorter). Inconclusive starts the
   * revert. What is stopped by hand is not waited for.
   */
  verified(within: Millis): Promise<'bitten' | 'inconclusive'>;
  /**
   * Reverts all from the journal, verifies clean. Idempotent; ignores aborts; own deadline. Never throws for residue:
   * see the reports.
   */
  revert(why: string): Promise<readonly FaultReport[]>;
  /** Resolves with the reason when the set begins to end by itself; `revert` then waits for that end. */
  readonly ended: Promise<EndedBy>;
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
  /**
   * Journals, injects and holds all of `planned`, in order. When one fails to inject, all are reverted and it throws.
   * What was planned before a HALT is refused with FirebreakError `halted`: plan again.
   */
  start(planned: readonly PlannedFault[], hold: Millis, signal: AbortSignal): Promise<FaultSet>;
  /** Every fault of this process that is not yet closed. */
  reports(): readonly FaultReport[];
  halt(by: string): Promise<HaltResult>;
  /**
   * Reverts one fault that this process holds, and verifies clean; the others of its set go on. Resolves when it is
   * closed: false when no such fault is held (any more). Throws FirebreakError `residue` when it is not proven clean.
   */
  stopFault(fault: string, why: string): Promise<boolean>;
  /** True from a HALT until the next `start`. */
  readonly halted: boolean;
  /**
   * Lets the wires work again after a HALT without injecting anything; for a HALT that was a rehearsal. Throws
   * FirebreakError `residue` as long as only HALT holds back a wire fault.
   */
  leaveHalt(): void;
  /** Aborted by the next HALT. Whoever means to inject something later takes it now: HALT is the last word on that too. */
  readonly untilHalt: AbortSignal;
  /** Reverts every open undo record whose owner is dead, or is this process and no longer holds it. */
  recover(): Promise<RecoverResult>;
  open(): readonly OpenUndo[];
  damage(): readonly JournalDamage[];
  /** Tells the lifecycle that its lease has run out: everything it holds is reverted. */
  leaseLost(why: string): Promise<void>;
}

/** What the lifecycle must know of a fault type beyond its injector; every FaultManifest has it. */
export interface FaultFacts {
  readonly layer: 'wire' | 'host';
  readonly verifyWithin: number;
  readonly platforms: readonly string[];
  // A method, so that a manifest of narrower parameters fits.
  explain(params: Record<string, unknown>, target: string): string;
}

/** Tells processes apart for good: a number alone is reused by the system. Given by the host. */
export interface ProcessIdentity {
  readonly self: ProcessMark;
  /** False for a process that is gone, a zombie, or a namesake of the same number. */
  alive(mark: ProcessMark): boolean;
}

/** The data plane's HALT word. */
export interface HaltSwitch {
  /** True as well when another thread has set the word. */
  readonly halted: boolean;
  halt(): void;
  resume(): void;
}

/** The engine's line to the detached watchdog. */
export interface Lease {
  /** Resolves when the watchdog has answered; starts it when need be. Throws FirebreakError `watchdog-unavailable`. */
  ready(): Promise<void>;
  /** Wall-clock time until which the watchdog waits for the next heartbeat; null when it is not up. */
  until(): number | null;
}

/** The boundaries of a fault's life, in order, at which a crash must leave nothing behind. */
export const BOUNDARIES = [
  'planned',
  'guarded',
  'journaled',
  'injected',
  'applied',
  'bitten',
  'ending',
  'reverting',
  'undone',
  'closed',
] as const;
export type Boundary = (typeof BOUNDARIES)[number];

/** Everything that a fault's life needs and that is not the fault's own. */
export interface Workshop {
  readonly injectors: Readonly<Record<string, Injector>>;
  readonly facts: Readonly<Record<string, FaultFacts>>;
  readonly journal: Journal;
  readonly bus: EventBus;
  readonly clock: Clock;
  readonly identity: ProcessIdentity;
  /** How long the revert of one fault may take, in milliseconds, its verification included. */
  readonly revertDeadline: number;
  readonly lease: Lease | null;
  /** For the crash tests: called, synchronously, as each boundary is reached. */
  readonly boundary: (name: Boundary, fault: FaultId | null) => void;
}

/** How long the revert of one fault may take before its record is left open (DESIGN: "own deadline"). */
export const REVERT_DEADLINE = 10_000;
/** An engine ends a fault in time; one that it forgot is ended by others so much later, in milliseconds. */
export const OVERTIME = 30_000;
/** A lease that is not renewed for so long is reverted by the watchdog (DESIGN, "The life of a fault", step 6). */
export const LEASE = 10_000;
/** How often the engine renews. */
export const HEARTBEAT = 1_000;
