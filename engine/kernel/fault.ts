import { z } from 'zod';
import { type FaultId, type Millis, type RunId } from './brands.ts';

/** Where a fault acts: on messages in the wire, or on this machine. */
export type Layer = 'wire' | 'host';
export type Platform = 'linux' | 'darwin' | 'win32';
export const ALL_PLATFORMS: readonly Platform[] = ['linux', 'darwin', 'win32'];

/** The life of a fault on one target, in order. `unconfirmed`: reverted, but the check could not prove it. */
export const faultState = z.enum(['planned', 'injecting', 'active', 'reverting', 'clean', 'unconfirmed']);
export type FaultState = z.infer<typeof faultState>;

/** 1: one process. 2: one service, such as its processes, its container, its disk. 3: a machine, or what many services share. 4: what other machines rely on. 5: a region. */
export type BlastRadius = 1 | 2 | 3 | 4 | 5;

/** A type of CEL, or the fields of a message with theirs. */
export type FactShape = FactType | { readonly [field: string]: FactType };
export type FactType = 'string' | 'int' | 'double' | 'bool' | 'map<string, string>' | 'list<string>';

/**
 * What a fault type is, safe for a browser. From it come the YAML validation, the form, the guard's weight, the plan's
 * text and the docs page.
 */
export interface FaultManifest<Type extends string = string, Params extends z.ZodObject = z.ZodObject> {
  readonly type: Type;
  readonly layer: Layer;
  /** One line: what it does to whom. */
  readonly summary: string;
  readonly params: Params;
  /** Whether a policy must say `target`, and how the target reads. */
  readonly target: {
    readonly required: boolean;
    readonly help: string;
    readonly example: string;
    /** What is wrong with the text of a target, or undefined when it can be read. */
    check?(target: string): { readonly message: string; readonly hint: string } | undefined;
  };
  /** What makes an example do something, as a file says it; absent where the defaults do. */
  readonly example?: Readonly<Record<string, string | number>>;
  /** True when the parameters would change nothing; the guard skips such a policy. */
  noop(params: z.infer<Params>): boolean;
  /** The weight of the guard (CAPABILITIES: "Guard"), 0 to 1. */
  severity(params: z.infer<Params>): number;
  /** The guard's remarks on the parameters alone, such as `tcp-drop`; see GuardRemark. */
  remarks(params: z.infer<Params>): readonly GuardRemark[];
  /** One sentence in plain words: what will happen to the target. */
  explain(params: z.infer<Params>, target: string): string;
  readonly platforms: readonly Platform[];
  /** What the machine must grant, in words; empty when nothing. */
  readonly privileges: readonly string[];
  /**
   * Whether these parameters need root. An engine without it asks the helper, which runs the types that say this and no
   * others. Absent: never.
   */
  needsRoot?(params: z.infer<Params>): boolean;
  /** How far the damage reaches. */
  blastRadius(params: z.infer<Params>, target: string): BlastRadius;
  /** How long verify may wait for the first proof that the fault bites, in milliseconds. */
  readonly verifyWithin: number;
  /**
   * What the conditions of its policies (`when`) can ask of a message, by name. Whole numbers reach them as BigInt, as in
   * CEL. Absent: the type has no messages.
   */
  readonly facts?: Readonly<Record<string, FactShape>>;
  /** Checks that span several fields; each finding names its field. */
  check?(params: z.infer<Params>): readonly { readonly field: string; readonly message: string; readonly hint: string }[];
}

export type GuardRemark = 'blast-radius' | 'guard-off' | 'global-target' | 'collision' | 'tcp-drop' | 'long-latency' | 'oom' | 'cpu-lock' | 'irreversible';

/** Ties the type of `params` to the functions that read it. */
export function defineManifest<const Type extends string, Params extends z.ZodObject>(
  manifest: FaultManifest<Type, Params>,
): FaultManifest<Type, Params> {
  return manifest;
}

/**
 * One figure of an effect: what was asked for and what was measured. `requested` is null for what can only be measured, such as
 * the time that a supervisor takes; `delivered` is null until it was measured.
 */
export const effectFigure = z.object({
  /** Such as `latency`, `error rate`, `cpu load`. */
  name: z.string(),
  unit: z.enum(['ms', 'ratio', 'MB', 'cores', 'count', 'per s', 'KB/s', 'bytes']),
  requested: z.number().nullable(),
  delivered: z.number().nullable(),
  /** How many measurements `delivered` rests on. */
  samples: z.int(),
});
export type EffectFigure = z.infer<typeof effectFigure>;

