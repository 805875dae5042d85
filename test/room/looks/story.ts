import { type EngineEvent, type FaultReport, type Frame, type Impact, type PhaseName, type RunRecord, type RunSummary, type Sample } from '../../../engine/contract/models.ts';
import { type Topology, type TrafficBatch } from '../../../engine/contract/room.ts';

/** A game day that is always the same: nothing in it depends on this machine or on the time of day. */

/** When the story stands still, wall-clock ms. */
export const NOW = Date.UTC(2026, 2, 12, 14, 3, 20);
const ago = (seconds: number): number => NOW - seconds * 1_000;
export const RUN = 'r-4k7d2m9qx1ab';

const NAMES = ['storefront', 'orders', 'payments', 'ledger'] as const;
export const ROUTES = NAMES.map((name, index) => ({ name, protocol: 'http' as const, listen: `127.0.0.1:${7100 + index}`, upstream: `127.0.0.1:${7200 + index}` }));

export const TOPOLOGY: Topology = {
  at: NOW,
  nodes: [
    ...NAMES.map((name, index) => ({ id: `s${index}`, name, kind: 'service' as const, address: `127.0.0.1:${7200 + index}`, pid: 4100 + index, up: true })),
    { id: 'load', name: 'load', kind: 'client', address: '', pid: 4110, up: true },
  ],
  edges: NAMES.map((route, index) => ({ from: index === 0 ? 'load' : `s${index - 1}`, to: `s${index}`, route, protocol: 'http' as const, connections: 12 - index })),
  limits: '',
};

/** The faults began so long before the story stands still, seconds. */
const SLOW_SINCE = 60;
const FLAKY_SINCE = 30;

const wireFault = (id: string, policy: string, target: string, explain: string, since: number): FaultReport => ({
  id, policy, type: 'http', target, explain,
  action: `Add the policy to the wire on ${target}.`,
  inverse: 'Remove the policy from the wire; requests it holds back go on at once.',
  reversible: true, state: 'active', injectedAt: ago(since), revertedAt: null, leaseUntil: NOW + 8_000, endsAt: NOW + 540_000,
  effect: { bitten: true, detail: '', figures: [] },
  before: `wire policy ${id}: absent`, after: null, reverted: false, note: '',
});
export const SLOW: FaultReport = {
  ...wireFault('f-slow', 'slow-payments', 'route payments /charge*', 'Every request to /charge* waits 500ms before it goes on.', SLOW_SINCE),
  effect: { bitten: true, detail: '1,214 delayed by 503.2 ms on average', figures: [{ name: 'latency', unit: 'ms', requested: 500, delivered: 503.2, samples: 1_214 }] },
};
export const FLAKY: FaultReport = {
  ...wireFault('f-flaky', 'flaky-ledger', 'route ledger /entries', 'One request in ten to /entries is answered with 503.', FLAKY_SINCE),
  effect: { bitten: true, detail: '61 of 598 refused', figures: [{ name: 'error rate', unit: 'ratio', requested: 0.1, delivered: 0.102, samples: 598 }] },
};

const ENDED = { state: 'clean', injectedAt: ago(900), revertedAt: ago(300), leaseUntil: null, endsAt: null, after: 'wire policy f-slow: absent', reverted: true } as const;

const figures = (success: number, p50: number, p95: number, samples: number): Sample['figures'] => ({
  success_rate: success, availability: success, throughput: 4.9, p50, p95, p99: p95 * 1.08, apdex: 0.82, apdex_ema: 0.794, value: null, samples,
});
/** What checkout looks like so many seconds before the story stands still. */
function poll(t: number): Sample {
  const late = t > -SLOW_SINCE;
  const wave = Math.sin(t / 3);
  return {
    seq: 200 + t, at: NOW + t * 1_000, probe: 'checkout', phase: late ? 'observe' : 'baseline', ok: true, latency: late ? 528 : 14, error: '',
    figures: figures(t > -FLAKY_SINCE ? 0.978 + 0.006 * wave : 1, late ? 521 + 6 * wave : 14 + 2 * wave, late ? 612 + 40 * wave : 31 + 6 * wave, 50), held: true,
  };
}

const since = (t: number, start: number): number => Math.max(0, t + start);
function impactAt(t: number, active: boolean): Impact[] {
  const row = (target: string, policy: string, on: boolean, hits: Partial<Impact>): Impact => ({ target, policy, type: 'http', active: on && active, matched: 0, errors: 0, latencies: 0, drops: 0, throttled: 0, others: 0, ...hits });
  const slow = Math.floor(since(t, SLOW_SINCE) * 20 + 12 * Math.sin(t / 7) * Math.min(1, since(t, SLOW_SINCE)));
  const flaky = Math.floor(since(t, FLAKY_SINCE) * 2.03);
  return [
    ...(slow > 0 ? [row(SLOW.target, SLOW.policy, true, { matched: slow, latencies: slow })] : []),
    ...(flaky > 0 ? [row(FLAKY.target, FLAKY.policy, true, { matched: flaky * 10, errors: flaky })] : []),
    row('route orders /orders', 'orders-brownout', false, { matched: 4_100, latencies: 1_240, drops: 88, throttled: 310 }),
    { ...row('process 4103 (ledger)', 'frozen-ledger', false, { others: 3 }), type: 'process' },
  ];
}

