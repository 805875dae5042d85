import {
  type EngineEvent,
  type FaultReport,
  type Phase,
  type RunRecord,
  type Sample,
  type SeriesPoint,
  type TimelineEntry,
} from '../../engine/contract/models.ts';
import { PHASE_WORDS } from '../../engine/contract/words.ts';

/** What a run looks like, whether it is under way or long over. */
export interface RunStory {
  readonly run: string;
  readonly name: string;
  readonly hypothesis: string;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly verdict: RunRecord['verdict'];
  readonly reason: string;
  readonly phases: readonly Phase[];
  /** When the phase under way ends at the latest; null when that is not known. */
  readonly phaseEndsAt: number | null;
  readonly checks: readonly { readonly name: string; readonly expect: string }[];
  readonly abort: RunRecord['abort'];
  readonly breach: Sample | null;
  readonly faults: readonly FaultReport[];
  readonly reverted: boolean;
  readonly recoveryMs: number | null;
  readonly series: readonly SeriesPoint[];
  readonly timeline: readonly TimelineEntry[];
  /** The newest poll of each probe. */
  readonly newest: Readonly<Record<string, Sample>>;
}

/** A finished run from history. */
export function storyOf(record: RunRecord): RunStory {
  const { steadyState, samples, ...rest } = record;
  const newest = Object.fromEntries(samples.map((sample) => [sample.probe, sample]));
  return { ...rest, checks: steadyState, newest, phaseEndsAt: null };
}

/** The longest series that is kept of a run under way: four hours of seconds. */
const LONGEST = 14_400;

/** Adds one event to the story of its run; a `run-started` begins one. Pure; returns what was given for an event of no consequence. */
export function fold(story: RunStory | undefined, event: EngineEvent): RunStory | undefined {
  const { body, at, run } = event;
  if (body.kind === 'run-started') return begin(event, body);
  if (story === undefined || run !== story.run) return story;
  const told = (text: string): readonly TimelineEntry[] => [
    ...story.timeline,
    { seq: event.seq, at, kind: body.kind, text },
  ];
  switch (body.kind) {
    case 'phase': {
      if (body.edge === 'end')
        return {
          ...story,
          phases: story.phases.map((phase) =>
            phase.name === body.name && phase.end === null ? { ...phase, end: at } : phase,
          ),
          phaseEndsAt: null,
        };
      return {
        ...story,
        phases: [...story.phases, { name: body.name, start: at, end: null }],
        phaseEndsAt: body.until,
        timeline: told(`${PHASE_WORDS[body.name]} begins`),
      };
    }
    case 'sample':
      return {
        ...story,
        newest: { ...story.newest, [body.sample.probe]: body.sample },
        series: withSample(story.series, body.sample),
      };
    case 'fault': {
      const { fault } = body;
      const before = story.faults.find(({ id }) => id === fault.id);
      const faults =
        before === undefined
          ? [...story.faults, fault]
          : story.faults.map((one) => (one.id === fault.id ? fault : one));
      return before?.state === fault.state
        ? { ...story, faults }
        : { ...story, faults, timeline: told(`${fault.policy}: ${fault.state} (${fault.target})`) };
    }
    case 'breach':
      return { ...story, breach: body.sample, timeline: told(`the abort condition held: ${body.when}`) };
    case 'halt':
      return { ...story, timeline: told(`HALT by ${body.by}`) };
    case 'policy':
      return { ...story, timeline: told(body.text) };
    case 'run-ended':
      return {
        ...story,
        endedAt: at,
        verdict: body.verdict,
        reason: body.reason,
        reverted: body.reverted,
        phaseEndsAt: null,
        timeline: told(`ended: ${body.verdict}`),
      };
    default:
      return story;
  }
}

/**
 * The story of a run whose engine ended before it did: no event will tell its end, and no verdict was given.
 * @param open ids of the undo records that are not closed; undefined when the journal cannot tell: then nothing is proven.
 */
export function cutOff(story: RunStory, open: ReadonlySet<string> | undefined): RunStory {
  const faults = story.faults.map((fault): FaultReport => {
    const reverted = fault.reverted || (open !== undefined && !open.has(fault.id));
    return { ...fault, state: reverted ? 'clean' : 'unconfirmed', reverted, leaseUntil: null };
  });
  const endedAt = Math.max(story.timeline.at(-1)?.at ?? story.startedAt, story.series.at(-1)?.at ?? 0);
  return {
    ...story,
    faults,
    endedAt,
    phases: story.phases.map((phase) => ({ ...phase, end: phase.end ?? endedAt })),
    phaseEndsAt: null,
    reason: 'The engine ended before the run did, so there is no verdict.',
    reverted: faults.every(({ reverted }) => reverted),
  };
}

function begin({ run, at, seq }: EngineEvent, body: Extract<EngineEvent['body'], { kind: 'run-started' }>): RunStory {
  return {
    run,
    name: body.name,
    hypothesis: body.hypothesis,
    startedAt: at,
    endedAt: null,
    verdict: null,
    reason: '',
    phases: [],
    phaseEndsAt: null,
    checks: body.checks ?? [],
    abort: body.abort ?? null,
    breach: null,
    faults: [],
    reverted: false,
    recoveryMs: null,
    series: [],
    timeline: [{ seq, at, kind: body.kind, text: 'the run begins' }],
    newest: {},
  };
}

/** One point a second, as the record will have it; later polls of the same second replace earlier ones. */
function withSample(series: readonly SeriesPoint[], sample: Sample): readonly SeriesPoint[] {
  const { figures, probe, at } = sample;
  const figure = (name: string): number | null => figures[name] ?? null;
  const own = {
    [probe]: { successRate: figure('success_rate'), p50: figure('p50'), p95: figure('p95'), p99: figure('p99') },
  };
  const second = Math.floor(at / 1_000) * 1_000;
  const last = series.at(-1);
  if (last !== undefined && last.at >= second)
    return [...series.slice(0, -1), { ...last, probes: { ...last.probes, ...own } }];
  return [...series.slice(-LONGEST), { at: second, probes: { ...last?.probes, ...own }, faultRate: {} }];
}

/** What a simple abort condition compares: `success_rate < 0.95`. Undefined for anything longer. */
export function limitOf(
  expression: string,
): { readonly figure: string; readonly operator: '<' | '<=' | '>' | '>='; readonly limit: number } | undefined {
  const match = /^\s*([a-z][a-z0-9_]*)\s*(<=|>=|<|>)\s*([0-9]+(?:\.[0-9]+)?)\s*$/.exec(expression);
  if (match === null) return undefined;
  return { figure: match[1] as string, operator: match[2] as '<' | '<=' | '>' | '>=', limit: Number(match[3]) };
}
