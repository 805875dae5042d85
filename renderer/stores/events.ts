import { useSyncExternalStore } from 'react';
import { type EngineClient } from '../../engine/contract/client.ts';
import { type EngineEvent, type EventBody } from '../../engine/contract/models.ts';
import { follow } from './connection.ts';
import { Log } from './log.ts';
import { toast } from './toasts.ts';

/** An event and the engine that told it: `seq` starts anew with each engine. */
export interface RoomEvent extends EngineEvent {
  readonly key: string;
  /** True for what this page says itself about the log, such as a gap in it. */
  readonly note?: true;
}

/** The log journal shows 10,000 lines. */
export const EVENTS = new Log<RoomEvent>(10_000);
const reactions = new Set<(event: RoomEvent) => void>();

/** Calls back with every event as it comes, none left out, none twice; and with the page's own notes about gaps. */
export function onEvent(react: (event: RoomEvent) => void): Disposable {
  reactions.add(react);
  return { [Symbol.dispose]: () => reactions.delete(react) };
}

/** Re-renders when events have come, at most once per screen refresh. */
export function useEvents(): readonly RoomEvent[] {
  useSyncExternalStore(EVENTS.subscribe, EVENTS.version);
  return EVENTS.items;
}

function tell(event: RoomEvent): void {
  EVENTS.push(event);
  for (const react of reactions) {
    try {
      react(event);
    } catch (error) {
      // One part of the room that fails must not keep the events from all the others.
      console.error(error);
    }
  }
}

/** How far each engine's log has been read: the newest sequence number. */
const seen = new Map<string, number>();
const seenOf = (engine: string): number => seen.get(engine) ?? 0;

/** Says something about the log itself, where the reader of the log sees it. */
export function note(
  engine: string,
  what: string,
  level: Extract<EventBody, { kind: 'log' }>['level'],
  text: string,
): void {
  const seq = seenOf(engine);
  tell({
    seq,
    at: Date.now(),
    run: '',
    body: { kind: 'log', level, text },
    key: `${engine}/${seq}+${what}`,
    note: true,
  });
}

/** Says that the events up to, and without, `next` were never told to this page. */
function skipTo(engine: string, next: number): void {
  const from = seenOf(engine) + 1;
  if (next <= from) return;
  const [count, last] = [next - from, next - 1];
  const which = count === 1 ? `1 event (${from})` : `${count.toLocaleString('en')} events (${from} to ${last})`;
  // To a page that has just been opened the beginning is merely old.
  if (from === 1) note(engine, 'gap', 'info', `The engine’s log begins later: its first ${which} are no longer kept.`);
  else {
    note(
      engine,
      'gap',
      'warn',
      `${which} were not told: this page was away or too slow for so long that the engine’s log no longer held them.`,
    );
    toast(
      'bad',
      'Events were lost',
      `${which} were not told to this page. The figures are right; the log journal has a gap.`,
    );
  }
  seen.set(engine, last);
}

/**
 * Follows the event log of every connection: all that an engine still holds at first, then on from the last one seen.
 * What the log no longer holds is told as a gap, with its size.
 */
export function followEvents(): Disposable {
  return follow(async (client, signal, engine) => {
    for (let since: number | undefined = seenOf(engine); ; since = await oldestHeld(client, signal, engine)) {
      try {
        for await (const event of client.stream('events', since === undefined ? {} : { since }, signal)) {
          if (event.seq <= seenOf(engine)) continue;
          skipTo(engine, event.seq);
          seen.set(engine, event.seq);
          tell({ ...event, key: `${engine}/${event.seq}` });
        }
        return;
      } catch (error) {
        if (signal.aborted || (error as { code?: string }).code !== 'events-lost') throw error;
      }
    }
  });
}

/** What to ask for after some were lost: all that is left, or what comes from now on when an engine does not tell. */
async function oldestHeld(client: EngineClient, signal: AbortSignal, engine: string): Promise<number | undefined> {
  const { events } = await client.query('status', {}, signal);
  if (events === undefined) return undefined;
  skipTo(engine, events.oldest);
  return Math.max(seenOf(engine), events.oldest - 1);
}