/** The state of things at second `t` (0: now). `calm`: nothing is injected and no run is under way. */
export function frameAt(t: number, calm = false): Frame {
  const active = !calm && t > -SLOW_SINCE;
  const faults = calm ? [] : [...(t > -SLOW_SINCE ? [SLOW] : []), ...(t > -FLAKY_SINCE ? [FLAKY] : [])];
  const { phase: _, ...sample } = poll(calm ? -100 : t);
  return {
    at: NOW + t * 1_000,
    run: calm ? '' : RUN,
    phase: calm ? null : active ? 'observe' : 'baseline',
    phaseEndsAt: calm ? null : NOW + 540_000,
    halted: false,
    faults,
    probes: calm ? {} : { checkout: poll(t) },
    standing: [
      { name: 'checkout', describe: 'GET route://storefront/checkout every 500 ms', expect: 'success_rate >= 0.95 && p95 < 1000', apdexT: 500, satisfied: 67, tolerating: 30, frustrated: 3, sample: { ...sample, held: true } },
      {
        name: 'ledger-books', describe: 'GET route://ledger/health every 1 s', expect: 'availability >= 0.99', apdexT: 250, satisfied: 12, tolerating: 4, frustrated: 9,
        sample: { seq: 99, at: NOW + t * 1_000, probe: 'ledger-books', ok: false, latency: null, error: 'connect ECONNREFUSED 127.0.0.1:7203', figures: { ...figures(0.64, 21, 88, 25), apdex: 0.56, apdex_ema: 0.61 }, held: false },
      },
    ],
    impact: impactAt(t, !calm),
    routes: NAMES.map((name, index) => ({ name, requests: 40_000 + Math.floor((t + 120) * (22 - index)), faults: 0, errors: 0, drops: 0, latencies: 0, active: 12 - index })),
  };
}
export const EMPTY_FRAME: Frame = { at: NOW, run: '', phase: null, phaseEndsAt: null, halted: false, faults: [], probes: {}, standing: [], impact: [], routes: [] };

const HYPOTHESIS = 'Checkout keeps 95 % success and answers within a second while payments answer 500 ms late.';
const CHECK = { name: 'checkout', expect: 'success_rate >= 0.95 && p95 < 1000' };
const ABORT = { when: 'success_rate < 0.95', forMs: 3_000 };

/** The events of the run under way, in order. */
export function events(): EngineEvent[] {
  const told: Omit<EngineEvent, 'seq'>[] = [];
  const tell = (t: number, body: EngineEvent['body']): void => void told.push({ at: NOW + t * 1_000, run: RUN, body });
  const phase = (t: number, name: PhaseName, edge: 'start' | 'end', until: number | null = null): void => tell(t, { kind: 'phase', name, edge, until });
  tell(-80, { kind: 'run-started', name: 'slow-payments', hypothesis: HYPOTHESIS, duration: 600_000, checks: [CHECK], abort: ABORT });
  phase(-80, 'steady-state', 'start');
  phase(-76, 'steady-state', 'end');
  phase(-76, 'baseline', 'start', ago(62));
  for (let t = -79; t < -62; t++) tell(t, { kind: 'sample', sample: poll(t) });
  phase(-62, 'baseline', 'end');
  phase(-62, 'inject', 'start');
  tell(-61, { kind: 'fault', fault: { ...SLOW, state: 'injecting', injectedAt: null } });
  tell(-60, { kind: 'fault', fault: SLOW });
  phase(-60, 'inject', 'end');
  phase(-60, 'observe', 'start', NOW + 540_000);
  for (let t = -60; t <= -1; t++) {
    if (t === -FLAKY_SINCE) tell(t, { kind: 'fault', fault: FLAKY });
    if (t % 10 === 0) tell(t, { kind: 'injected', fault: SLOW.id, policy: SLOW.policy, target: SLOW.target, count: 200, detail: 'latency 500 ms' });
    tell(t, { kind: 'sample', sample: poll(t) });
  }
  tell(-2, { kind: 'log', level: 'warn', text: 'The standing probe ledger-books is broken: availability 64 %.' });
  return told.map((event, index) => ({ ...event, seq: index + 1 }));
}

