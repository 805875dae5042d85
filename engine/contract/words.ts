import { type PhaseName } from './models.ts';

/** What people call the phases of a run, in reports and on screens alike. */
export const PHASE_WORDS: Readonly<Record<PhaseName, string>> = {
  'steady-state': 'Steady state',
  baseline: 'Baseline',
  inject: 'Inject',
  observe: 'Observe',
  revert: 'Revert',
  recovery: 'Recovery',
  analysis: 'Analysis',
};
