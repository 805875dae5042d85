/** The nouns that telemetry carries, for rooms that see the contract only through telemetry. */
export type {
  EngineEvent,
  EventBody,
  FaultReport,
  Frame,
  JournalDamage,
  OpenUndo,
  Sample,
} from '../contract/models.ts';
