import { EVENTS, onEvent } from '../../stores/events.ts';
import { type Line, eventLine } from '../../stores/lines.ts';
import { Log } from '../../stores/log.ts';
import { TRAFFIC } from '../../stores/traffic.ts';
import { type EngineEvent } from '../../../engine/contract/models.ts';

/** Each kind has a log of its own: a flood of messages or samples must not push out what the engine said. */
const SAID = new Log<Line>(10_000);
const SAMPLES = new Log<Line>(5_000);
export const SOURCES: readonly Log<Line>[] = [SAID, SAMPLES, TRAFFIC];

const tell = (event: EngineEvent): void => (event.body.kind === 'sample' ? SAMPLES : SAID).push(eventLine(event));
// From the beginning of the page on, though this is loaded with the first board.
EVENTS.items.forEach(tell);
onEvent(tell);
