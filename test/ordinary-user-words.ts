import { type FaultReport } from '../engine/telemetry/models.ts';

/** What the test and the engine of an ordinary user say to each other, one JSON line each. */

/** `end`: what is held is to be given back. */
export type Order = { readonly order: 'hold'; readonly text: string; readonly env: Readonly<Record<string, string>> } | { readonly order: 'end' };
export type Said =
  | { readonly what: 'ready' }
  /** As planned: why each policy cannot run here, or ''. */
  | { readonly what: 'planned'; readonly unavailable: readonly string[] }
  | { readonly what: 'held'; readonly faults: readonly FaultReport[] }
  | { readonly what: 'closed'; readonly why: string; readonly faults: readonly FaultReport[]; readonly open: number }
  | { readonly what: 'failed'; readonly why: string };
