import { type RunId, millis } from '../kernel/brands.ts';
import { type Clock } from '../kernel/clock.ts';
import { FirebreakError, messageOf } from '../kernel/errors.ts';
import { type FaultRequest } from '../kernel/fault.ts';
import { type Probe, type ProbeSpec } from '../kernel/probe.ts';
import { type EventBody, type PhaseName, type RunRecord, type Sample } from '../contract/models.ts';
import { type EndedBy, type FaultSet, type Lifecycle } from '../lifecycle/lifecycle.ts';
import { compileCondition } from '../policy/expression.ts';
import { type Experiment, type FirebreakFile, type SteadyStateCheck } from '../policy/file.ts';
import { assess } from '../policy/guard.ts';
import { type EventBus } from '../telemetry/bus.ts';
import { AbortWatch, type Breach } from './abort.ts';
import { Recorder } from './record.ts';
import { exitCodeOf, figuresOf, judge, notBitten, type Outcome, outcome, unlessGone, unlessStopped } from './verdict.ts';
import { ENOUGH_POLLS, SteadyStateWatch, recoveryChecks } from './watch.ts';

export interface RunnerDeps {
  readonly clock: Clock;
  readonly bus: EventBus;
  readonly lifecycle: Pick<Lifecycle, 'plan' | 'start'>;
  readonly createProbe: (spec: ProbeSpec) => Probe;
  /** Injected faults so far by target, rising only; for the fault-rate chart. */
  readonly faultCounts: () => Readonly<Record<string, number>>;
  readonly environment: Readonly<Record<string, string>>;
}

export interface RunRequest {
  readonly run: RunId;
  readonly file: FirebreakFile;
  readonly experiment: Experiment;
  readonly seed: number;
  readonly requests: readonly FaultRequest[];
}

/** Ends a run early on purpose, with a verdict; everything after it still reverts. */
class Stop extends Error {
  readonly outcome: Outcome;
  constructor(end: Outcome) {
    super(end.reason);
    this.outcome = end;
  }
}

/**
 * Runs one experiment to its verdict. Never throws: what goes wrong is the verdict `failed` with its reason, and the
 * faults are reverted whatever happens. `signal` aborts the run (its reason is shown), which reverts too.
 */
export async function runExperiment(request: RunRequest, deps: RunnerDeps, signal: AbortSignal): Promise<RunRecord> {
  return new Run(request, deps, signal).toVerdict();
}

class Run {
  readonly #request: RunRequest;
  readonly #deps: RunnerDeps;
  readonly #recorder: Recorder;
  readonly #record: RunRecord;
  /** Aborted by the caller, by HALT, or by the abort condition; the reason is always a Stop. */
  readonly #stop = new AbortController();
  readonly #abort: AbortWatch | undefined;
  #faults: FaultSet | undefined;
  #armed = false;
  #seq = 0;
  /** From the first injected fault to the begin of the revert: the samples the hypothesis is judged on. */
  readonly #underFault: Sample[] = [];

  constructor(request: RunRequest, deps: RunnerDeps, signal: AbortSignal) {
    this.#request = request;
    this.#deps = deps;
    this.#recorder = new Recorder(deps.clock, deps.faultCounts);
    this.#abort = abortWatch(request.experiment);
    this.#record = blankRecord(request, deps, this.#recorder);
    const stop = (): void => this.#stop.abort(new Stop(outcome('aborted', `Aborted: ${messageOf(signal.reason)}.`)));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  }

  async toVerdict(): Promise<RunRecord> {
    const { bus, clock } = this.#deps;
    const { run, file, experiment } = this.#request;
    using _log = bus.subscribe((event) => event.run === run && this.#recorder.event(event));
    using _points = clock.every(1_000, () => this.#recorder.point());
    this.#publish({
      kind: 'run-started',
      name: file.name,
      hypothesis: experiment.hypothesis,
      duration: experiment.duration,
      checks: experiment.steadyState.map(({ name, expect }) => ({ name, expect })),
      abort: this.#record.abort,
    });
    const end = await this.#story().catch((error: unknown) => failure(error));
    const record = this.#record;
    record.faults = [...(this.#faults?.reports() ?? this.#recorder.faults)];
    record.reverted = record.faults.every(({ reverted }) => reverted);
    record.verdict = end.verdict;
    record.breach = end.breach;
    record.reason = record.reverted ? end.reason : `${end.reason} ${residue(record)}`;
    record.exitCode = exitCodeOf(end.verdict, record.reverted);
    record.endedAt = clock.wall();
    this.#recorder.point();
    this.#publish({
      kind: 'run-ended',
      verdict: end.verdict,
      exitCode: record.exitCode,
      reason: record.reason,
      reverted: record.reverted,
    });
    return record;
  }

  async #story(): Promise<Outcome> {
    const { experiment } = this.#request;
    let end: Outcome;
    {
      await using watch = this.#watch(experiment.steadyState);
      this.#record.steadyState = watch.describe();
      try {
        await this.#phase('steady-state', () => this.#holdsBefore(watch));
        await this.#phase('baseline', () => this.#baseline(watch), this.#baselineTime());
        await this.#phase('inject', () => this.#inject());
        await this.#phase('observe', () => this.#sleep(experiment.duration), experiment.duration);
        end = judge(this.#underFault, experiment.steadyState);
      } catch (error) {
        end = error instanceof Stop ? error.outcome : failure(error);
      }
      // From here nothing can stop the run: a revert is never cut short.
      this.#armed = false;
      if (this.#faults !== undefined) {
        await this.#phase('revert', () => this.#revert(end));
        end = unlessGone(unlessStopped(end, this.#faults.stopped()), this.#faults.reports());
      }
    }
    if (this.#faults !== undefined && experiment.steadyState.length > 0) {
      await this.#phase('recovery', () => this.#recovery(), experiment.recovery);
    }
    return this.#phase('analysis', () => Promise.resolve(end));
  }

  async #holdsBefore(watch: SteadyStateWatch): Promise<void> {
    await this.#until(() => watch.settled, watch.settleTime);
    this.#mustHold(watch, 'did not hold before the experiment');
  }

  async #baseline(watch: SteadyStateWatch): Promise<void> {
    await this.#sleep(this.#baselineTime());
    this.#mustHold(watch, 'did not hold through the baseline');
  }

  /** No fault fires before the warm-up has passed. */
  #baselineTime(): number {
    const { experiment, file } = this.#request;
    return Math.max(experiment.baseline, file.warmupDuration);
  }

