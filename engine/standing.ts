import { type EngineApi } from './contract/api.ts';
import { type StandingReading } from './contract/models.ts';
import { type StandingProbe, type WrittenProbe } from './contract/room.ts';
import { type Clock } from './kernel/clock.ts';
import { EXIT, FirebreakError, type Issue, messageOf } from './kernel/errors.ts';
import { type Probe, type ProbeSpec, type Reading, writeProbeSpec } from './kernel/probe.ts';
import { compileCondition, type Condition } from './policy/expression.ts';
import { type StandingFile } from './store/standing.ts';

/** What the room asks about standing probes. */
export type StandingHandlers = {
  readonly queries: Pick<EngineApi['queries'], 'probes'>;
  readonly commands: Pick<EngineApi['commands'], 'startProbe' | 'stopProbe'>;
};

export interface StandingParts {
  readonly clock: Clock;
  readonly file: StandingFile;
  /** Makes a probe whose route may open and close at any time. Throws FirebreakError for a bad URL. */
  readonly createProbe: (spec: ProbeSpec) => Probe;
  /** True for an engine that only looks: it runs none. */
  readonly observer: boolean;
  /** Hears, in sentences for the log, what does not run and why. */
  readonly notice: (text: string) => void;
}

/** Enough for every service of a game day; each costs a timer and its polls. */
export const MOST_STANDING = 64;
/**
 * A slow answer does not delay the next poll, but no more than this many polls of one probe wait at once: a service that
 * hangs must not be buried under 600 s of polls every 50 ms. A poll that is left out counts for nothing.
 */
const MOST_AT_ONCE = 16;
/** How often an engine looks whether another one has stopped running the probes, milliseconds. */
const TAKE_OVER_MS = 5_000;

/**
 * Probes that run as long as the engine does, kept across restarts. Of the engines that share a state directory one
 * runs them; when it ends, another takes over.
 */
export class StandingProbes implements AsyncDisposable {
  readonly #parts: StandingParts;
  readonly #running = new Map<string, Running>();
  readonly #ending = new Set<Promise<void>>();
  #place: Disposable | undefined;
  #waiting: Disposable | undefined;
  #seq = 0;
  #disposed = false;