/** What a fault did, as measured. `bitten` is false until there is proof that the effect is real. */
export const effect = z.object({ bitten: z.boolean(), detail: z.string(), figures: z.array(effectFigure) });
export type Effect = z.infer<typeof effect>;

/** A route as a fault on the wire plans against it. */
export interface PlannedRoute {
  readonly name: string;
  readonly protocol: string;
  readonly listen: string;
  readonly upstream: string;
  readonly terminateTls?: boolean | undefined;
}

/** What the injector is asked to do: one validated policy within one run. */
export interface FaultRequest<Params = Record<string, unknown>> {
  readonly run: RunId;
  readonly policy: string;
  readonly type: string;
  readonly target: string;
  /** Only traffic of this route; '' means every route of the protocol. */
  readonly route: string;
  /** The routes of the file, whether or not they are open yet: what a wire fault plans against. */
  readonly routes: readonly PlannedRoute[];
  /** Prefixes of messages that no fault may touch (`ignored_commands` and the built-in lists), for this protocol. */
  readonly ignored: readonly string[];
  readonly params: Params;
  readonly seed: number;
  /** How long the fault will be held, in milliseconds. */
  readonly hold: Millis;
}

/** One exact target with its undo record, made by `plan` without changing anything. */
export interface TargetPlan<Undo = unknown> {
  /** What a person would call the target, such as `route payments /charge*` or `process 4711 (worker)`. */
  readonly target: string;
  readonly undo: Undo;
  /** What inject will do, and what revert will do, each as one sentence. */
  readonly action: string;
  readonly inverse: string;
  /** False when Firebreak itself cannot bring the state back (a killed process); `inverse` then says who can. */
  readonly reversible: boolean;
  /**
   * What it takes for itself alone, in words: of two faults of a type that take the same, the second is refused, in this
   * run, another or another process. What begins with `/` is a place of the machine, and taken for every type. What is
   * `shared` is refused only to those that would have it otherwise. Absent: its undo record as a whole.
   */
  readonly takes?: readonly string[] | undefined;
}

/** For TargetPlan.takes: `what` may be had by several faults of a type as long as all say the same of it. */
export const shared = (what: string, as: string): string => `shared as ${as}: ${what}`;
/** The same again: what, and as what; undefined for a text that is no such thing. */
export function readShared(text: string): { readonly what: string; readonly as: string } | undefined {
  const [, as, what] = /^shared as (\S+): (.+)$/s.exec(text) ?? [];
  return as === undefined || what === undefined ? undefined : { what, as };
}

/** What an injector may use while it works on one target. */
export interface InjectContext<Params, Undo> {
  readonly fault: FaultId;
  readonly request: FaultRequest<Params>;
  /** Aborted when the hold must end; inject and verify obey it, revert never sees it. */
  readonly signal: AbortSignal;
  /**
   * Commits a longer undo record to disk, synchronously, BEFORE the injector changes something that the record so far
   * does not cover (a process found only on the second round).
   */
  amend(undo: Undo): void;
  /** Reports one injected fault (a killed process, a burst), for the event log and the traces. */
  injected(detail: string): void;
}

/**
 * How a fault is done and undone, over one target. Everything that `revert` and `fingerprint` need is in the undo
 * record, because they run in another process after a crash. All are safe to call twice.
 */
export interface Injector<Params = Record<string, unknown>, Undo = unknown> {
  readonly undo: z.ZodType<Undo>;
  /** Why this machine cannot run the fault, or this policy of its type, or '' when it can. */
  unavailable(params?: Params): string;
  /** Whether this user can do it without root, although its type says `needsRoot`. Absent: never. */
  ownRights?(params: Params): boolean;
  /** Read-only. Resolves the exact targets; none is an answer too. Throws FirebreakError when the request is unsafe. */
  plan(request: FaultRequest<Params>, signal: AbortSignal): Promise<readonly TargetPlan<Undo>[]>;
  inject(undo: Undo, context: InjectContext<Params, Undo>): Promise<void>;
  /** Measures the effect now. Called until it has bitten, then each second, then once more before revert. */
  verify(undo: Undo, context: InjectContext<Params, Undo>): Promise<Effect>;
  /** Undoes everything the record covers, and only that. Idempotent; resolves when done. */
  revert(undo: Undo): Promise<void>;
  /**
   * A stable description of the state that the fault touches, the same before injection and after a complete revert.
   * Throws when it cannot be read: the target is then `unconfirmed`.
   */
  fingerprint(undo: Undo): Promise<string>;
}