  #mustHold(watch: SteadyStateWatch, how: string): void {
    const broken = watch.broken;
    if (broken === undefined) return;
    const { name, expect } = broken.check;
    const figures = broken.sample === undefined ? 'no answer at all' : figuresOf(broken.sample, expect);
    const last = broken.sample?.error ? `; last error: ${broken.sample.error}` : '';
    throw new Stop(
      outcome('refuted', `The steady state ${how}: ${name} should keep ${expect}, but ${figures}${last}. Nothing was injected.`, broken.sample ?? null),
    );
  }

  async #inject(): Promise<void> {
    const { lifecycle, clock } = this.#deps;
    const { requests, experiment } = this.#request;
    const planned = await lifecycle.plan(requests, this.#stop.signal);
    this.#stop.signal.throwIfAborted();
    this.#armed = true;
    // The hold outlasts the observation: it is a safety line for a hung run, not the end of this one.
    const verifyMost = experiment.duration + HOLD_MARGIN;
    this.#faults = await lifecycle.start(planned, millis(experiment.duration + verifyMost), this.#stop.signal);
    void this.#faults.ended.then((why) => this.#stop.abort(new Stop(endedEarly(why))));
    const began = clock.now();
    const proof = await this.#unlessStopped(this.#faults.verified(experiment.duration));
    if (proof === 'inconclusive') {
      const took = ((clock.now() - began) / 1_000).toFixed(1);
      throw new Stop(outcome('inconclusive', `Within ${took} s ${notBitten(this.#faults.reports())}. The fault was reverted; nothing is claimed.`));
    }
  }

  async #revert(end: Outcome): Promise<void> {
    await this.#faults?.revert(end.verdict === 'held' || end.verdict === 'refuted' ? 'observation over' : end.reason);
  }

  /** Recovery time: from the end of the revert to the first poll of an unbroken row that satisfies every expectation. */
  async #recovery(): Promise<void> {
    const { clock } = this.#deps;
    const { experiment } = this.#request;
    const began = clock.now();
    const checks = recoveryChecks(experiment.steadyState);
    const slowest = Math.max(...checks.map(({ probe }) => probe.every));
    await using watch = this.#watch(checks);
    const end = began + Math.max(experiment.recovery, watch.settleTime);
    while (clock.now() < end) {
      await clock.sleep(TICK);
      if (watch.settled && watch.broken === undefined) {
        this.#record.recoveryMs = Math.max(0, clock.now() - began - slowest * ENOUGH_POLLS);
        return;
      }
    }
    this.#log('warn', `The steady state did not return within ${Math.round((clock.now() - began) / 1_000)} s of the revert.`);
  }

  #watch(checks: readonly SteadyStateCheck[]): SteadyStateWatch {
    return new SteadyStateWatch(checks, {
      clock: this.#deps.clock,
      createProbe: this.#deps.createProbe,
      phase: () => this.#record.phases.at(-1)?.name ?? 'steady-state',
      nextSeq: () => ++this.#seq,
      onSample: (sample) => this.#see(sample),
    });
  }

  #see(sample: Sample): void {
    this.#recorder.sample(sample);
    this.#publish({ kind: 'sample', sample });
    if (!this.#armed) return;
    this.#underFault.push(sample);
    const breach = this.#abort?.see(sample, this.#deps.clock.now());
    if (breach !== undefined) this.#breach(breach);
  }

  #breach(breach: Breach): void {
    this.#armed = false;
    const when = this.#request.experiment.abort?.when ?? '';
    this.#publish({ kind: 'breach', when, heldMs: breach.heldMs, sample: breach.sample });
    const { probe, seq } = breach.sample;
    const reason = `Aborted: ${when} on ${probe} for ${(breach.heldMs / 1_000).toFixed(1)} s (${figuresOf(breach.sample, when)} at sample ${seq}).`;
    this.#stop.abort(new Stop(outcome('aborted', reason, breach.sample)));
  }

  /** `most`: how long it lasts at most, in milliseconds, when that is known beforehand. */
  async #phase<T>(name: PhaseName, work: () => Promise<T>, most?: number): Promise<T> {
    const phase = { name, start: this.#deps.clock.wall(), end: null as number | null };
    this.#record.phases.push(phase);
    this.#publish({ kind: 'phase', name, edge: 'start', until: most === undefined ? null : phase.start + most });
    try {
      return await work();
    } finally {
      phase.end = this.#deps.clock.wall();
      this.#publish({ kind: 'phase', name, edge: 'end', until: null });
    }
  }

  async #until(condition: () => boolean, most: number): Promise<void> {
    const { clock } = this.#deps;
    const end = clock.now() + most;
    while (!condition() && clock.now() < end) await this.#sleep(TICK);
  }

  #sleep(duration: number): Promise<void> {
    return this.#deps.clock.sleep(duration, this.#stop.signal);
  }

  #unlessStopped<T>(promise: Promise<T>): Promise<T> {
    const { signal } = this.#stop;
    return new Promise((resolve, reject) => {
      const stop = (): void => reject(signal.reason);
      if (signal.aborted) return stop();
      signal.addEventListener('abort', stop, { once: true });
      promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
    });
  }

  #publish(body: EventBody): void {
    this.#deps.bus.publish(this.#request.run, body);
  }
  #log(level: 'info' | 'warn' | 'error', text: string): void {
    this.#publish({ kind: 'log', level, text });
  }
}

