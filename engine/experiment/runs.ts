import { type RunId, millis } from '../kernel/brands.ts';
import { type Clock } from '../kernel/clock.ts';
import { EXIT, FirebreakError, messageOf } from '../kernel/errors.ts';
import { type FaultReport, type Route, type RunRecord } from '../contract/models.ts';
import { type Released, type RunOutcome } from '../contract/api.ts';
import { newRunId } from '../kernel/random.ts';
import { type FaultSet, type Lifecycle } from '../lifecycle/lifecycle.ts';
import { type ProbeSpec, type Probe } from '../kernel/probe.ts';
import { type EventBus } from '../telemetry/bus.ts';
import { type History } from '../store/history.ts';
import { type Prepared, requestsOf } from './prepare.ts';
import { runExperiment } from './runner.ts';

export interface RunsDeps {
  readonly clock: Clock;
  readonly bus: EventBus;
  readonly lifecycle: Lifecycle;
  readonly history: History;
  /** `routes` are those of the run, with their ports filled in. */
  readonly createProbe: (spec: ProbeSpec, routes: readonly Route[]) => Probe;
  /** Opens what is not open yet; disposing closes only those. */
  readonly openRoutes: (routes: readonly Route[]) => Promise<AsyncDisposable & { readonly routes: readonly Route[] }>;
  /** Holds the one place on this machine for an experiment; throws `experiment-running` when it is taken. */
  readonly takePlace: (holder: { readonly run: RunId; readonly name: string }) => Disposable;
  readonly writeReports: (record: RunRecord, directory: string) => Promise<readonly string[]>;
  /** Hears each measured recovery time, in milliseconds. */
  readonly recovered: (ms: number) => void;
  readonly faultCounts: () => Readonly<Record<string, number>>;
  readonly environment: () => Readonly<Record<string, string>>;
}

interface Active {
  readonly name: string;
  readonly stop: AbortController;
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
    await using setup = new AsyncDisposableStack();
    setup.use(this.#deps.takePlace({ run, name }));
    const opened = setup.use(await this.#deps.openRoutes(prepared.file.routes));
    const held = setup.move();
    const stop = new AbortController();
    const outcome = this.#experiment(prepared, run, opened.routes, stop.signal, reportDir).finally(() => held.disposeAsync());
    this.#remember(run, { name, stop, done: outcome });
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

  /** Injects the policies of a file without an experiment; they end by themselves after `ttlMs`. */
  async apply(prepared: Prepared, ttlMs: number, caller: AbortSignal): Promise<{ run: RunId; faults: FaultReport[] }> {
    const { lifecycle, clock, bus } = this.#deps;
    const { file } = prepared;
    const run = newRunId();
    const stop = new AbortController();
    // Until the faults are in, their caller may still change his mind; a warm-up can last a day.
    const begin = AbortSignal.any([stop.signal, caller]);
    await using setup = new AsyncDisposableStack();
    setup.use(await this.#deps.openRoutes(file.routes));
    await clock.sleep(file.warmupDuration, begin);
    const planned = await lifecycle.plan(requestsOf(prepared, run, millis(ttlMs)), begin);
    const faults = await lifecycle.start(planned, millis(ttlMs), begin);
    const held = setup.move();
    const released = this.#release(faults, stop.signal).finally(() => held.disposeAsync());
    this.#remember(run, { name: file.name, stop, done: released });
    this.#releases.set(run, released);
    bus.publish(run, { kind: 'policy', text: `Applied ${file.name} for ${ttlMs} ms` });
    return { run, faults: [...faults.reports()] };
  }

  async #release(faults: FaultSet, signal: AbortSignal): Promise<Released> {
    const aborted = new Promise<string>((resolve) => {
      signal.addEventListener('abort', () => resolve(messageOf(signal.reason)), { once: true });
    });
    const why = await Promise.race([faults.ended, aborted]);
    const reports = await faults.revert(why);
    return { why, faults: [...reports], reverted: reports.every((fault) => fault.reverted) };
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
    active?.stop.abort(new Error(why));
    return active !== undefined;
  }

  outcome(run: string): Promise<RunOutcome> {
    return this.#outcomes.get(run) ?? Promise.reject(unknownRun(run));
  }
  released(run: string): Promise<Released> {
    return this.#releases.get(run) ?? Promise.reject(unknownRun(run));
  }

  /** Ends everything and waits until it is put back. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { stop } of this.#active.values()) stop.abort(new Error('the engine is closing'));
    await Promise.allSettled([...this.#active.values()].map(({ done }) => done));
  }
}

export const unknownRun = (run: string): FirebreakError =>
  new FirebreakError('unknown-run', `There is no run ${run} here.`, { exitCode: EXIT.usage, hint: 'See `firebreak history`.' });
