import { z } from 'zod';
import {
  capability, engineEvent, engineStatus, faultReport, frame, guardResult, haltedFault, issue, journalDamage, openUndo, planResult,
  route, runRecord, runSummary,
} from './models.ts';
import {
  fileVersion, libraryEntry, metricSeries, rehearsal, reportDocument, reportFormat, standingProbe, topology, trafficBatch,
  writtenProbe,
} from './room.ts';

/**
 * Everything that can be asked of an engine, once, as data. Types, validation on both ends, the client and the
 * dispatcher all come from this object; nothing else lists the operations.
 *
 * A query changes nothing. A command does, and returns as soon as its outcome is known to have begun. A stream gives
 * items until its reader leaves.
 */

const nothing = z.strictObject({});

/** Largest Firebreak file, in characters: the 5 MiB of the pastaay v1 format. */
export const MAX_FILE_CHARS = 5 * 1024 * 1024;
const milliseconds = z.number().min(0).max(31_536_000_000);
const id = z.string().min(1).max(64);
const localPath = z.string().min(1).max(4_096);
const settingKey = z.string().regex(/^[a-z][a-z0-9.-]{0,63}$/);

/** A Firebreak file as text; `file` is the name that errors and reports show. */
const fileText = z.strictObject({
  text: z.string().max(MAX_FILE_CHARS, `expected a file of at most ${MAX_FILE_CHARS} characters`),
  file: z.string().max(4_096).default('<text>'),
});

/** What may be changed about a file for one run, without editing it. Times in milliseconds. */
export const runOverrides = z.strictObject({
  durationMs: milliseconds.exactOptional(),
  seed: z.int().min(0).max(0xffff_ffff).exactOptional(),
  baselineMs: milliseconds.exactOptional(),
  recoveryMs: milliseconds.exactOptional(),
  /** Where the reports are written; none are written when it is absent. */
  reportDir: localPath.exactOptional(),
});
export type RunOverrides = z.infer<typeof runOverrides>;

/** A route that a client names: no longer than what can name it again, and than what the watchdog takes. */
const address = z.string().max(300);
const givenRoute = route.extend({ name: id, listen: address, upstream: address });
/** Replace the file's routes of the same name, and add the others; how the demo puts its own ports under any file. */
const givenRoutes = z.array(givenRoute).max(256).default([]);

const runInput = fileText.extend({
  overrides: runOverrides.default({}),
  routes: givenRoutes,
});

/** One policy of a valid file, in the words of its manifest. */
const policySummary = z.object({ name: z.string(), type: z.string(), target: z.string(), explain: z.string() });
export const fileSummary = z.object({
  name: z.string(),
  hypothesis: z.string(),
  seed: z.int().nullable(),
  routes: z.array(route),
  policies: z.array(policySummary),
  /** Null for a file of policies alone, which `apply` takes and `run` does not. Durations in milliseconds. */
  experiment: z
    .object({
      durationMs: z.number(),
      checks: z.array(z.object({ name: z.string(), expect: z.string() })),
      abort: z.object({ when: z.string(), forMs: z.number() }).nullable(),
    })
    .nullable(),
});
export type FileSummary = z.infer<typeof fileSummary>;

/** A file's fate: valid with what it says, or every finding at once. */
const validation = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), summary: fileSummary, guard: guardResult }),
  z.object({ ok: z.literal(false), issues: z.array(issue).min(1) }),
]);
export type Validation = z.infer<typeof validation>;
const planning = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), plan: planResult }),
  z.object({ ok: z.literal(false), issues: z.array(issue).min(1) }),
]);
export type Planning = z.infer<typeof planning>;

/** How a run ended, without its measurements (those are in `record`), and what was written about it. */
export const runOutcome = runRecord
  .omit({ samples: true, series: true, timeline: true, source: true, environment: true })
  .extend({
    /** Paths of the reports; empty when none were asked for. */
    reports: z.array(z.string()),
    /** Why a report could not be written; '' when all were. */
    reportError: z.string(),
  });
export type RunOutcome = z.infer<typeof runOutcome>;

/** A fault type as a form needs it: the manifest's facts and its parameters as JSON Schema (with the fields' metadata). */
export const manifestInfo = z.object({
  type: z.string(),
  layer: z.enum(['wire', 'host']),
  summary: z.string(),
  target: z.object({ required: z.boolean(), help: z.string(), example: z.string() }),
  params: z.record(z.string(), z.unknown()),
  platforms: z.array(z.string()),
  privileges: z.array(z.string()),
  blastRadius: z.int(),
});
export type ManifestInfo = z.infer<typeof manifestInfo>;