/** How often a waiting phase looks again, in milliseconds. */
const TICK = 50;
/** What the hold may outlast the planned duration by, in milliseconds: the time an inject phase may take. */
const HOLD_MARGIN = 30_000;

function abortWatch({ abort }: Experiment): AbortWatch | undefined {
  if (abort === null) return undefined;
  const condition = compileCondition(abort.when);
  if ('error' in condition) throw new FirebreakError('bad-expression', `abort: ${condition.error}`);
  return new AbortWatch(condition, abort.for);
}

function endedEarly(why: EndedBy): Outcome {
  switch (why) {
    case 'halted':
      return outcome('aborted', 'Halted: HALT was called, and every fault was put back.');
    case 'lease-lost':
      return outcome('failed', 'The lease of a fault was lost while it was held; it was put back early.');
    case 'stopped':
      return outcome('aborted', 'Aborted: nothing was injected any more.');
    case 'hold-over':
      return outcome('failed', 'A fault ended before the observation did.');
  }
}

function failure(error: unknown): Outcome {
  if (error instanceof Stop) return error.outcome;
  const hint = error instanceof FirebreakError && error.hint !== '' ? ` ${error.hint}` : '';
  return outcome('failed', `The run failed: ${messageOf(error)}.${hint}`.replace(/\.\./g, '.'));
}

function residue(record: RunRecord): string {
  const left = record.faults.filter(({ reverted }) => !reverted);
  return `Not proven clean: ${left.map(({ policy, target }) => `${policy} on ${target}`).join('; ')}.`;
}

function blankRecord({ run, file, experiment, seed }: RunRequest, deps: RunnerDeps, recorder: Recorder): RunRecord {
  return {
    run,
    name: file.name,
    file: file.file,
    hypothesis: experiment.hypothesis,
    seed,
    blastRadius: experiment.blastRadius,
    startedAt: deps.clock.wall(),
    endedAt: null,
    duration: experiment.duration,
    verdict: null,
    exitCode: null,
    reason: '',
    phases: [],
    steadyState: experiment.steadyState.map(({ name, expect }) => ({ name, expect, describe: '' })),
    abort: experiment.abort === null ? null : { when: experiment.abort.when, forMs: experiment.abort.for },
    breach: null,
    faults: [],
    reverted: true,
    recoveryMs: null,
    guard: assess(file),
    samples: recorder.samples,
    series: recorder.series,
    timeline: recorder.timeline,
    environment: { ...deps.environment },
    source: file.source,
  };
}
