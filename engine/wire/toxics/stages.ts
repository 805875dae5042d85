import { Bandwidth } from './bandwidth.ts';
import { Latency } from './latency.ts';
import { LimitData } from './limit-data.ts';
import { Corruption, Loss } from './pieces.ts';
import { ResetPeer } from './reset-peer.ts';
import { Slicer } from './slicer.ts';
import { SlowClose } from './slow-close.ts';
import type { Toxic, ToxicKind } from './spec.ts';
import type { Held, Stage } from './stage.ts';
import { Timeout } from './timeout.ts';

/** The stage of each kind; `down` has none, because it concerns connections, not bytes. */
export const STAGES: Readonly<Record<Exclude<ToxicKind, 'down'>, new (toxic: Toxic, held: Held) => Stage>> = {
  latency: Latency,
  bandwidth: Bandwidth,
  slow_close: SlowClose,
  timeout: Timeout,
  reset_peer: ResetPeer,
  slicer: Slicer,
  limit_data: LimitData,
  loss: Loss,
  corruption: Corruption,
};
