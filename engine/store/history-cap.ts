import { type RunRecord, type Sample } from '../contract/models.ts';

/** Five and a half hours of a poll or a chart point a second; thinned beyond. About 5 MB as JSON. */
export const MOST_SAMPLES = 20_000;
export const MOST_POINTS = 20_000;
/** The first and the last events tell how a run began and ended. */
export const MOST_EVENTS = 20_000;

/**
 * A record no larger than history should keep. Samples and points are thinned evenly, so that shares and charts stay
 * true; the breach and every sample at which success or the steady state changed are kept. The record says what was left out.
 */
export function capRecord(record: RunRecord): RunRecord {
  const samples = thinned(record.samples, MOST_SAMPLES, turningPoints(record));
  const series = thinned(record.series, MOST_POINTS, new Set());
  const { timeline: events } = record;
  const timeline =
    events.length <= MOST_EVENTS ? events : [...events.slice(0, MOST_EVENTS / 2), ...events.slice(-MOST_EVENTS / 2)];
  const left: Record<string, string> = {};
  if (samples.length < record.samples.length) left['Samples kept'] = `${samples.length} of ${record.samples.length}`;
  if (series.length < record.series.length) left['Chart points kept'] = `${series.length} of ${record.series.length}`;
  if (timeline.length < events.length)
    left['Events kept'] = `${timeline.length} of ${events.length}, the first and the last`;
  return { ...record, samples, series, timeline, environment: { ...record.environment, ...left } };
}

/** At most half of what may be kept, lest a flapping probe leave nothing of the even course. */
function turningPoints({ samples, breach }: RunRecord): ReadonlySet<Sample> {
  const kept = new Set<Sample>();
  const previous = new Map<string, Sample>();
  for (const sample of samples) {
    const before = previous.get(sample.probe);
    previous.set(sample.probe, sample);
    const turned =
      before === undefined || before.ok !== sample.ok || before.held !== sample.held || before.phase !== sample.phase;
    if (sample.seq === breach?.seq || (turned && kept.size < MOST_SAMPLES / 2)) kept.add(sample);
  }
  return kept;
}

function thinned<T>(items: readonly T[], most: number, always: ReadonlySet<T>): T[] {
  if (items.length <= most) return [...items];
  const stride = items.length / (most - always.size);
  let next = 0;
  const kept = items.filter((item, index) => {
    const due = index >= next;
    if (due) next += stride;
    return due || always.has(item);
  });
  return kept.slice(0, most);
}
