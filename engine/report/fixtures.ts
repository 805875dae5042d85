import {
  type FaultReport,
  type Phase,
  type PhaseName,
  type RunRecord,
  type Sample,
  type SeriesPoint,
} from '../contract/models.ts';

/** Run records for the tests of the reports: one of each end that a run can have. */

const START = Date.UTC(2026, 10, 21, 14, 2, 57);
const INJECTED = START + 15_200;
const REVERTED = START + 55_400;
const LENGTHS: readonly (readonly [PhaseName, number])[] = [
  ['steady-state', 3],
  ['baseline', 12],
  ['inject', 2],
  ['observe', 38],
  ['revert', 1],
  ['recovery', 9],
  ['analysis', 1],
];

interface Shape {
  /** What the probe sees at a second of a phase: success rate 0-1 and p50 in milliseconds. */
  readonly under: (phase: PhaseName, second: number) => { readonly rate: number; readonly p50: number };
  readonly phases?: readonly PhaseName[];
}

function course({ under, phases: wanted }: Shape): {
  phases: Phase[];
  samples: Sample[];
  series: SeriesPoint[];
  end: number;
} {
  const phases: Phase[] = [];
  const samples: Sample[] = [];
  const series: SeriesPoint[] = [];
  let at = START;
  for (const [name, seconds] of LENGTHS) {
    if (wanted !== undefined && !wanted.includes(name)) continue;
    phases.push({ name, start: at, end: at + seconds * 1_000 });
    for (let second = 0; second < seconds; second++, at += 1_000) {
      const { rate, p50 } = under(name, second);
      const wave = 1 + 0.12 * Math.sin(samples.length / 2.3);
      const figures = { success_rate: rate, p50: p50 * wave, p95: p50 * wave * 1.6 + 4, p99: p50 * wave * 2.1 + 9 };
      const ok = ((samples.length * 7) % 10) / 10 < rate;
      const error = ok ? '' : 'status 503';
      samples.push({
        seq: 10 + samples.length,
        at,
        probe: 'checkout',
        phase: name,
        ok,
        latency: figures.p95,
        error,
        figures: { ...figures, availability: rate, throughput: 2, apdex: rate, samples: 20, value: null },
        held: rate >= 0.99,
      });
      // A point speaks of the second before it.
      const biting = at > INJECTED && at - 1_000 < REVERTED;
      series.push({
        at,
        probes: { checkout: { successRate: rate, p50: figures.p50, p95: figures.p95, p99: figures.p99 } },
        faultRate: biting ? { 'route payments /charge*': 9 + Math.sin(second) * 2 } : { 'route payments /charge*': 0 },
      });
    }
  }
  return { phases, samples, series, end: at };
}

export const fault = (over: Partial<FaultReport> = {}): FaultReport => ({
  id: 'f-0123456789ab',
  policy: 'slow-payments',
  type: 'http',
  target: 'route payments /charge*',
  explain: 'Each request to /charge* on route payments waits 500 ms before it goes on.',
  action: 'add the policy slow-payments to the wire',
  inverse: 'remove the policy slow-payments from the wire',
  reversible: true,
  state: 'clean',
  injectedAt: INJECTED,
  revertedAt: REVERTED,
  leaseUntil: null,
  effect: {
    bitten: true,
    detail: '396 requests matched.',
    figures: [
      { name: 'latency', unit: 'ms', requested: 500, delivered: 500.31, samples: 396 },
      { name: 'latency chance', unit: 'ratio', requested: 1, delivered: 1, samples: 396 },
    ],
  },
  before: '{"halted":false,"policies":[],"routes":["payments 127.0.0.1:7101 -> 127.0.0.1:7201"]}',
  after: '{"halted":false,"policies":[],"routes":["payments 127.0.0.1:7101 -> 127.0.0.1:7201"]}',
  reverted: true,
  note: '',
  ...over,
});

const SOURCE = `version: 1
name: checkout-survives-slow-payments
seed: 42
routes:
  - { name: payments, protocol: http, listen: "127.0.0.1:7101", upstream: "127.0.0.1:7201" }
policies:
  - { name: slow-payments, type: http, target: /charge*, latency_chance: 1, latency_duration: 500ms }
experiment:
  hypothesis: Checkout keeps 95 % success while payments answer 500 ms late.
  blast_radius: 2
  duration: 40s
  steady_state:
    - name: checkout
      probe: { type: http, url: "http://127.0.0.1:7000/checkout", every: 500ms, timeout: 2s }
      expect: success_rate >= 0.99 && p99 < 1500
  abort: { when: success_rate < 0.95, for: 3s }
`;

