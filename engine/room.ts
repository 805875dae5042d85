import { type EngineApi } from './contract/api.ts';
import { FirebreakError } from './kernel/errors.ts';
import { type KeptHandlers } from './kept.ts';

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
}

export function createRoomHandlers({ kept }: RoomParts): RoomHandlers {
  const later = async (): Promise<never> => missing();
  return {
    queries: { ...kept.queries, probes: later, series: later },
    commands: { ...kept.commands, stopFault: later, rehearse: later, startProbe: later, stopProbe: later },
    streams: { traffic: missing, topology: missing },
  };
}
