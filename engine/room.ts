import { type EngineApi } from './contract/api.ts';
import { FirebreakError } from './kernel/errors.ts';

/** What the control room asks beyond experiments. */
export type RoomHandlers = {
  readonly queries: Pick<EngineApi['queries'], 'setting' | 'library' | 'versions' | 'version' | 'document' | 'probes' | 'series'>;
  readonly commands: Pick<EngineApi['commands'], 'stopFault' | 'rehearse' | 'saveSetting' | 'saveVersion' | 'startProbe' | 'stopProbe'>;
  readonly streams: Pick<EngineApi['streams'], 'traffic' | 'topology'>;
};

const missing = (): never => {
  throw new FirebreakError('unknown-operation', 'this engine does not offer that yet');
};

export function createRoomHandlers(): RoomHandlers {
  const later = async (): Promise<never> => missing();
  return {
    queries: { setting: later, library: later, versions: later, version: later, document: later, probes: later, series: later },
    commands: { stopFault: later, rehearse: later, saveSetting: later, saveVersion: later, startProbe: later, stopProbe: later },
    streams: { traffic: missing, topology: missing },
  };
}