const timelineOf = (phases: readonly Phase[]): RunRecord['timeline'] =>
  phases.map(({ name, start }, index) => ({ seq: index + 1, at: start, kind: 'phase', text: `${name} begins` }));

/** A run whose hypothesis held, with anything else that a test wants. */
export function heldRecord(over: Partial<RunRecord> = {}): RunRecord {
  const { phases, samples, series, end } = course({
    under: (name) => ({ rate: 1, p50: name === 'observe' || name === 'inject' ? 540 : 38 }),
  });
  return {
    run: 'r-7k2m9q4x0abc',
    name: 'checkout-survives-slow-payments',
    file: 'assets/experiments/slow-payments.yaml',
    hypothesis: 'Checkout keeps 95 % success while payments answer 500 ms late.',
    seed: 42,
    blastRadius: 2,
    startedAt: START,
    endedAt: end,
    duration: 40_000,
    verdict: 'held',
    exitCode: 0,
    reason: 'The steady state held under fault: checkout kept success_rate >= 0.99 && p99 < 1500.',
    phases,
    steadyState: [
      {
        name: 'checkout',
        expect: 'success_rate >= 0.99 && p99 < 1500',
        describe: 'GET http://127.0.0.1:7000/checkout',
      },
    ],
    abort: { when: 'success_rate < 0.95', forMs: 3_000 },
    breach: null,
    faults: [fault()],
    reverted: true,
    recoveryMs: 1_240,
    guard: {
      score: 12,
      level: 'SAFE',
      survival: 0.88,
      issues: [
        {
          policy: 'slow-payments',
          remark: 'long-latency',
          message: 'Half a second on each call may use up the time-outs of its callers.',
        },
      ],
    },
    samples,
    series,
    timeline: timelineOf(phases),
    environment: {
      Host: 'orion',
      Platform: 'linux x64',
      Kernel: '6.1.0',
      CPU: '2 x Example CPU',
      Memory: '8 GB',
      Node: 'v24.21.0',
      Firebreak: '0.1.0',
    },
    source: SOURCE,
    ...over,
  };
}

/** Auto-aborted: 70 % errors, and the sample that broke it. */
export function abortedRecord(): RunRecord {
  const { phases, samples, series, end } = course({
    under: (name, second) => ({
      rate: name === 'observe' || name === 'inject' ? Math.max(0.31, 1 - second * 0.12) : 1,
      p50: 42,
    }),
  });
  const breach = samples.find(({ figures }) => (figures['success_rate'] ?? 1) < 0.4) ?? null;
  const outage = fault({
    policy: 'payments-outage',
    explain: '70 % of the requests to /charge* on route payments are answered 503.',
    effect: {
      bitten: true,
      detail: '',
      figures: [{ name: 'error rate', unit: 'ratio', requested: 0.7, delivered: 0.6931, samples: 202 }],
    },
  });
  return heldRecord({
    name: 'payments-outage',
    verdict: 'aborted',
    exitCode: 3,
    endedAt: end,
    phases,
    samples,
    series,
    breach,
    faults: [outage],
    hypothesis: 'Checkout keeps 95 % success while payments fail 70 % of the time.',
    reason: 'The abort condition success_rate < 0.95 was true for 3 s on checkout; everything was reverted.',
  });
}

export const inconclusiveRecord = (): RunRecord =>
  heldRecord({
    name: 'wrong-port',
    verdict: 'inconclusive',
    exitCode: 4,
    recoveryMs: null,
    reason: 'slow-payments had no measured effect (no request came by), so the run proves nothing.',
    faults: [
      fault({
        effect: {
          bitten: false,
          detail: 'No request came by.',
          figures: [{ name: 'latency', unit: 'ms', requested: 500, delivered: null, samples: 0 }],
        },
      }),
    ],
    series: heldRecord().series.map((point) => ({ ...point, faultRate: {} })),
  });

/** The steady state did not hold beforehand: nothing was injected. */
export function unsteadyRecord(): RunRecord {
  const { phases, samples, series, end } = course({
    under: () => ({ rate: 0.8, p50: 60 }),
    phases: ['steady-state', 'analysis'],
  });
  return heldRecord({
    verdict: 'refuted',
    exitCode: 1,
    recoveryMs: null,
    faults: [],
    phases,
    samples,
    series,
    endedAt: end,
    timeline: timelineOf(phases),
    breach: samples[2] ?? null,
    reason: 'The steady state did not hold beforehand: checkout had success_rate 0.8. Nothing was injected.',
    guard: { score: 0, level: 'SAFE', survival: 1, issues: [] },
  });
}
