import { FirebreakError } from './kernel/errors.ts';
import { ItemQueue, LatestItem } from './contract/items.ts';
import { type EngineEvent, type Frame } from './contract/models.ts';
import { type EventBus, RING_SIZE } from './telemetry/bus.ts';
import { type Frames } from './telemetry/frames.ts';

/**
 * Every event after `since`, none left out; from now on when it is undefined. Throws `events-lost` when the log no
 * longer holds the events right after `since`, or the reader has fallen behind by more than the log holds.
 */
export async function* eventsAfter(bus: EventBus, since: number | undefined, signal: AbortSignal): AsyncGenerator<EngineEvent> {
  const oldest = bus.recent()[0]?.seq ?? bus.lastSeq + 1;
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

/** The newest frame, ten times a second while somebody reads. */
export async function* framesOf(frames: Frames, signal: AbortSignal): AsyncGenerator<Frame> {
  const newest = new LatestItem<Frame>(() => {});
  using _subscription = frames.subscribe((frame) => newest.push(frame));
  yield* until(signal, newest);
}

async function* until<T>(signal: AbortSignal, items: ItemQueue<T> | LatestItem<T>): AsyncGenerator<T> {
  const end = (): void => items.end();
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) return;
  try {
    yield* items.reader(end);
  } finally {
    signal.removeEventListener('abort', end);
  }
}