/** What passed through the routes in the last seconds. */
export function traffic(): TrafficBatch {
  const paths = ['GET /checkout', 'POST /orders', 'POST /charge', 'POST /entries'] as const;
  const lines = Array.from({ length: 80 }, (_, index) => {
    const nth = index % 4;
    const [method = '', target = ''] = paths[nth]?.split(' ') ?? [];
    const slow = nth === 2;
    const refused = nth === 3 && index % 5 === 3;
    const trace = (0xabc000 + index).toString(16).padStart(32, '7');
    return {
      seq: index + 1, at: ago(4) + index * 47, route: NAMES[nth] ?? '', protocol: 'http' as const, method, target,
      action: slow ? ('latency' as const) : refused ? ('error' as const) : ('pass' as const),
      policy: slow ? SLOW.policy : refused ? FLAKY.policy : '', delayMs: slow ? 503 : 0, status: refused ? 503 : null, traceId: trace, requestId: `req-${1_000 + index}`,
      head: `${method} ${target} HTTP/1.1\r\nhost: 127.0.0.1:${7100 + nth}\r\ntraceparent: 00-${trace}-00f067aa0ba902b7-01\r\nauthorization: ***\r\ncontent-type: application/json\r\n\r\n{"order":${2_000 + index},"amount":"19.90"}`,
    };
  });
  return { lines, leftOut: 0 };
}

/** Runs of the past: one that held, and one that was aborted. */
export const SOURCE = 'version: 1\nname: slow-payments\nseed: 42\n\npolicies:\n  - name: slow-payments\n    type: http\n    route: payments\n    target: /charge*\n    latency_chance: 1\n    latency_duration: 500ms\n';
const spans = (start: number, parts: readonly (readonly [PhaseName, number])[]): RunRecord['phases'] => {
  let at = start;
  return parts.map(([name, seconds]) => ({ name, start: at, end: (at += seconds * 1_000) }));
};
function record(run: string, startedAt: number, aborted: boolean): RunRecord {
  const phases = spans(startedAt, [['steady-state', 1], ['baseline', 10], ['inject', 1], ['observe', aborted ? 12 : 60], ['revert', 1], ['recovery', 8], ['analysis', 0]]);
  const endedAt = phases.at(-1)?.end ?? startedAt;
  const point = (second: number): RunRecord['series'][number] => {
    const under = second >= 12 && second < (aborted ? 24 : 72);
    const wave = Math.sin(second / 2);
    const success = under && aborted ? Math.max(0.4, 1 - (second - 12) * 0.06) : 1 - (under ? 0.012 * (1 + wave) : 0);
    return { at: startedAt + second * 1_000, probes: { checkout: { successRate: success, p50: under ? 520 + 8 * wave : 15 + wave, p95: under ? 610 + 40 * wave : 30 + 4 * wave, p99: under ? 660 + 55 * wave : 36 + 6 * wave } }, faultRate: under ? { [SLOW.target]: 20 + wave } : {} };
  };
  const reason = aborted ? 'Aborted: the success rate of checkout stayed below 95 % for 3 s; at the end it was 46 %.' : 'The steady state held under fault: checkout kept success_rate >= 0.95 && p95 < 1000.';
  const last: Sample = { ...poll(0), at: endedAt, phase: 'recovery', figures: figures(1, 15, 31, 50) };
  return {
    run, name: aborted ? 'payments-outage' : 'slow-payments', file: 'slow-payments.yaml', hypothesis: HYPOTHESIS, seed: 42, blastRadius: 2, startedAt, endedAt, duration: 60_000,
    verdict: aborted ? 'aborted' : 'held', exitCode: aborted ? 3 : 0, reason, phases, steadyState: [{ ...CHECK, describe: 'GET route://storefront/checkout every 200 ms' }], abort: ABORT,
    breach: aborted ? { ...last, phase: 'observe', figures: figures(0.46, 2_001, 2_004, 50), held: false } : null,
    faults: [{ ...SLOW, ...ENDED }], reverted: true, recoveryMs: aborted ? 2_140 : 0, guard: { score: 12, level: 'SAFE', survival: 0.88, issues: [] },
    samples: [last], series: Array.from({ length: Math.round((endedAt - startedAt) / 1_000) }, (_, second) => point(second)),
    timeline: phases.map(({ name, start }, index) => ({ seq: index + 1, at: start, kind: 'phase', text: `${name} begins` })),
    environment: { Host: 'gameday', Platform: 'linux x64' }, source: SOURCE,
  };
}
export const RECORDS: readonly RunRecord[] = [record('r-9b2f6c1d8e3a', ago(1_800), false), record('r-1c8e5a7b3d9f', ago(5_400), true)];

export function history(live: boolean): RunSummary[] {
  const past = RECORDS.map(({ run, name, startedAt, endedAt, verdict, exitCode, reason, reverted }): RunSummary => ({ run, name, startedAt, endedAt, verdict, exitCode, reason, reverted }));
  const [held] = past;
  const others = held === undefined ? [] : (['refuted', 'inconclusive', 'failed'] as const).map((verdict, index) => ({ ...held, run: `r-older${index}`, name: 'a-name-so-long-that-no-list-has-room-for-all-of-it', verdict, startedAt: ago(9_000 + index * 4_000), endedAt: ago(8_900 + index * 4_000), reverted: verdict !== 'failed' }));
  const current: RunSummary = { run: RUN, name: 'slow-payments', startedAt: ago(80), endedAt: null, verdict: null, exitCode: null, reason: '', reverted: false };
  return [...(live ? [current] : []), ...past, ...others];
}
