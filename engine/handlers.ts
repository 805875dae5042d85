import { z } from 'zod';
import { type EngineApi, type FileSummary, type HaltOutcome, type ManifestInfo, type RunOutcome } from './contract/api.ts';
import {
  type Capability, type EngineEvent, type EngineStatus, type Frame, type PlanResult, type Route, type RunRecord,
} from './contract/models.ts';
import { manifestOf, manifests } from './faults/manifests.ts';
import { type ProbeSpec } from './kernel/probe.ts';
import { newRunId } from './kernel/random.ts';
import { type Prepared, prepare, prepareOrThrow, requestsOf } from './experiment/prepare.ts';
import { type Runs } from './experiment/runs.ts';
import { ENOUGH_POLLS } from './experiment/watch.ts';
import { type Lifecycle } from './lifecycle/lifecycle.ts';
import { type FirebreakFile } from './policy/file.ts';
import { assess, reachOf } from './policy/guard.ts';
import { type Kept } from './kept.ts';
import { type RoomHandlers } from './room.ts';
import { type History } from './store/history.ts';
import { millis } from './kernel/brands.ts';

export interface HandlerDeps {
  readonly lifecycle: Lifecycle;
  readonly runs: Runs;
  readonly history: History;
  readonly status: () => EngineStatus;
  readonly capabilities: () => Promise<readonly Capability[]>;
  /** The certificate of this machine's own authority, as PEM. */
  readonly authority: () => Promise<string>;
  readonly metrics: () => Promise<string>;
  readonly openRoutes: (routes: readonly Route[]) => Promise<readonly Route[]>;
  readonly closeRoutes: (names: readonly string[]) => Promise<void>;
  /** Ends what the watchdog does in the place of dead engines: passing the traffic of their routes on. */
  readonly endStandIns: () => Promise<void>;
  /** What a probe measures, in a few words. */
  readonly describeProbe: (spec: ProbeSpec, routes: readonly Route[]) => string;
  readonly halt: (by: string) => Promise<HaltOutcome>;
  readonly writeReports: (record: RunRecord, directory: string) => Promise<readonly string[]>;
  readonly events: (since: number | undefined, signal: AbortSignal) => AsyncIterable<EngineEvent>;
  readonly frames: (signal: AbortSignal) => AsyncIterable<Frame>;
  readonly room: RoomHandlers;
  readonly kept: Pick<Kept, 'recorded' | 'version'>;
}

/** Serves the contract over an engine's rooms. */
export function createHandlers(deps: HandlerDeps): EngineApi {
  const { lifecycle, runs, history } = deps;
  return {
    queries: {
      status: async () => deps.status(),
      doctor: async () => [...(await deps.capabilities())],
      authority: async () => ({ certificate: await deps.authority() }),
      validate: async (input) => {
        const result = prepare(input);
        if (!result.ok) return { ok: false, issues: [...result.issues] };
        const { file } = result.prepared;
        return { ok: true, summary: summaryOf(file), guard: assess(file) };
      },
      plan: async (input, signal) => {
        const result = prepare(input);
        if (!result.ok) return { ok: false, issues: [...result.issues] };
        return { ok: true, plan: await planOf(result.prepared, deps, signal) };
      },
      history: async ({ limit }) => [...history.list(limit)],
      record: async ({ run }) => history.get(run) ?? null,
      outcome: async ({ run }): Promise<RunOutcome> => runs.outcome(run),
      released: ({ run }) => runs.released(run),
      open: async () => ({ open: [...lifecycle.open()], damage: [...lifecycle.damage()] }),
      manifests: async () => Object.values(manifests).map(infoOf),
      metrics: () => deps.metrics(),
      ...deps.room.queries,
    },
    commands: {
      run: async (input) => {
        const run = await runs.start(prepareOrThrow(input), input.overrides.reportDir);
        deps.kept.version(input, 'run');
        return { run };
      },
      apply: async (input, signal) => {
        const applied = await runs.apply(input, signal);
        if (input.keep !== false) deps.kept.version(input, 'deployed');
        return applied;
      },
      abort: async ({ run, why }) => ({ aborted: runs.abort(run, why) }),
      halt: ({ by }) => deps.halt(by),
      recover: async ({ closeRoutes }) => {
        const { cleared, open, damage } = await lifecycle.recover();
        if (closeRoutes) await deps.endStandIns();
        return { cleared: [...cleared], open: [...open], damage: [...damage] };
      },
      openRoutes: async ({ routes }) => [...(await deps.openRoutes(routes))],
      closeRoutes: async ({ names }) => {
        await deps.closeRoutes(names);
        return {};
      },
      ...deps.room.commands,
      report: async ({ run, directory }) => ({ files: [...(await deps.writeReports(deps.kept.recorded(run), directory))] }),
    },
    streams: {
      events: ({ since }, signal) => deps.events(since, signal),
      frames: (_input, signal) => deps.frames(signal),
      ...deps.room.streams,
    },
  };
}

