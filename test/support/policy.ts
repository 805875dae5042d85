import { type WirePolicy } from '../../engine/policy/snapshot.ts';

/** A policy for all HTTP traffic that does nothing but what `over` says. */
export const wirePolicy = (over: Partial<WirePolicy> = {}): WirePolicy => ({
  id: 'f-000000000000',
  name: 'p',
  protocol: 'http',
  target: 'all',
  route: '',
  seed: 42,
  latencyChance: 0,
  latencyMs: 0,
  errorChance: 0,
  errorCode: 0,
  errorBody: '',
  dropConnection: false,
  matchHeaders: {},
  throttleRate: 0,
  ...over,
});
