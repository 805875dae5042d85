import { appendFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { NO_BROWSER, openBrowser } from '../room/stage.ts';
import { type Figure } from './figure.ts';
import { type RoomPage, openRoomPage, quantileOf } from './room-page.ts';
import { type RoomStage, openRoomStage } from './room-stage.ts';
import { type Stretch, watchRoom } from './room-watch.ts';

/** How long, in minutes; SOAK_MINUTES says otherwise. */
const MINUTES = 60;
/** The charts show two minutes and the journal 10,000 lines: before both are full, memory must grow. */
const WARM_UP = 150_000;
const MINUTE = 60_000;
/** What of a minute is left for reading the memory, and for HALT. */
const REST = 3_000;
/** As in life: HALT from the page's own key and everything anew, every so many minutes. */
const HALT_EVERY = 10;
const MEGABYTE = 1_048_576;

/** What a minute showed; one JSON line each goes to the file that SOAK_FIGURES names. */
interface Minute {
  readonly minute: number;
  readonly heap: number;
  readonly nodes: number;
  readonly listeners: number;
  readonly page: number;
  readonly engine: number;
  readonly longTasks: number;
  readonly longest: number;
  readonly refreshes: number;
  readonly frames: number;
  readonly events: number;
  readonly leftOut: number;
  readonly delayP50: number;
  readonly delayP99: number;
  readonly mainThread: number;
  readonly busyCores: number;
  readonly load: number;
}

/** The room for an hour at the load that it is promised to bear: does its memory stay flat? Not run unless it is named. */
export async function run(say: (line: string) => void): Promise<readonly Figure[]> {
  if (NO_BROWSER !== false) {
    say(`the room is not measured: ${NO_BROWSER}`);
    return [];
  }
  const asked = Number(process.env['SOAK_MINUTES'] ?? MINUTES);
  if (!Number.isInteger(asked) || asked < 2) throw new Error(`SOAK_MINUTES is ${process.env['SOAK_MINUTES']}: expected a whole number of minutes from 2 on`);
  const file = process.env['SOAK_FIGURES'];
  await using stage = await openRoomStage();
  await using browser = await openBrowser();
  let injected = await stage.inject();
  await using room = await openRoomPage(browser, stage.url);
  say(`warming up for ${WARM_UP / 1_000} s, then ${asked} minutes`);
  await new Promise((resolve) => setTimeout(resolve, WARM_UP));
  const minutes: Minute[] = [];
  const began = performance.now();
  for (let minute = 1; minute <= asked; minute++) {
    const left = began + minute * MINUTE - REST - performance.now();
    const one = minuteOf(minute, await watchRoom(room, stage, browser, Math.max(MINUTE / 2, left)), stage);
    minutes.push(one);
    if (file !== undefined) appendFileSync(file, `${JSON.stringify(one)}\n`);
    if (minute % HALT_EVERY === 0) injected = await haltAndInject(room, stage, injected);
    if (minute % 10 === 0) say(`${minute} of ${asked} minutes`);
  }
  const figures = figuresOf(minutes);
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ summary: figures })}\n`);
  return figures;
}

async function haltAndInject({ page }: RoomPage, stage: RoomStage, run: string): Promise<string> {
  await page.keyboard.press('F8');
  await stage.load('settled');
  await stage.expectClean(run);
  return stage.inject();
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));

function minuteOf(minute: number, { seen, after, minutes, thread, busy }: Stretch, { engine }: RoomStage): Minute {
  const long = seen.flatMap(({ longTasks }) => longTasks.map(([, duration]) => duration));
  const perSecond = (pick: (one: (typeof seen)[number]) => number): number => seen.reduce((sum, one) => sum + pick(one), 0) / (minutes * 60);
  return {
    minute,
    heap: round(after.heap / MEGABYTE, 3),
    nodes: after.nodes,
    listeners: after.listeners,
    page: round(after.resident, 1),
    engine: round(engine.memory(), 1),
    longTasks: long.length,
    longest: round(Math.max(0, ...long), 0),
    refreshes: round(perSecond(({ displayed }) => displayed), 1),
    frames: round(perSecond(({ frames }) => frames), 1),
    events: round(perSecond(({ lines }) => lines), 0),
    leftOut: seen.reduce((sum, { leftOut }) => sum + leftOut, 0),
    delayP50: quantileOf(seen, 'rows', 0.5),
    delayP99: quantileOf(seen, 'rows', 0.99),
    mainThread: round(thread, 2),
    busyCores: round(busy, 2),
    load: round(loadavg()[0] ?? Number.NaN, 1),
  };
}

/** Growth per minute by least squares: the first and last value alone would be those of two chance moments. */
function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const above = values.reduce((sum, value, index) => sum + (index - middle) * (value - mean), 0);
  const below = values.reduce((sum, _, index) => sum + (index - middle) ** 2, 0);
  return above / below;
}

function figuresOf(minutes: readonly Minute[]): Figure[] {
  const of = (key: keyof Minute): number[] => minutes.map((minute) => minute[key]);
  const mean = (key: keyof Minute): number => of(key).reduce((sum, value) => sum + value, 0) / minutes.length;
  const figure = (metric: string, value: number, unit: string, digits = 2): Figure => ({ bench: 'soak', metric, value: round(value, digits), unit });
  const grown = (name: string, key: keyof Minute, unit: string): Figure[] => [
    figure(`${name} at the start`, of(key)[0] ?? Number.NaN, unit),
    figure(`${name} at the end`, of(key).at(-1) ?? Number.NaN, unit),
    figure(`${name}, growth`, slope(of(key)), `${unit}/min`, 4),
  ];
  return [
    figure('length', minutes.length, 'min', 0),
    ...grown('heap of the page', 'heap', 'MB'),
    ...grown('nodes', 'nodes', 'nodes'),
    ...grown('listeners', 'listeners', 'listeners'),
    ...grown('resident memory of the page', 'page', 'MB'),
    ...grown('resident memory of the engine', 'engine', 'MB'),
    figure('events', mean('events'), 'per s', 0),
    figure('engine frames', mean('frames'), 'per s'),
    figure('long tasks per minute', mean('longTasks'), 'tasks'),
    figure('longest task', Math.max(...of('longest')), 'ms', 0),
    figure('event to pixel, row in view, p50 of the worst minute', Math.max(...of('delayP50')), 'ms', 0),
    figure('event to pixel, row in view, p99 of the worst minute', Math.max(...of('delayP99')), 'ms', 0),
    figure('main thread', mean('mainThread'), 'cores'),
    figure('cores of the machine in use', mean('busyCores'), 'cores'),
  ];
}