function explainOf({ policies }: FirebreakFile): FileSummary['policies'] {
  return policies.map(({ name, type, target, params }) => ({
    name,
    type,
    target,
    explain: manifestOf(type)?.explain(params, target) ?? '',
  }));
}

function summaryOf(file: FirebreakFile): FileSummary {
  const { experiment } = file;
  return {
    name: file.name,
    hypothesis: experiment?.hypothesis ?? '',
    seed: file.seed ?? null,
    routes: [...file.routes],
    policies: explainOf(file),
    experiment:
      experiment === null
        ? null
        : {
            durationMs: experiment.duration,
            checks: experiment.steadyState.map(({ name, expect }) => ({ name, expect })),
            abort: experiment.abort === null ? null : { when: experiment.abort.when, forMs: experiment.abort.for },
          },
  };
}

async function planOf(prepared: Prepared, { lifecycle, describeProbe }: HandlerDeps, signal: AbortSignal): Promise<PlanResult> {
  const { file, seed } = prepared;
  const { experiment } = file;
  const hold = experiment?.duration ?? millis(0);
  const planned = await lifecycle.plan(requestsOf(prepared, newRunId(), hold), signal);
  return {
    name: file.name,
    hypothesis: experiment?.hypothesis ?? '',
    seed,
    routes: [...file.routes],
    guard: assess(file),
    faults: planned.map(({ request, explain, unavailable, targets }) => ({
      policy: request.policy,
      type: request.type,
      explain,
      blastRadius: reachOf(request),
      unavailable,
      holdMs: request.hold,
      targets: targets.map(({ target, action, inverse, reversible }) => ({ target, action, inverse, reversible })),
    })),
    steadyState: (experiment?.steadyState ?? []).map(({ name, expect, probe }) => ({ name, expect, describe: describeProbe(probe, file.routes) })),
    phases: experiment === null ? [] : phasesOf(file, experiment),
  };
}

/** How long each phase will take, in milliseconds; those that end when they are done count 0. */
function phasesOf(file: FirebreakFile, experiment: NonNullable<FirebreakFile['experiment']>): PlanResult['phases'] {
  const slowest = Math.max(0, ...experiment.steadyState.map(({ probe }) => probe.every));
  return [
    { name: 'steady-state', ms: slowest * ENOUGH_POLLS },
    { name: 'baseline', ms: Math.max(experiment.baseline, file.warmupDuration) },
    { name: 'inject', ms: 0 },
    { name: 'observe', ms: experiment.duration },
    { name: 'revert', ms: 0 },
    { name: 'recovery', ms: experiment.recovery },
  ];
}

function infoOf(manifest: (typeof manifests)[keyof typeof manifests]): ManifestInfo {
  const { type, layer, summary, target, platforms, privileges } = manifest;
  return {
    type,
    layer,
    summary,
    target: { ...target },
    params: z.toJSONSchema(manifest.params, { io: 'input', unrepresentable: 'any' }),
    platforms: [...platforms],
    privileges: [...privileges],
    blastRadius: reachOf({ type, params: manifest.params.parse({}), target: target.example }),
  };
}