/** What HALT did; `tookMs` runs from the call until nothing was injected any more. */
export const haltOutcome = z.object({ tookMs: z.number(), faults: z.array(haltedFault) });
export type HaltOutcome = z.infer<typeof haltOutcome>;

const released = z.object({ why: z.string(), faults: z.array(faultReport), reverted: z.boolean() });
export type Released = z.infer<typeof released>;

export const api = {
  queries: {
    status: { input: nothing, output: engineStatus },
    /** What this machine can and cannot do, and why. */
    doctor: { input: nothing, output: z.array(capability) },
    /** The certificate, as PEM, of the authority that signs for routes that terminate TLS; made when it is first asked for. */
    authority: { input: nothing, output: z.object({ certificate: z.string() }) },
    validate: { input: fileText.extend({ routes: givenRoutes }), output: validation },
    /** Resolves targets and undo without changing anything. */
    plan: { input: runInput, output: planning },
    /** The newest runs first. */
    history: { input: z.strictObject({ limit: z.int().min(1).max(10_000).default(50) }), output: z.array(runSummary) },
    /** The whole of one run; null when history does not know it. */
    record: { input: z.strictObject({ run: id }), output: runRecord.nullable() },
    /** Waits until a run has ended and its reports are written. Throws `unknown-run`. */
    outcome: { input: z.strictObject({ run: id }), output: runOutcome },
    /** Waits until every fault of an `apply` is closed; gives all of its whole life, those a reload ended included. Throws `unknown-run`. */
    released: { input: z.strictObject({ run: id }), output: released },
    /** The undo records still open, and what in the journal cannot be trusted. Touches neither. */
    open: { input: nothing, output: z.object({ open: z.array(openUndo), damage: z.array(journalDamage) }) },
    manifests: { input: nothing, output: z.array(manifestInfo) },
    /** Prometheus text exposition. */
    metrics: { input: nothing, output: z.string() },
    /** What a client keeps in this engine's state directory under a key, such as the layout of its boards; null when nothing. */
    setting: { input: z.strictObject({ key: settingKey }), output: z.object({ value: z.unknown() }) },
    /** The experiments that come with Firebreak. */
    library: { input: nothing, output: z.array(libraryEntry) },
    /** The newest first. */
    versions: { input: z.strictObject({ limit: z.int().min(1).max(1_000).default(100) }), output: z.array(fileVersion) },
    /** Null when there is no such version (any more). */
    version: { input: z.strictObject({ id: z.int() }), output: z.object({ text: z.string() }).nullable() },
    /** A report of a past run, made now. Throws `unknown-run`. */
    document: { input: z.strictObject({ run: id, format: reportFormat }), output: reportDocument },
    /** The standing probes, in the order in which they were added. */
    probes: { input: nothing, output: z.array(writtenProbe) },
    /** A range query to a Prometheus server. Throws `query-failed` with the server's own words. Times in milliseconds. */
    series: {
      input: z.strictObject({
        url: z.string().min(1).max(2_048),
        query: z.string().min(1).max(10_000),
        /** How far back from now. */
        pastMs: milliseconds,
        stepMs: z.number().min(1_000).max(86_400_000),
      }),
      output: z.array(metricSeries),
    },
  },
  commands: {
    /** Starts the experiment of a file and returns at once; see `outcome` and the events. A bad file throws `bad-file` with issues. */
    run: { input: runInput, output: z.object({ run: id }) },
    /**
     * Injects a file's policies without an experiment, for `ttlMs`. With `watch` the engine then follows the path `file`:
     * each valid change is brought into force and told by a `policy` event, a broken one by a `log` event with its issues.
     */
    apply: {
      input: fileText.extend({
        ttlMs: milliseconds,
        routes: givenRoutes,
        watch: z.boolean().default(false),
        /** False for what no person wrote: its text is not kept among the versions. */
        keep: z.boolean().exactOptional(),
      }),
      output: z.object({ run: id, faults: z.array(faultReport) }),
    },
    /** Ends a run or an apply of this engine and reverts; returns once the end has begun. False when nothing of that id runs. */
    abort: { input: z.strictObject({ run: id, why: z.string().min(1).max(1_000) }), output: z.object({ aborted: z.boolean() }) },
    /** Ends every injection on this machine, whichever process made it. */
    halt: { input: z.strictObject({ by: z.string().min(1).max(200) }), output: haltOutcome },
    /** Reverts every open undo record that no live process holds. */
    recover: {
      /** `closeRoutes`: also stop passing on the traffic of dead engines' routes, which the watchdog does in their place. */
      input: z.strictObject({ closeRoutes: z.boolean().default(false) }),
      output: z.object({ cleared: z.array(openUndo), open: z.array(openUndo), damage: z.array(journalDamage) }),
    },
    /** Opens routes outside a run; answers with the ports filled in. */
    openRoutes: { input: z.strictObject({ routes: z.array(givenRoute).min(1).max(256) }), output: z.array(route) },
    /** Closes them, all or none. Throws `route-in-use` when a run or an apply of this engine still uses one. */
    closeRoutes: { input: z.strictObject({ names: z.array(id).max(256) }), output: nothing },
    /** Reverts one fault and leaves the others alone; false when no such fault is held by this engine. Returns once it is closed. */
    stopFault: { input: z.strictObject({ fault: id, why: z.string().min(1).max(1_000) }), output: z.object({ stopped: z.boolean() }) },
    /** Measures HALT on parts made for the purpose. Throws `busy` while anything is injected, for it would be ended too. */
    rehearse: { input: nothing, output: rehearsal },
    /** Keeps a value (JSON, at most 256 KiB) under a key; null forgets it. */
    saveSetting: { input: z.strictObject({ key: settingKey, value: z.unknown() }), output: nothing },
    /** Keeps a text as a version; `deployed` and `run` are kept without asking. */
    saveVersion: { input: fileText, output: fileVersion },
    /**
     * Starts a standing probe, or replaces the one of that name. A bad `expect` or URL throws `bad-probe` with issues; a
     * 65th probe `too-many-probes`; `probes-elsewhere`: another engine of this state directory runs them.
     */
    startProbe: { input: standingProbe, output: nothing },
    stopProbe: { input: z.strictObject({ name: id }), output: z.object({ stopped: z.boolean() }) },
    /** Writes the reports of a past run again. Throws `unknown-run`. */
    report: { input: z.strictObject({ run: id, directory: localPath }), output: z.object({ files: z.array(z.string()) }) },
  },
  streams: {
    /** Every event after `since` (from now on when absent), in order, none left out. Throws `events-lost` when `since` is older than the log. */
    events: { input: z.strictObject({ since: z.int().min(0).exactOptional() }), item: engineEvent, delivery: 'every' },
    /** The state of things, ten times a second; a slow reader gets the latest and misses those between. */
    frames: { input: nothing, item: frame, delivery: 'latest' },
    /** What passes through the routes, in batches of 100 ms while somebody reads. `passing`: a sample of untouched messages too. */
    traffic: { input: z.strictObject({ passing: z.boolean().default(false) }), item: trafficBatch, delivery: 'every', window: 4 },
    /** Services and routes as a graph, every two seconds while somebody reads, and at once when the routes change. */
    topology: { input: nothing, item: topology, delivery: 'latest' },
  },
} as const satisfies Api;

