import { type RunRecord, type SeriesPoint } from '../contract/models.ts';
import { fault, heldRecord } from './fixtures.ts';

/** Run records at the edges: residue, nothing at all, and too much of everything. */

export const residueRecord = (): RunRecord =>
  heldRecord({
    verdict: 'failed',
    exitCode: 6,
    reverted: false,
    reason: 'A process could not be continued: it no longer exists.',
    faults: [
      fault(),
      fault({
        policy: 'freeze-worker',
        type: 'process',
        target: 'process 4711 (worker)',
        state: 'unconfirmed',
        reverted: false,
        revertedAt: null,
        explain: 'Process 4711 is stopped.',
        inverse: 'send SIGCONT to process 4711',
        before: 'state S',
        after: null,
        effect: {
          bitten: true,
          detail: '',
          figures: [{ name: 'processes', unit: 'count', requested: 1, delivered: 1, samples: 1 }],
        },
        note: 'Its state could not be read.',
      }),
    ],
  });

/** Nothing was ever measured, injected or recorded. */
export const emptyRecord = (): RunRecord =>
  heldRecord({
    name: '',
    hypothesis: '',
    reason: '',
    verdict: null,
    exitCode: null,
    endedAt: null,
    phases: [],
    steadyState: [],
    abort: null,
    faults: [],
    samples: [],
    series: [],
    timeline: [],
    environment: {},
    source: '',
    recoveryMs: null,
    guard: { score: 0, level: 'SAFE', survival: 1, issues: [] },
  });

/** Everything too long, too many and in every script. */
export function extremeRecord(): RunRecord {
  const long = 'a-name-without-any-end/'.repeat(40);
  const names = Array.from({ length: 9 }, (_, index) => `probe-${index}-${long}`);
  const record = heldRecord();
  return {
    ...record,
    name: `Überraschung → 支払い遅延 Проверка ${long}`,
    hypothesis: `Latency ≥ 500 ms is “fine” – naïve façade, 漢字 and emoji 👩‍👩‍👧 too. ${'It goes on and on and on. '.repeat(60)}`,
    reason: `${'Because '.repeat(300)}of the ﬁnal “ligature” and\u202e direction.`,
    steadyState: names.map((name) => ({
      name,
      expect: `success_rate >= 0.99 && ${long}`,
      describe: `GET http://${long}`,
    })),
    samples: record.samples.flatMap((each) => names.map((probe) => ({ ...each, probe, error: long }))),
    series: record.series.map(({ at, probes }, index) => ({
      at,
      probes: Object.fromEntries(
        names.map((name) => [name, { ...(probes['checkout'] as SeriesPoint['probes'][string]) }]),
      ),
      faultRate: Object.fromEntries(names.map((name, each) => [`target ${name}`, (index % 7) * each])),
    })),
    faults: Array.from({ length: 14 }, (_, index) =>
      fault({
        policy: `${index}-${long}`,
        target: long,
        explain: long.repeat(3),
        before: long.repeat(6),
        after: long.repeat(6),
        note: long,
      }),
    ),
    timeline: Array.from({ length: 500 }, (_, index) => ({
      seq: index + 1,
      at: record.startedAt + index * 100,
      kind: index % 50 === 0 ? `kind-${long}` : 'log',
      text: index % 9 === 0 ? `${index} ${long}` : `event ${index}`,
    })),
    environment: { ...record.environment, [long]: long },
    guard: {
      score: 99,
      level: 'CRITICAL',
      survival: 0.004,
      issues: [{ policy: long, remark: long.slice(0, 60), message: long }],
    },
    source: Array.from(
      { length: 400 },
      (_, index) => `${' '.repeat(index % 12)}line ${index}: ${index % 40 === 0 ? long : 'text'}`,
    ).join('\n'),
  };
}
