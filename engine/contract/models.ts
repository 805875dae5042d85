import { z } from 'zod';
import { effect, faultState } from '../kernel/fault.ts';

/** The nouns of the product, once, in zod: what crosses the contract, is kept in history and stands in the report. */

/** Wall-clock time in milliseconds since 1970; shown to people, never used for order. */
const wall = z.number();

export const protocol = z.enum(['http', 'grpc', 'sql', 'redis', 'mongo', 'kafka', 'rabbitmq', 'tcp']);
export type Protocol = z.infer<typeof protocol>;

/** An application is pointed at `listen`; what it sends goes on to `upstream`. Both are `host:port`. */
export const route = z.object({
  name: z.string(),
  protocol,
  listen: z.string(),
  upstream: z.string(),
  /** TLS; each field is absent when a file does not say it. See `routeShape`. */
  terminateTls: z.boolean().optional(),
  certificateNames: z.array(z.string()).optional(),
  upstreamTls: z.boolean().optional(),
  upstreamCa: z.string().optional(),
  upstreamCertificate: z.string().optional(),
  upstreamKey: z.string().optional(),
  upstreamName: z.string().optional(),
  /** TLS that passes unopened: where it goes, by the server name that clients ask for. */
  upstreamsByName: z.record(z.string(), z.string()).optional(),
  refuseOtherNames: z.boolean().optional(),
});
export type Route = z.infer<typeof route>;

/** `ready` = nothing under way, `halted` = HALT was the last word. */
export const phaseName = z.enum(['steady-state', 'baseline', 'inject', 'observe', 'revert', 'recovery', 'analysis']);
export type PhaseName = z.infer<typeof phaseName>;
export const phase = z.object({ name: phaseName, start: wall, end: wall.nullable() });
export type Phase = z.infer<typeof phase>;

export const verdict = z.enum(['held', 'refuted', 'aborted', 'inconclusive', 'failed']);
export type Verdict = z.infer<typeof verdict>;

/**
 * One poll of one probe: the figures over its sliding window at that moment. A figure is null while nothing has been
 * measured. Rates and Apdex are 0-1, latencies milliseconds, throughput per second; `value` is a Prometheus result.
 */
export const sample = z.object({
  seq: z.int(),
  at: wall,
  probe: z.string(),
  phase: phaseName,
  /** This poll alone: did it succeed, how long it took (ms), and why it failed. */
  ok: z.boolean(),
  latency: z.number().nullable(),
  error: z.string(),
  figures: z.record(z.string(), z.number().nullable()),
  /** Whether the probe's `expect` held on these figures; null when it could not be evaluated. */
  held: z.boolean().nullable(),
});
export type Sample = z.infer<typeof sample>;

export const faultReport = z.object({
  id: z.string(),
  policy: z.string(),
  type: z.string(),
  target: z.string(),
  /** The plain sentence of the manifest. */
  explain: z.string(),
  action: z.string(),
  inverse: z.string(),
  reversible: z.boolean(),
  state: faultState,
  injectedAt: wall.nullable(),
  revertedAt: wall.nullable(),
  /** Wall-clock time at which the lease ends if nobody renews it; null when not active. */
  leaseUntil: wall.nullable(),
  /** Wall-clock time at which the hold ends at the latest, unless something ends it before; null when not active. */
  endsAt: wall.nullable().exactOptional(),
  effect,
  /** Fingerprints of what the fault touches: the undo proof is that they are equal. */
  before: z.string().nullable(),
  after: z.string().nullable(),
  /** True when before and after were compared and found equal. */
  reverted: z.boolean(),
  note: z.string(),
});
export type FaultReport = z.infer<typeof faultReport>;

/** What became of one fault by a HALT. */
export const haltedFault = faultReport.pick({ id: true, policy: true, type: true, target: true, state: true, reverted: true, note: true });
export type HaltedFault = z.infer<typeof haltedFault>;

export const guardIssue = z.object({ policy: z.string(), remark: z.string(), message: z.string() });
export const guardResult = z.object({
  score: z.int().min(0).max(100),
  level: z.enum(['SAFE', 'ELEVATED', 'HIGH', 'CRITICAL']),
  survival: z.number(),
  issues: z.array(guardIssue),
});
export type GuardResult = z.infer<typeof guardResult>;

/** One point of the charts: aggregated over one second of the run. */
export const seriesPoint = z.object({
  at: wall,
  /** Per probe: success rate 0-1, latencies ms. */
  probes: z.record(
    z.string(),
    z.object({ successRate: z.number().nullable(), p50: z.number().nullable(), p95: z.number().nullable(), p99: z.number().nullable() }),
  ),
  /** Injected faults per second, by fault target. */
  faultRate: z.record(z.string(), z.number()),
});
export type SeriesPoint = z.infer<typeof seriesPoint>;

