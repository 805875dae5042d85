import { type RunId, millis } from '../kernel/brands.ts';
import { type Clock } from '../kernel/clock.ts';
import { EXIT, FirebreakError, messageOf } from '../kernel/errors.ts';
import { type FaultReport, type Route, type RunRecord } from '../contract/models.ts';
import { type Released, type RunOutcome } from '../contract/api.ts';
import { newRunId } from '../kernel/random.ts';
import { type Lifecycle } from '../lifecycle/lifecycle.ts';
import { type ProbeSpec, type Probe } from '../kernel/probe.ts';
import { type EventBus } from '../telemetry/bus.ts';
import { type History } from '../store/history.ts';
import { Applied } from './applied.ts';
import { type OpenRoutes } from './applied-routes.ts';
import { followFile, type FollowParts, readable } from './follow-file.ts';
import { type Prepared, type PrepareInput, prepareOrThrow, requestsOf } from './prepare.ts';
import { runExperiment } from './runner.ts';

export interface RunsDeps {
  readonly clock: Clock;
  readonly bus: EventBus;
  readonly lifecycle: Lifecycle;
  readonly history: History;
  /** `routes` are those of the run, with their ports filled in. */
  readonly createProbe: (spec: ProbeSpec, routes: readonly Route[]) => Probe;
  /** Opens what is not open yet; disposing gives it back, which closes what nobody else uses, unless HALT was called. */
  readonly openRoutes: OpenRoutes;
  /** Holds the one place on this machine for an experiment; throws `experiment-running` when it is taken. */
  readonly takePlace: (holder: { readonly run: RunId; readonly name: string }) => Disposable;
  readonly writeReports: (record: RunRecord, directory: string) => Promise<readonly string[]>;
  /** Hears each measured recovery time, in milliseconds. */
  readonly recovered: (ms: number) => void;
  /** Hears each change of a watched file that is in force from now on. */
  readonly inForce: FollowParts['inForce'];
  readonly faultCounts: () => Readonly<Record<string, number>>;
  readonly environment: () => Readonly<Record<string, string>>;
}

export interface ApplyInput extends Omit<PrepareInput, 'overrides'> {
  readonly ttlMs: number;
  readonly watch: boolean;
}

interface Active {
  readonly stop: (why: string) => void;
  readonly done: Promise<unknown>;
}

/** The runs of this engine: at most one experiment at a time, and any number of applies. */
export class Runs implements AsyncDisposable {
  readonly #deps: RunsDeps;
  readonly #active = new Map<string, Active>();
  readonly #outcomes = new Map<string, Promise<RunOutcome>>();
  readonly #releases = new Map<string, Promise<Released>>();

  constructor(deps: RunsDeps) {
    this.#deps = deps;
  }

