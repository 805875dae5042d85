import { type EngineApi } from './contract/api.ts';
import { type Rehearsal } from './contract/room.ts';
import { type KeptHandlers } from './kept.ts';
import { type SeriesClient } from './probes/series.ts';
import { type StandingHandlers } from './standing.ts';

/** What the control room asks beyond experiments. */
export type RoomHandlers = {
  readonly queries: Pick<EngineApi['queries'], 'setting' | 'library' | 'versions' | 'version' | 'document' | 'probes' | 'series'>;
  readonly commands: Pick<EngineApi['commands'], 'stopFault' | 'rehearse' | 'saveSetting' | 'saveVersion' | 'startProbe' | 'stopProbe'>;
  readonly streams: Pick<EngineApi['streams'], 'traffic' | 'topology'>;
};

export interface RoomParts {
  readonly kept: KeptHandlers;
  readonly stopFault: EngineApi['commands']['stopFault'];
  readonly series: SeriesClient;
  readonly rehearse: (signal: AbortSignal) => Promise<Rehearsal>;
  readonly standing: StandingHandlers;
  readonly traffic: EngineApi['streams']['traffic'];
  readonly topology: EngineApi['streams']['topology'];
}

export function createRoomHandlers({ kept, stopFault, series, rehearse, standing, topology, traffic }: RoomParts): RoomHandlers {
  return {
    queries: { ...kept.queries, ...standing.queries, series: (query, signal) => series.query(query, signal) },
    commands: { ...kept.commands, ...standing.commands, stopFault, rehearse: (_input, signal) => rehearse(signal) },
    streams: { traffic, topology },
  };
}
