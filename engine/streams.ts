import { FirebreakError } from './kernel/errors.ts';
import { ItemQueue, LatestItem, MergedItem } from './contract/items.ts';
import { type EngineEvent } from './contract/models.ts';
import { MAX_TRAFFIC_LINES, type TrafficBatch } from './contract/room.ts';
import { type EventBus, RING_SIZE } from './telemetry/bus.ts';
import { type Wire } from './wire/wire.ts';

/**
 * Every event after `since`, none left out; from now on when it is undefined. Throws `events-lost` when the log no
 * longer holds the events right after `since`, or the reader has fallen behind by more than the log holds.
 */
export async function* eventsAfter(bus: EventBus, since: number | undefined, signal: AbortSignal): AsyncGenerator<EngineEvent> {
  const oldest = bus.oldestSeq;
  if (since !== undefined && since + 1 < oldest) throw eventsLost(since + 1, `to ${oldest - 1}`);
  const queue = new ItemQueue<EngineEvent>(Number.MAX_SAFE_INTEGER, () => {});
  let waiting = 0;
  const take = (event: EngineEvent): void => {
    if (waiting >= RING_SIZE) return queue.fail(eventsLost(event.seq, 'on'));
    waiting++;
    queue.push(event);
  };
  using _subscription = bus.subscribe(take, since ?? bus.lastSeq);
  for await (const event of until(signal, queue)) {
    waiting--;
    yield event;
  }
}

function eventsLost(from: number, to: string): FirebreakError {
  return new FirebreakError('events-lost', `The events from ${from} ${to} are no longer in the log.`, {
    hint: 'Read the state anew, then follow the events from now on.',
  });
}

/** The newest of what a source gives, while somebody reads. */
export async function* newestOf<T>(source: { subscribe(listener: (item: T) => void): Disposable }, signal: AbortSignal): AsyncGenerator<T> {
  const newest = new LatestItem<T>(() => {});
  using _subscription = source.subscribe((item) => newest.push(item));
  yield* until(signal, newest);
}

/**
 * What passes through the wire, while somebody reads. What a slow reader has not taken is merged into one batch, of
 * which the newest lines are kept.
 */
export async function* trafficOf(wire: Pick<Wire, 'listen'>, passing: boolean, signal: AbortSignal): AsyncGenerator<TrafficBatch> {
  const waiting = new MergedItem<TrafficBatch>(mergeBatches);
  using _listener = wire.listen(passing, (batch) => waiting.push(batch));
  yield* until(signal, waiting);
}

function mergeBatches(older: TrafficBatch, newer: TrafficBatch): TrafficBatch {
  const all = [...older.lines, ...newer.lines];
  const lines = all.slice(-MAX_TRAFFIC_LINES);
  return { lines, leftOut: older.leftOut + newer.leftOut + all.length - lines.length };
}

async function* until<T>(signal: AbortSignal, items: ItemQueue<T> | LatestItem<T> | MergedItem<T>): AsyncGenerator<T> {
  const end = (): void => items.end();
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) return;
  try {
    yield* items.reader(end);
  } finally {
    signal.removeEventListener('abort', end);
  }
}