export const timelineEntry = z.object({ seq: z.int(), at: wall, kind: z.string(), text: z.string() });
export type TimelineEntry = z.infer<typeof timelineEntry>;

export const steadyState = z.object({ name: z.string(), expect: z.string(), describe: z.string() });

/** The whole of one run: what history keeps and what every report is written from. */
export const runRecord = z.object({
  run: z.string(),
  name: z.string(),
  file: z.string(),
  hypothesis: z.string(),
  seed: z.int(),
  blastRadius: z.int(),
  startedAt: wall,
  endedAt: wall.nullable(),
  /** How long the injection was meant to last, in milliseconds. */
  duration: z.number(),
  verdict: verdict.nullable(),
  exitCode: z.int().nullable(),
  /** Why the verdict is what it is, in one or two sentences for a reader who was not there. */
  reason: z.string(),
  phases: z.array(phase),
  steadyState: z.array(steadyState),
  abort: z.object({ when: z.string(), forMs: z.number() }).nullable(),
  /** The sample that broke the abort condition or the steady state, when one did. */
  breach: sample.nullable(),
  faults: z.array(faultReport),
  /** True when every fault is proven reverted. */
  reverted: z.boolean(),
  /** Milliseconds from revert until the steady state held again; null when it did not, or was never lost. */
  recoveryMs: z.number().nullable(),
  guard: guardResult,
  samples: z.array(sample),
  series: z.array(seriesPoint),
  timeline: z.array(timelineEntry),
  /** Host name, platform, kernel, CPU, memory, Node and Firebreak versions, user: label -> value. */
  environment: z.record(z.string(), z.string()),
  /** The file as it was run. */
  source: z.string(),
});
export type RunRecord = z.infer<typeof runRecord>;

export const runSummary = runRecord.pick({
  run: true, name: true, startedAt: true, endedAt: true, verdict: true, exitCode: true, reason: true, reverted: true,
});
export type RunSummary = z.infer<typeof runSummary>;

/** What would happen: shown by `plan`, changes nothing. */
export const plannedFault = z.object({
  policy: z.string(),
  type: z.string(),
  explain: z.string(),
  /** How far the damage reaches: 1 (one process) to 5 (a region). */
  blastRadius: z.int().min(1).max(5),
  /** Why it cannot run here; '' when it can. */
  unavailable: z.string(),
  targets: z.array(z.object({ target: z.string(), action: z.string(), inverse: z.string(), reversible: z.boolean() })),
  holdMs: z.number(),
});
export const planResult = z.object({
  name: z.string(),
  hypothesis: z.string(),
  seed: z.int(),
  routes: z.array(route),
  faults: z.array(plannedFault),
  steadyState: z.array(steadyState),
  guard: guardResult,
  phases: z.array(z.object({ name: phaseName, ms: z.number() })),
});
export type PlanResult = z.infer<typeof planResult>;

/** An undo record that is still open in the journal. */
export const openUndo = z.object({
  id: z.string(),
  run: z.string(),
  policy: z.string(),
  type: z.string(),
  target: z.string(),
  inverse: z.string(),
  step: z.enum(['planned', 'applied', 'reverting']),
  since: wall,
  /** Whether the process that made it is still alive. */
  ownerAlive: z.boolean(),
  note: z.string(),
});
export type OpenUndo = z.infer<typeof openUndo>;
/** A journal entry that cannot be trusted: tampered with, or half-written. */
export const journalDamage = z.object({ where: z.string(), what: z.string() });
export type JournalDamage = z.infer<typeof journalDamage>;

export const capability = z.object({
  name: z.string(),
  available: z.boolean(),
  /** Why not, and what would change it; or a remark. */
  detail: z.string(),
});
export type Capability = z.infer<typeof capability>;

export const issue = z.object({
  file: z.string(),
  line: z.int(),
  column: z.int(),
  path: z.string(),
  message: z.string(),
  hint: z.string(),
});
export type FileIssue = z.infer<typeof issue>;

/** How many policies and routes of a watched file a reload touched; `changed` ones were reverted and injected anew. */
export const policyChange = z.object({
  added: z.int(),
  changed: z.int(),
  removed: z.int(),
  unchanged: z.int(),
  routesOpened: z.int(),
  routesClosed: z.int(),
});
export type PolicyChange = z.infer<typeof policyChange>;

/**
 * One entry of the event log. `seq` rises by one with each event of an engine and gives their order; times are for people.
 */
