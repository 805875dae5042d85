import { type Port } from '../../engine/contract/envelope.ts';

/** A way to the engine: what differs between the desktop window and a browser tab, and nothing else. */
export interface Bridge {
  readonly host: 'desktop' | 'browser';
  /** Opens one port. Rejects when the engine cannot be reached; `refused` when it never will be with what this page holds. */
  open(signal: AbortSignal): Promise<Port>;
}

/** The engine turned this page away: no retry will help. */
export class Refused extends Error {
  override name = 'Refused';
}
