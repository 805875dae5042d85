import { type TrafficBatch } from '../../engine/contract/room.ts';
import { follow } from './connection.ts';
import { type Line, gapLine, messageLine } from './lines.ts';
import { Log } from './log.ts';

/** What passed through the routes while somebody listened. As many as the log journal shows. */
export const TRAFFIC = new Log<Line>(10_000);

/** By listener: whether it also wants untouched messages. */
const listeners = new Map<symbol, boolean>();
/** What is followed now; undefined for nothing. */
let followed: boolean | undefined;
let following: Disposable | undefined;
let due = false;

/**
 * Listens to the traffic until disposed. However many listen, one stream is read: with untouched messages as soon as one
 * of them wants those.
 */
export function hearTraffic(passing: boolean): Disposable {
  const listener = Symbol('listener');
  listeners.set(listener, passing);
  settleSoon();
  return {
    [Symbol.dispose]: () => {
      listeners.delete(listener);
      settleSoon();
    },
  };
}

/** After what is going on: a listener that leaves as another comes must not end the stream. */
function settleSoon(): void {
  if (due) return;
  due = true;
  queueMicrotask(() => {
    due = false;
    settle();
  });
}

function settle(): void {
  const wanted = listeners.size === 0 ? undefined : [...listeners.values()].some(Boolean);
  if (wanted === followed) return;
  following?.[Symbol.dispose]();
  followed = wanted;
  following =
    wanted === undefined
      ? undefined
      : follow(async (client, signal) => {
          for await (const batch of client.stream('traffic', { passing: wanted }, signal)) take(batch);
        });
}

function take({ lines, leftOut }: TrafficBatch): void {
  if (lines.length > 0) TRAFFIC.push(...lines.map(messageLine));
  if (leftOut > 0) TRAFFIC.push(gapLine(leftOut, lines.at(-1)?.at ?? Date.now()));
}