  /** Starts what was kept. Never throws: what cannot be started is told to `notice`. */
  constructor(parts: StandingParts) {
    this.#parts = parts;
    if (parts.observer || (parts.file.exists && this.#takePlace(parts.notice))) return;
    // Told once, not every five seconds.
    this.#waiting = parts.clock.every(TAKE_OVER_MS, () => void (parts.file.exists && this.#takePlace(() => {})));
  }

  readonly handlers: StandingHandlers = {
    queries: { probes: async () => this.list() },
    commands: {
      startProbe: async (probe) => {
        this.start(probe);
        return {};
      },
      stopProbe: async ({ name }) => ({ stopped: await this.stop(name) }),
    },
  };

  /** In the order in which they were added. */
  list(): WrittenProbe[] {
    return [...this.#running.values()].map(({ written }) => written);
  }

  /** The newest figures of each. */
  readings(): StandingReading[] {
    return [...this.#running.values()].map((running) => running.reading());
  }

  /**
   * Starts a probe; the one of the same name goes on until this one is kept and takes its place. Throws FirebreakError
   * `bad-probe` with issues, `too-many-probes`, `probes-elsewhere` or `state-unwritable`; nothing has changed then.
   */
  start(asked: StandingProbe): void {
    this.#mustHavePlace();
    if (!this.#running.has(asked.name) && this.#running.size >= MOST_STANDING) {
      throw new FirebreakError('too-many-probes', `${MOST_STANDING} standing probes run already, and more are not taken.`, {
        hint: 'Stop one that nobody looks at.',
        exitCode: EXIT.usage,
      });
    }
    const next = this.#make(asked);
    const before = this.#running.get(asked.name);
    const list = new Map(this.#running).set(asked.name, next);
    try {
      this.#parts.file.write([...list.values()].map(({ written }) => written));
    } catch (error) {
      this.#end(next);
      throw error;
    }
    this.#running.set(asked.name, next);
    if (before !== undefined) this.#end(before);
    next.begin();
  }

  /** Ends a probe and forgets it; false when there is none of that name. Throws as `start` does. */
  async stop(name: string): Promise<boolean> {
    const found = this.#running.get(name);
    if (found === undefined) return false;
    this.#parts.file.write(this.list().filter((probe) => probe.name !== name));
    this.#running.delete(name);
    await this.#end(found);
    return true;
  }

  /** True once this engine runs the probes. */
  #takePlace(notice: (text: string) => void): boolean {
    if (this.#disposed || this.#place !== undefined) return true;
    try {
      this.#place = this.#parts.file.lock();
    } catch (error) {
      notice(`Standing probes do not run: ${messageOf(error)}`);
    }
    if (this.#place === undefined) return false;
    this.#waiting?.[Symbol.dispose]();
    for (const kept of this.#parts.file.read().slice(0, MOST_STANDING)) this.#resume(kept);
    return true;
  }

  #resume(kept: StandingProbe): void {
    try {
      const running = this.#make(kept);
      this.#running.set(kept.name, running);
      running.begin();
    } catch (error) {
      this.#parts.notice(`The standing probe ${kept.name} does not run: ${messageOf(error)}`);
    }
  }

  #mustHavePlace(): void {
    if (this.#disposed) throw new FirebreakError('engine-ended', 'This engine is ending.');
    if (!this.#parts.observer && this.#takePlace(this.#parts.notice)) return;
    throw new FirebreakError('probes-elsewhere', 'The standing probes of this state directory do not run in this engine.', {
      hint: this.#parts.observer
        ? 'It only looks; start the probe in the engine that keeps running.'
        : 'Another Firebreak process runs them; start the probe there, or end that process.',
      exitCode: EXIT.usage,
    });
  }

  #make(asked: StandingProbe): Running {
    const condition = conditionOf(asked);
    try {
      const probe = this.#parts.createProbe(asked.probe);
      return new Running(asked, probe, condition, this.#parts.clock, () => ++this.#seq);
    } catch (error) {
      const hint = error instanceof FirebreakError ? error.hint : '';
      throw badProbe(asked.name, { path: 'probe.url', message: messageOf(error), hint }, error);
    }
  }

  #end(running: Running): Promise<void> {
    const ended = running[Symbol.asyncDispose]().finally(() => this.#ending.delete(ended));
    this.#ending.add(ended);
    return ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    this.#waiting?.[Symbol.dispose]();
    for (const running of this.#running.values()) void this.#end(running);
    await Promise.allSettled(this.#ending);
    this.#place?.[Symbol.dispose]();
  }
}

/** One probe in motion, at its own fixed rate. */
class Running implements AsyncDisposable {
  readonly written: WrittenProbe;
  readonly #asked: StandingProbe;
  readonly #probe: Probe;
  readonly #condition: Condition | undefined;
  readonly #clock: Clock;
  readonly #nextSeq: () => number;
  readonly #stop = new AbortController();
  readonly #inFlight = new Set<Promise<void>>();
  #timer: Disposable | undefined;
  #sample: StandingReading['sample'] = null;
  #tally: Reading['tally'];

  constructor(asked: StandingProbe, probe: Probe, condition: Condition | undefined, clock: Clock, nextSeq: () => number) {
    this.written = { ...asked, probe: writeProbeSpec(asked.probe) };
    this.#asked = asked;
    this.#probe = probe;
    this.#condition = condition;
    this.#clock = clock;
    this.#nextSeq = nextSeq;
  }

  begin(): void {
    this.#poll();
    this.#timer = this.#clock.every(this.#asked.probe.every, () => this.#poll());
  }

  reading(): StandingReading {
    const { name, expect, probe } = this.#asked;
    return {
      name,
      describe: this.#probe.describe(),
      expect,
      apdexT: probe.type === 'http' ? probe.apdex_t : null,
      ...(this.#tally ?? { satisfied: 0, tolerating: 0, frustrated: 0 }),
      sample: this.#sample,
    };
  }

  #poll(): void {
    if (this.#inFlight.size >= MOST_AT_ONCE) return;
    const poll = this.#probe.poll(this.#stop.signal).then((reading) => {
      if (!this.#stop.signal.aborted) this.#take(reading);
    });
    const settled = poll.finally(() => this.#inFlight.delete(settled));
    this.#inFlight.add(settled);
  }

  #take({ at, ok, latency, error, figures, tally }: Reading): void {
    const held = this.#condition?.evaluate(figures) ?? null;
    this.#sample = { seq: this.#nextSeq(), at, probe: this.#asked.name, ok, latency, error, figures, held };
    this.#tally = tally;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    this.#stop.abort();
    await Promise.allSettled(this.#inFlight);
    await this.#probe[Symbol.asyncDispose]();
  }
}

function conditionOf({ name, expect }: StandingProbe): Condition | undefined {
  if (expect.trim() === '') return undefined;
  const condition = compileCondition(expect);
  if (!('error' in condition)) return condition;
  const before = expect.slice(0, condition.offset).split('\n');
  const place = { file: 'expect', line: before.length, column: (before.at(-1) ?? '').length + 1 };
  throw badProbe(name, { place, path: 'expect', message: condition.error, hint: condition.hint });
}

function badProbe(name: string, issue: Issue, cause?: unknown): FirebreakError {
  const where = issue.place === undefined ? issue.path : `${issue.path}, line ${issue.place.line}, column ${issue.place.column}`;
  return new FirebreakError('bad-probe', `The probe ${name} is not started: ${where}: ${issue.message}.`, {
    hint: issue.hint,
    issues: [issue],
    exitCode: EXIT.usage,
    cause,
  });
}
