import { activeInjections } from './active-injections/widget.tsx';
import { apdex } from './apdex/widget.tsx';
import { blastRadius } from './blast-radius/widget.tsx';
import { faultVelocity } from './fault-velocity/widget.tsx';
import { logJournal } from './log-journal/widget.tsx';
import { metrics } from './metrics/widget.tsx';
import { notes } from './notes/widget.tsx';
import { runTimeline } from './run-timeline/widget.tsx';
import { steadyState } from './steady-state/widget.tsx';
import { topology } from './topology/widget.tsx';
import { type Widget } from './widget.ts';

/** Every widget that a board can show, in the order in which they are offered. */
export const WIDGETS: readonly Widget[] = [
  faultVelocity,
  blastRadius,
  apdex,
  topology,
  steadyState,
  activeInjections,
  runTimeline,
  logJournal,
  metrics,
  notes,
];
