import { type EventBody, type FaultReport, type Sample } from './models.ts';

/** Parts of events for the tests of this room. */
export const faultReport = (over: Partial<FaultReport> = {}): FaultReport => ({
  id: 'f-000000000001',
  policy: 'slow',
  type: 'process',
  target: 'process 4711 (worker)',
  explain: '',
  action: '',
  inverse: '',
  reversible: true,
  state: 'active',
  injectedAt: null,
  revertedAt: null,
  leaseUntil: null,
  effect: { bitten: true, detail: '', figures: [] },
  before: 'S',
  after: null,
  reverted: false,
  note: '',
  ...over,
});
export const faultEvent = (over: Partial<FaultReport> = {}): EventBody => ({ kind: 'fault', fault: faultReport(over) });
export const injected = (detail: string, count = 1, over: { fault?: string; target?: string } = {}): EventBody => ({
  kind: 'injected',
  fault: 'f-000000000001',
  policy: 'slow',
  target: 'process 4711 (worker)',
  count,
  detail,
  ...over,
});
export const started = (name = 'game'): EventBody => ({
  kind: 'run-started',
  name,
  hypothesis: 'it holds',
  duration: 1_000,
});
export const ended: EventBody = { kind: 'run-ended', verdict: 'held', exitCode: 0, reason: 'it held', reverted: true };
export const sample: Sample = {
  seq: 7,
  at: 0,
  probe: 'checkout',
  phase: 'observe',
  ok: false,
  latency: 3,
  error: 'status 503',
  figures: { success_rate: 0.4 },
  held: false,
};
