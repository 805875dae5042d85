import { type EngineApi } from './contract/api.ts';
import { type Rehearsal } from './contract/room.ts';
import { FirebreakError } from './kernel/errors.ts';
import { type KeptHandlers } from './kept.ts';
import { type SeriesClient } from './probes/series.ts';
import { type StandingHandlers } from './standing.ts';

/** What the control room asks beyond experiments. */
export type RoomHandlers = {
  readonly queries: Pick<EngineApi['queries'], 'setting' | 'library' | 'versions' | 'version' | 'document' | 'probes' | 'series'>;
  readonly commands: Pick<EngineApi['commands'], 'stopFault' | 'rehearse' | 'saveSetting' | 'saveVersion' | 'startProbe' | 'stopProbe'>;
  readonly streams: Pick<EngineApi['streams'], 'traffic' | 'topology'>;
};

const missing = (): never => {
  throw new FirebreakError('unknown-operation', 'this engine does not offer that yet');
};

export interface RoomParts {
  readonly kept: KeptHandlers;
  readonly series: SeriesClient;
  readonly rehearse: (signal: AbortSignal) => Promise<Rehearsal>;
  readonly standing: StandingHandlers;
  readonly traffic: EngineApi['streams']['traffic'];
  readonly topology: EngineApi['streams']['topology'];
}

export function createRoomHandlers({ kept, series, rehearse, standing, topology, traffic }: RoomParts): RoomHandlers {
  const later = async (): Promise<never> => missing();
  return {
    queries: { ...kept.queries, ...standing.queries, series: (query, signal) => series.query(query, signal) },
    commands: { ...kept.commands, ...standing.commands, stopFault: later, rehearse: (_input, signal) => rehearse(signal) },
    streams: { traffic, topology },
  };
}
