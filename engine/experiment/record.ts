import { type Clock } from '../kernel/clock.ts';
import { formatDuration } from '../kernel/durations.ts';
import { type EngineEvent, type FaultReport, type RunRecord, type Sample, type SeriesPoint } from '../contract/models.ts';
import { PHASE_WORDS } from '../contract/words.ts';

/** Gathers the timeline and the series of one run as its events pass by. */
export class Recorder {
  readonly timeline: RunRecord['timeline'] = [];
  readonly samples: Sample[] = [];
  readonly series: SeriesPoint[] = [];
  readonly #faults = new Map<string, FaultReport>();
  readonly #newest = new Map<string, Sample>();
  #counts: Readonly<Record<string, number>>;
  readonly #faultCounts: () => Readonly<Record<string, number>>;
  readonly #clock: Clock;
  #lastPoint: number;

  /** `faultCounts`: injected faults so far by target, rising only. */
  constructor(clock: Clock, faultCounts: () => Readonly<Record<string, number>>) {
    this.#clock = clock;
    this.#faultCounts = faultCounts;
    this.#counts = faultCounts();
    this.#lastPoint = clock.now();
  }

  sample(sample: Sample): void {
    this.samples.push(sample);
    this.#newest.set(sample.probe, sample);
  }

  /** One point of the charts; call it once a second. */
  point(): void {
    const now = this.#clock.now();
    const seconds = Math.max(now - this.#lastPoint, 1) / 1_000;
    this.#lastPoint = now;
    const counts = this.#faultCounts();
    const faultRate: Record<string, number> = {};
    for (const [target, count] of Object.entries(counts)) {
      faultRate[target] = Math.max(0, count - (this.#counts[target] ?? 0)) / seconds;
    }
    this.#counts = counts;
    const probes: SeriesPoint['probes'] = {};
    for (const [name, { figures }] of this.#newest) {
      probes[name] = {
        successRate: figures['success_rate'] ?? null,
        p50: figures['p50'] ?? null,
        p95: figures['p95'] ?? null,
        p99: figures['p99'] ?? null,
      };
    }
    this.series.push({ at: this.#clock.wall(), probes, faultRate });
  }

  /** The faults of the run as they were last told of: all that is known of those that never came to be held. */
  get faults(): FaultReport[] {
    return [...this.#faults.values()];
  }

  event({ seq, at, body }: EngineEvent): void {
    if (body.kind === 'fault') this.#faults.set(body.fault.id, body.fault);
    const text = lineOf(body);
    if (text !== '') this.timeline.push({ seq, at, kind: body.kind, text });
  }
}

/** One line of the timeline; '' for what would only be noise there. */
function lineOf(body: EngineEvent['body']): string {
  switch (body.kind) {
    case 'run-started':
      return `Run started: ${body.name}`;
    case 'phase':
      return body.edge === 'start' ? `${PHASE_WORDS[body.name]} begins` : '';
    case 'fault':
      return `${body.fault.policy} on ${body.fault.target}: ${body.fault.state}${body.fault.note === '' ? '' : ` (${body.fault.note})`}`;
    case 'breach':
      return `${body.when} was true for ${formatDuration(Math.round(body.heldMs))} on ${body.sample.probe} (sample ${body.sample.seq}): aborting`;
    case 'halt':
      return `HALT by ${body.by}, took ${body.tookMs.toFixed(1)} ms`;
    case 'log':
      return body.text;
    case 'policy':
      return body.text;
    case 'run-ended':
      return `Verdict: ${body.verdict}. ${body.reason}`;
    case 'injected':
    case 'sample':
    case 'report':
      return '';
  }
}