  /** Starts an experiment and returns once its routes are open; throws when it cannot begin. */
  async start(prepared: Prepared, reportDir: string | undefined): Promise<RunId> {
    const { experiment, name } = prepared.file;
    if (experiment === null) {
      throw new FirebreakError('no-experiment', 'The file has no experiment.', {
        exitCode: EXIT.usage,
        hint: 'Add an `experiment:` section, or use `firebreak apply FILE --ttl 5m` to inject its policies alone.',
      });
    }
    const run = newRunId();
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, this.#deps.lifecycle.untilHalt]);
    await using setup = new AsyncDisposableStack();
    setup.use(this.#deps.takePlace({ run, name }));
    const opened = setup.use(await this.#deps.openRoutes(prepared.file.routes));
    const held = setup.move();
    const outcome = this.#experiment(prepared, run, opened.routes, signal, reportDir).finally(() => held.disposeAsync());
    this.#remember(run, { stop: (why) => stop.abort(new Error(why)), done: outcome });
    this.#outcomes.set(run, outcome);
    return run;
  }

  async #experiment(
    prepared: Prepared,
    run: RunId,
    routes: readonly Route[],
    signal: AbortSignal,
    reportDir: string | undefined,
  ): Promise<RunOutcome> {
    const { clock, bus, lifecycle, history, createProbe, faultCounts } = this.#deps;
    const { experiment } = prepared.file;
    if (experiment === null) throw new FirebreakError('bug', 'a run without an experiment');
    history.begin({
      run, name: prepared.file.name, startedAt: clock.wall(), endedAt: null, verdict: null, exitCode: null, reason: '', reverted: false,
    });
    const record = await runExperiment(
      { run, file: prepared.file, experiment, seed: prepared.seed, requests: requestsOf(prepared, run, experiment.duration) },
      {
        clock,
        bus,
        lifecycle,
        faultCounts,
        environment: this.#deps.environment(),
        createProbe: (spec) => createProbe(spec, routes),
      },
      signal,
    );
    if (record.recoveryMs !== null) this.#deps.recovered(record.recoveryMs);
    const written = await this.#keep(record, reportDir);
    const { samples: _1, series: _2, timeline: _3, source: _4, environment: _5, ...outcome } = record;
    return { ...outcome, ...written };
  }

  /** History first: a report that cannot be written must not lose the run. */
  async #keep(record: RunRecord, directory: string | undefined): Promise<Pick<RunOutcome, 'reports' | 'reportError'>> {
    const { bus, history, writeReports } = this.#deps;
    const problems: string[] = [];
    const attempt = async <T>(what: string, work: () => T | Promise<T>): Promise<T | undefined> => {
      try {
        return await work();
      } catch (error) {
        problems.push(`${what}: ${messageOf(error)}`);
        bus.publish(record.run, { kind: 'log', level: 'error', text: `${what}: ${messageOf(error)}` });
        return undefined;
      }
    };
    await attempt('The run could not be kept in history', () => history.append(record));
    const files = directory === undefined ? [] : await attempt('The report could not be written', () => writeReports(record, directory));
    if (files !== undefined && files.length > 0) bus.publish(record.run, { kind: 'report', files: [...files] });
    return { reports: [...(files ?? [])], reportError: problems.join(' ') };
  }

  /**
   * Injects the policies of a file without an experiment; they end by themselves after `ttlMs`. With `watch` the file
   * is followed from then on. Throws `bad-file`, and whatever keeps a policy from being injected: then none is.
   */
  async apply(
    { ttlMs, watch, ...input }: ApplyInput,
    caller: AbortSignal,
  ): Promise<{ run: RunId; faults: FaultReport[] }> {
    const { bus } = this.#deps;
    const prepared = prepareOrThrow(input);
    if (watch) await readable(input.file);
    const run = newRunId();
    const applied = new Applied(this.#deps, run, millis(ttlMs));
    this.#remember(run, { stop: (why) => void applied.end(why).catch(() => {}), done: applied.released });
    await applied.begin(prepared, caller);
    this.#releases.set(run, applied.released);
    bus.publish(run, { kind: 'policy', text: `Applied ${prepared.file.name} for ${ttlMs} ms` });
    const followed = { run, prepared, routes: input.routes ?? [] };
    if (watch) await applied.follow(() => followFile(applied, followed, this.#deps));
    return { run, faults: applied.reports() };
  }

  #remember(run: RunId, active: Active): void {
    this.#active.set(run, active);
    active.done.then(
      () => this.#active.delete(run),
      () => this.#active.delete(run),
    );
  }

  abort(run: string, why: string): boolean {
    const active = this.#active.get(run);
    active?.stop(why);
    return active !== undefined;
  }

  /** Whether a run or an apply is under way, a warm-up included, when nothing is injected yet. */
  get busy(): boolean {
    return this.#active.size > 0;
  }

  outcome(run: string): Promise<RunOutcome> {
    return this.#outcomes.get(run) ?? Promise.reject(unknownRun(run));
  }
  released(run: string): Promise<Released> {
    return this.#releases.get(run) ?? Promise.reject(unknownRun(run));
  }

  /** Ends everything and waits until it is put back. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { stop } of this.#active.values()) stop('the engine is closing');
    await Promise.allSettled([...this.#active.values()].map(({ done }) => done));
  }
}

export const unknownRun = (run: string): FirebreakError =>
  new FirebreakError('unknown-run', `There is no run ${run} here.`, { exitCode: EXIT.usage, hint: 'See `firebreak history`.' });
