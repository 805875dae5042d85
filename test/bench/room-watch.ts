import { cpus } from 'node:os';
import { type Browser } from 'playwright-core';
import { type Memory, type RoomPage, type Seen } from './room-page.ts';
import { type RoomStage, soon } from './room-stage.ts';

/** A stretch of time in which the room only showed the load. */
export interface Stretch {
  readonly minutes: number;
  readonly seen: readonly Seen[];
  readonly before: Memory;
  readonly after: Memory;
  /** Cores in use on average: by all of this machine, by the page's main thread, by the engine, by the whole browser. */
  readonly busy: number;
  readonly thread: number;
  readonly engine: number;
  readonly browser: number;
  /** Responses that the load got, per second, and those of them that were faulty. */
  readonly rate: number;
  readonly faulty: number;
}

/** How often what the page saw is read from it, milliseconds. */
const READ_EVERY = 10_000;
/** A collection stands still for a while: what the page saw of it is thrown away after this, milliseconds. */
const AFTER_COLLECTION = 1_000;

/** Watches the room for `ms` while faults are in force. Memory is read before and after, outside of what is judged. */
export async function watchRoom(room: RoomPage, stage: RoomStage, browser: Browser, ms: number): Promise<Stretch> {
  const before = await room.memory();
  await pause(AFTER_COLLECTION);
  const start = await usageOf(room, stage, browser);
  await stage.load('mark');
  await room.take();
  const seen: Seen[] = [];
  const began = performance.now();
  for (let left = ms; left > 0; left = ms - (performance.now() - began)) {
    await pause(Math.min(left, READ_EVERY));
    seen.push(await room.take());
  }
  const took = performance.now() - began;
  const load = await stage.load('counts');
  const end = await usageOf(room, stage, browser);
  const used = (of: keyof typeof start): number => ((end[of] - start[of]) * 1_000) / took;
  const after = await room.memory();
  await pause(AFTER_COLLECTION);
  await room.take();
  return {
    minutes: took / 60_000,
    seen,
    before,
    after,
    busy: used('all'),
    thread: used('thread'),
    engine: used('engine'),
    browser: used('browser'),
    rate: ((load.clean + load.faulty) * 1_000) / took,
    faulty: (load.faulty * 1_000) / took,
  };
}

/** A task longer than this is a long one (W3C Long Tasks), milliseconds. */
const LONG = 50;
/** An event of the browser's trace; `tdur`: the thread's own CPU time, microseconds. */
interface Traced {
  readonly pid: number;
  readonly tid: number;
  readonly name: string;
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/**
 * The tasks of the page's main thread by the CPU time that they used: what is long by the clock alone was held up by
 * other work on the machine. Milliseconds.
 */
export async function traceTasks({ cdp }: RoomPage, ms: number): Promise<{ readonly long: number; readonly longest: number }> {
  const events: Traced[] = [];
  const collect = ({ value }: { value: readonly object[] }): void => void events.push(...(value as Traced[]));
  cdp.on('Tracing.dataCollected', collect);
  await cdp.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig: { includedCategories: ['toplevel'], excludedCategories: ['*'] } });
  await pause(ms);
  const { promise, resolve } = Promise.withResolvers<void>();
  cdp.once('Tracing.tracingComplete', () => resolve());
  await cdp.send('Tracing.end');
  await soon('the trace', promise);
  cdp.off('Tracing.dataCollected', collect);
  // The busiest: the browser has pages of its own.
  const threads = events.filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain');
  const tasks = threads.map(({ pid, tid }) => events.filter((one) => one.pid === pid && one.tid === tid && one.name.endsWith('RunTask')).map(({ tdur = 0 }) => tdur / 1_000));
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const main = tasks.toSorted((a, b) => sum(b) - sum(a))[0] ?? [];
  if (sum(main) === 0) throw new Error('the trace tells of no task of the page');
  return { long: main.filter((used) => used > LONG).length, longest: Math.max(...main) };
}

/** CPU seconds used so far. */
async function usageOf(room: RoomPage, { engine }: RoomStage, browser: Browser): Promise<{ all: number; thread: number; engine: number; browser: number }> {
  const session = await browser.newBrowserCDPSession();
  try {
    const { processInfo } = await session.send('SystemInfo.getProcessInfo');
    const all = cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) / 1_000;
    return { all, thread: await room.cpu(), engine: engine.cpu(), browser: processInfo.reduce((sum, { cpuTime }) => sum + cpuTime, 0) };
  } finally {
    await session.detach();
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
