import { FirebreakError } from '../../engine/kernel/errors.ts';
import { type RoomHandlers } from '../../engine/room.ts';

const absent = (): never => {
  throw new FirebreakError('unknown-operation', 'the command line does not ask for this');
};
const never = async (): Promise<never> => absent();

/** What only the control room asks, for an engine that the command line alone speaks to. */
export const NO_ROOM: RoomHandlers = {
  queries: { setting: never, library: never, versions: never, version: never, document: never, probes: never, series: never },
  commands: { stopFault: never, rehearse: never, saveSetting: never, saveVersion: never, startProbe: never, stopProbe: never },
  streams: { traffic: absent, topology: absent },
};
