import { type Clock } from '../kernel/clock.ts';
import { FirebreakError } from '../kernel/errors.ts';
import { millis } from '../kernel/brands.ts';
import { type Probe, type ProbeSpec, type Reading } from '../kernel/probe.ts';
import { type PhaseName, type Sample } from '../contract/models.ts';
import { type SteadyStateCheck } from '../policy/file.ts';
import { compileCondition, type Condition } from '../policy/expression.ts';

/** The newest figures count as a judgement only when they rest on this many polls: fewer prove nothing either way. */
export const ENOUGH_POLLS = 5;

export interface WatchDeps {
  readonly clock: Clock;
  readonly createProbe: (spec: ProbeSpec) => Probe;
  readonly phase: () => PhaseName;
  readonly onSample: (sample: Sample) => void;
  readonly nextSeq: () => number;
}

interface Watched {
  readonly check: SteadyStateCheck;
  readonly expect: Condition;
  readonly probe: Probe;
  newest: Sample | undefined;
  polls: number;
}

/**
 * Polls every check of the steady state at its own fixed rate. A slow answer does not delay the next poll, so an
 * outage is seen at the rate that was asked for. Figures are judged as they come.
 */
export class SteadyStateWatch implements AsyncDisposable {
  readonly #deps: WatchDeps;
  readonly #watched: Watched[];
  readonly #stop = new AbortController();
  readonly #timers = new DisposableStack();
  readonly #inFlight = new Set<Promise<void>>();

  constructor(checks: readonly SteadyStateCheck[], deps: WatchDeps) {
    this.#deps = deps;
    this.#watched = checks.map((check) => {
      const expect = compileCondition(check.expect);
      if ('error' in expect) throw new FirebreakError('bad-expression', `${check.name}: ${expect.error}`);
      return { check, expect, probe: deps.createProbe(check.probe), newest: undefined, polls: 0 };
    });
    for (const watched of this.#watched) {
      this.#poll(watched);
      this.#timers.use(deps.clock.every(watched.check.probe.every, () => this.#poll(watched)));
    }
  }

  /** How long until every probe has been polled often enough to judge, in milliseconds, answers not included. */
  get settleTime(): number {
    return Math.max(0, ...this.#watched.map(({ check }) => check.probe.every * ENOUGH_POLLS + check.probe.timeout));
  }

  /** True once each probe has answered (or failed) often enough for its figures to mean something. */
  get settled(): boolean {
    return this.#watched.every(({ polls }) => polls >= ENOUGH_POLLS);
  }

  /** The newest sample of each probe. */
  get newest(): readonly Sample[] {
    return this.#watched.flatMap(({ newest }) => (newest === undefined ? [] : [newest]));
  }

  /** The first check whose newest figures do not hold: false = broken, null = not measured. Undefined: all hold. */
  get broken(): { readonly check: SteadyStateCheck; readonly sample: Sample | undefined } | undefined {
    const found = this.#watched.find(({ newest }) => newest?.held !== true);
    return found === undefined ? undefined : { check: found.check, sample: found.newest };
  }

  describe(): { name: string; expect: string; describe: string }[] {
    return this.#watched.map(({ check, probe }) => ({ name: check.name, expect: check.expect, describe: probe.describe() }));
  }

  #poll(watched: Watched): void {
    const poll = watched.probe.poll(this.#stop.signal).then((reading) => {
      if (!this.#stop.signal.aborted) this.#take(watched, reading);
    });
    const settled = poll.finally(() => this.#inFlight.delete(settled));
    this.#inFlight.add(settled);
  }

  #take(watched: Watched, reading: Reading): void {
    watched.polls++;
    const sample: Sample = {
      seq: this.#deps.nextSeq(),
      at: this.#deps.clock.wall(),
      probe: watched.check.name,
      phase: this.#deps.phase(),
      ok: reading.ok,
      latency: reading.latency,
      error: reading.error,
      figures: reading.figures,
      held: watched.expect.evaluate(reading.figures),
    };
    watched.newest = sample;
    this.#deps.onSample(sample);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timers.dispose();
    this.#stop.abort();
    await Promise.allSettled(this.#inFlight);
    await Promise.allSettled(this.#watched.map(({ probe }) => probe[Symbol.asyncDispose]()));
  }
}

/** Checks for the time after the revert: the same, over a window of just enough polls, so that it forgets the fault. */
export function recoveryChecks(checks: readonly SteadyStateCheck[]): SteadyStateCheck[] {
  return checks.map((check) => {
    const window = millis(Math.max(check.probe.every * ENOUGH_POLLS, 1_000));
    return { ...check, probe: { ...check.probe, window } };
  });
}
