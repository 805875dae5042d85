import { useSyncExternalStore } from 'react';
import { type EngineEvent } from '../../engine/contract/models.ts';
import { follow } from './connection.ts';
import { Log } from './log.ts';

/** An event and the engine that told it: `seq` starts anew with each engine. */
export interface RoomEvent extends EngineEvent {
  readonly key: string;
}

/** The log journal shows 10,000 lines. */
export const EVENTS = new Log<RoomEvent>(10_000);
const reactions = new Set<(event: EngineEvent) => void>();

/** Calls back with every event as it comes, none left out, none twice. */
export function onEvent(react: (event: EngineEvent) => void): Disposable {
  reactions.add(react);
  return { [Symbol.dispose]: () => reactions.delete(react) };
}

/** Re-renders when events have come, at most once per screen refresh. */
export function useEvents(): readonly RoomEvent[] {
  useSyncExternalStore(EVENTS.subscribe, EVENTS.version);
  return EVENTS.items;
}

/** Follows the event log of every connection: all that an engine still holds at first, then on from the last one seen. */
export function followEvents(): Disposable {
  const seen = new Map<string, number>();
  return follow(async (client, signal, engine) => {
    // A log that has dropped its beginning refuses `since: 0`; then we start with what it can give.
    for (let since: number | undefined = seen.get(engine) ?? 0; ; ) {
      try {
        for await (const event of client.stream('events', since === undefined ? {} : { since }, signal)) {
          if (event.seq <= (seen.get(engine) ?? 0)) continue;
          seen.set(engine, event.seq);
          EVENTS.push({ ...event, key: `${engine}/${event.seq}` });
          for (const react of reactions) react(event);
        }
        return;
      } catch (error) {
        if (signal.aborted || (error as { code?: string }).code !== 'events-lost' || since === undefined) throw error;
        since = undefined;
      }
    }
  });
}