export const engineEvent = z.object({
  seq: z.int(),
  at: wall,
  run: z.string(),
  body: z.discriminatedUnion('kind', [
    /** `checks`: the steady state; `abort`: what ends the run early, null when nothing does. Absent from older engines. */
    z.object({
      kind: z.literal('run-started'),
      name: z.string(),
      hypothesis: z.string(),
      duration: z.number(),
      checks: z.array(z.object({ name: z.string(), expect: z.string() })).exactOptional(),
      abort: z.object({ when: z.string(), forMs: z.number() }).nullable().exactOptional(),
    }),
    /** `until`: when a phase of known length will end at the latest; null when it ends when it is done, and at its end. */
    z.object({ kind: z.literal('phase'), name: phaseName, edge: z.enum(['start', 'end']), until: wall.nullable() }),
    z.object({ kind: z.literal('sample'), sample }),
    z.object({ kind: z.literal('fault'), fault: faultReport }),
    /** One or more injected faults since the last such event of this fault; wire faults are counted, not listed. */
    z.object({ kind: z.literal('injected'), fault: z.string(), policy: z.string(), target: z.string(), count: z.int(), detail: z.string() }),
    z.object({ kind: z.literal('breach'), when: z.string(), heldMs: z.number(), sample }),
    /** Whoever called it. `faults`: those that it ended in this engine, and whether each is proven clean. Absent from older engines. */
    z.object({ kind: z.literal('halt'), by: z.string(), tookMs: z.number(), faults: z.array(haltedFault).exactOptional() }),
    /** `change`: what a reload did to the policies of an apply; absent for any other news. */
    z.object({ kind: z.literal('policy'), text: z.string(), change: policyChange.exactOptional() }),
    /** `issues`: the findings in a file, when that is what it is about. */
    z.object({
      kind: z.literal('log'),
      level: z.enum(['info', 'warn', 'error']),
      text: z.string(),
      issues: z.array(issue).exactOptional(),
    }),
    z.object({ kind: z.literal('run-ended'), verdict, exitCode: z.int(), reason: z.string(), reverted: z.boolean() }),
    z.object({ kind: z.literal('report'), files: z.array(z.string()) }),
  ]),
});
export type EngineEvent = z.infer<typeof engineEvent>;
export type EventBody = EngineEvent['body'];

/** What faults did to one target since the engine started, ended faults included. Rising only. */
export const impact = z.object({
  /** What a person would call it, as in the plan: `route payments /charge*`, `process 4711 (worker)`. */
  target: z.string(),
  policy: z.string(),
  type: z.string(),
  /** Whether a fault is on this target now. */
  active: z.boolean(),
  /** Messages that the policy was asked about; 0 for faults of the machine. */
  matched: z.int(),
  errors: z.int(),
  latencies: z.int(),
  drops: z.int(),
  throttled: z.int(),
  /** Other injections: a killed process, a burst. */
  others: z.int(),
});
export type Impact = z.infer<typeof impact>;

/** The newest poll of a standing probe. `held` is null without an `expect` or before it could be judged. */
export const standingReading = z.object({
  name: z.string(),
  describe: z.string(),
  expect: z.string(),
  /** T of Apdex in milliseconds; null for a probe without one. */
  apdexT: z.number().nullable(),
  /** Over the window: satisfied up to T, tolerating up to 4T, the rest frustrated (failures included). */
  satisfied: z.int(),
  tolerating: z.int(),
  frustrated: z.int(),
  /** Null before the first poll has ended. */
  sample: sample.omit({ phase: true }).nullable(),
});
export type StandingReading = z.infer<typeof standingReading>;

/** The state of things, 10 times a second; only the latest counts. */
export const frame = z.object({
  at: wall,
  run: z.string(),
  phase: phaseName.nullable(),
  phaseEndsAt: wall.nullable(),
  halted: z.boolean(),
  faults: z.array(faultReport),
  /** The newest figures of each probe of the run. */
  probes: z.record(z.string(), sample),
  standing: z.array(standingReading),
  /** By target and policy; at most 256, the newest. */
  impact: z.array(impact),
  /** Totals since the engine started, by route: requests seen and faults injected. */
  routes: z.array(
    z.object({ name: z.string(), requests: z.int(), faults: z.int(), errors: z.int(), drops: z.int(), latencies: z.int(), active: z.int() }),
  ),
});
export type Frame = z.infer<typeof frame>;

export const engineStatus = z.object({
  version: z.string(),
  pid: z.int(),
  startedAt: wall,
  /** The experiment under way on this machine, whichever process runs it; null when none. */
  experiment: z.object({ run: z.string(), name: z.string(), pid: z.int() }).nullable(),
  halted: z.boolean(),
  routes: z.array(route),
  faults: z.array(faultReport),
  open: z.array(openUndo),
  damage: z.array(journalDamage),
  watchdog: z.object({ pid: z.int(), alive: z.boolean() }).nullable(),
  /** Of the thread that takes HALT while the engine's loop is blocked; `note` is why it stopped. Null for an observer. */
  sentinel: z.object({ alive: z.boolean(), note: z.string() }).nullable(),
  /** What the event log still holds, by sequence number; `oldest` is `newest + 1` when it holds none. Absent from older engines. */
  events: z.object({ oldest: z.int(), newest: z.int() }).exactOptional(),
});
export type EngineStatus = z.infer<typeof engineStatus>;