export interface Call {
  readonly input: z.ZodType;
  readonly output: z.ZodType;
}
export interface Stream {
  readonly input: z.ZodType;
  readonly item: z.ZodType;
  /** `every`: lossless and in order. `latest`: only the newest counts. */
  readonly delivery: 'every' | 'latest';
  /** How many items of a lossless stream may be on their way, when they are large; an even number. */
  readonly window?: number;
}
export interface Api {
  readonly queries: Readonly<Record<string, Call>>;
  readonly commands: Readonly<Record<string, Call>>;
  readonly streams: Readonly<Record<string, Stream>>;
}

type CallHandlers<Calls extends Readonly<Record<string, Call>>> = {
  readonly [Name in keyof Calls]: (
    input: z.output<Calls[Name]['input']>,
    signal: AbortSignal,
  ) => Promise<z.input<Calls[Name]['output']>>;
};
/** What serves an api: a function for each operation. Inputs arrive validated; the signal aborts when the caller leaves. */
export interface Handlers<A extends Api> {
  readonly queries: CallHandlers<A['queries']>;
  readonly commands: CallHandlers<A['commands']>;
  readonly streams: {
    readonly [Name in keyof A['streams']]: (
      input: z.output<A['streams'][Name]['input']>,
      signal: AbortSignal,
    ) => AsyncIterable<z.input<A['streams'][Name]['item']>>;
  };
}
export type EngineApi = Handlers<typeof api>;
