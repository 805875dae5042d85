import { loadavg } from 'node:os';
import { NO_BROWSER, openBrowser } from '../room/stage.ts';
import { type Figure, quantile } from './figure.ts';
import { haltInTheRoom } from './room-halts.ts';
import { type Fetched, type RoomPage, openRoomPage, quantileOf } from './room-page.ts';
import { type RoomStage, openRoomStage } from './room-stage.ts';
import { type Stretch, traceTasks, watchRoom } from './room-watch.ts';

/** Cold starts of the page; the first one also warms up the engine's compression. */
const STARTS = 3;
const WARM_UP = 10_000;
const WATCH = 60_000;
const TRACE = 15_000;
const HALTS = 100;
const MEGABYTE = 1_048_576;

/**
 * The room at the load that it is promised to bear (10 frames/s, 50 targets, 2,000 events/s): what it fetches, how soon
 * it shows a figure, how smooth it stays, how late an event is painted, how its memory grows, and HALT by its key.
 */
export async function run(say: (line: string) => void): Promise<readonly Figure[]> {
  if (NO_BROWSER !== false) {
    say(`the room is not measured: ${NO_BROWSER}`);
    return [];
  }
  say(`load of the machine before: ${loadavg().map((load) => load.toFixed(1)).join(', ')}`);
  await using stage = await openRoomStage();
  await using browser = await openBrowser();
  const run = await stage.inject();
  const starts: Fetched[] = [];
  for (let start = 0; start < STARTS; start++) {
    await using room = await openRoomPage(browser, stage.url);
    starts.push(room.fetched);
  }
  await using room = await openRoomPage(browser, stage.url);
  await new Promise((resolve) => setTimeout(resolve, WARM_UP));
  say(`watching for ${WATCH / 1_000} s`);
  const stretch = await watchRoom(room, stage, browser, WATCH);
  say(
    `${stretch.busy.toFixed(2)} cores in use: browser ${stretch.browser.toFixed(2)} (the page's main thread ${stretch.thread.toFixed(2)}), engine ${stretch.engine.toFixed(2)}; ` +
      `${stretch.rate.toFixed(0)} requests/s, ${stretch.faulty.toFixed(0)} of them faulty`,
  );
  const { long, longest } = await traceTasks(room, TRACE);
  const own = [
    figure('long tasks by CPU time per minute', (long * 60_000) / TRACE, 'tasks', 1),
    figure('longest task by CPU time', longest, 'ms', 1),
  ];
  return [...startFigures(starts), ...figuresOf(stretch, stage), ...own, ...(await halts(room, stage, run, say))];
}

const figure = (metric: string, value: number, unit: string, digits = 0): Figure => ({ bench: 'room', metric, value: Number(value.toFixed(digits)), unit });

function startFigures(starts: readonly Fetched[]): Figure[] {
  const first = starts.map(({ firstFigure }) => firstFigure);
  return [
    figure('javascript over the wire, for the first figure', (starts[0]?.first ?? Number.NaN) / 1_024, 'KiB', 1),
    figure('javascript over the wire, all views', (starts[0]?.scripts ?? Number.NaN) / 1_024, 'KiB', 1),
    figure('everything over the wire', (starts[0]?.everything ?? Number.NaN) / 1_024, 'KiB', 1),
    figure(`first live figure, p50 of ${STARTS}`, quantile(first, 0.5), 'ms'),
    figure(`first live figure, max of ${STARTS}`, Math.max(...first), 'ms'),
  ];
}

function figuresOf(stretch: Stretch, { engine }: RoomStage): Figure[] {
  const { seen, minutes, before, after } = stretch;
  const sum = (pick: (one: (typeof seen)[number]) => number): number => seen.reduce((total, one) => total + pick(one), 0);
  const long = seen.flatMap(({ longTasks }) => longTasks.map(([, duration]) => duration));
  const perSecond = (total: number): number => total / (sum(({ ms }) => ms) / 1_000);
  return [
    figure('long tasks per minute', long.length / minutes, 'tasks', 1),
    figure('longest task', Math.max(0, ...long), 'ms'),
    figure('share of time in long tasks', (100 * long.reduce((total, ms) => total + ms, 0)) / sum(({ ms }) => ms), '%', 2),
    figure('screen refreshes', perSecond(sum(({ displayed }) => displayed)), 'per s', 1),
    figure('engine frames', perSecond(sum(({ frames }) => frames)), 'per s', 1),
    figure('events', perSecond(sum(({ lines }) => lines)), 'per s'),
    figure('events left out', sum(({ leftOut }) => leftOut), 'events'),
    figure('event to pixel, row in view, p50', quantileOf(seen, 'rows', 0.5), 'ms'),
    figure('event to pixel, row in view, p99', quantileOf(seen, 'rows', 0.99), 'ms'),
    figure('event to pixel, every event, p50', quantileOf(seen, 'all', 0.5), 'ms'),
    figure('event to pixel, every event, p99', quantileOf(seen, 'all', 0.99), 'ms'),
    figure('main thread', stretch.thread, 'cores', 2),
    figure('heap at the start', before.heap / MEGABYTE, 'MB', 2),
    figure('heap at the end', after.heap / MEGABYTE, 'MB', 2),
    figure('heap growth', (after.heap - before.heap) / MEGABYTE / minutes, 'MB/min', 3),
    figure('nodes at the start', before.nodes, 'nodes'),
    figure('nodes at the end', after.nodes, 'nodes'),
    figure('listeners at the start', before.listeners, 'listeners'),
    figure('listeners at the end', after.listeners, 'listeners'),
    figure('resident memory of the page', after.resident, 'MB'),
    figure('resident memory of the engine', engine.memory(), 'MB'),
  ];
}

async function halts(room: RoomPage, stage: RoomStage, run: string, say: (line: string) => void): Promise<Figure[]> {
  await stage.client.command('halt', { by: 'the bench' });
  await stage.expectClean(run);
  const { tookMs, atLessLoad } = await haltInTheRoom(room, stage, HALTS, say);
  if (atLessLoad > 0) say(`${atLessLoad} of ${HALTS} HALTs were pressed at less than nine tenths of the load`);
  return [
    figure(`HALT by key to last faulty response, p50 of ${HALTS}`, quantile(tookMs, 0.5), 'ms', 2),
    figure(`HALT by key to last faulty response, p99 of ${HALTS}`, quantile(tookMs, 0.99), 'ms', 2),
    figure(`HALT by key to last faulty response, max of ${HALTS}`, Math.max(...tookMs), 'ms', 2),
  ];
}
