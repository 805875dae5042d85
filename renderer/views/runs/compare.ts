import { type RunRecord } from '../../../engine/contract/models.ts';

/** One figure of two runs; `figure` names its unit: `ms`, or a probe's figure. */
export interface Comparison {
  readonly name: string;
  readonly figure: string;
  readonly a: number | null;
  readonly b: number | null;
}

/** What two runs have in common to be compared: lengths, recovery, guard, and each probe's mean while under fault. */
export function compare(a: RunRecord, b: RunRecord): readonly Comparison[] {
  const both = (name: string, figure: string, of: (record: RunRecord) => number | null): Comparison => ({
    name,
    figure,
    a: of(a),
    b: of(b),
  });
  const probes = [...new Set([a, b].flatMap(({ samples }) => samples.map(({ probe }) => probe)))];
  return [
    both('Lasted', 'ms', ({ startedAt, endedAt }) => (endedAt === null ? null : endedAt - startedAt)),
    both('Recovered after', 'ms', ({ recoveryMs }) => recoveryMs),
    both('Guard score', 'count', ({ guard }) => guard.score),
    both('Seed', 'count', ({ seed }) => seed),
    ...probes.flatMap((probe) =>
      ['success_rate', 'p50', 'p95', 'p99', 'apdex'].map((figure) =>
        both(`${probe} ${figure}, under fault`, figure, (record) => meanUnderFault(record, probe, figure)),
      ),
    ),
  ].filter(({ a: first, b: second }) => first !== null || second !== null);
}

/** The mean of a figure over the polls of the observation; null when there were none. */
function meanUnderFault({ samples }: RunRecord, probe: string, figure: string): number | null {
  const values = samples
    .filter((sample) => sample.probe === probe && sample.phase === 'observe')
    .map(({ figures }) => figures[figure] ?? null);
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}
