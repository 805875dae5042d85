import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type CDPSession, type Page } from 'playwright-core';
import { until } from './room-stage.ts';

type Buckets = readonly (readonly [ms: number, count: number])[];
/** What in-page.js saw since it was last asked. Times in milliseconds. */
export interface Seen {
  readonly ms: number;
  /** Screen refreshes. */
  readonly displayed: number;
  /** Frames of the engine that arrived. */
  readonly frames: number;
  /** Lines of traffic that arrived, and those that were left out before because there were too many. */
  readonly lines: number;
  readonly leftOut: number;
  readonly longTasks: readonly (readonly [start: number, duration: number])[];
  /** From the engine's time of an event until its row was painted; of the rows that came into view, and of all lines of a batch. */
  readonly rows: Buckets;
  readonly all: Buckets;
  /** Wall-clock times by the page's clock at which HALT was pressed, and what must be added for the system's. */
  readonly presses: readonly number[];
  readonly skew: number;
}
export interface Memory {
  /** Used by JavaScript after a collection, bytes. */
  readonly heap: number;
  readonly nodes: number;
  readonly listeners: number;
  /** Resident memory of the page's process, MB; NaN where /proc does not tell. */
  readonly resident: number;
}
export interface Fetched {
  /** Bytes of scripts as they came over the wire, headers included: those asked for before the first figure was painted, and all. */
  readonly first: number;
  readonly scripts: number;
  readonly everything: number;
  /** From navigation to the paint of the first figure, milliseconds. */
  readonly firstFigure: number;
}

/** The room in a tab of its own, with nothing cached. */
export interface RoomPage extends AsyncDisposable {
  readonly page: Page;
  readonly cdp: CDPSession;
  readonly fetched: Fetched;
  take(): Promise<Seen>;
  /** After a forced collection, which stands still for a while: take nothing of what is seen meanwhile. */
  memory(): Promise<Memory>;
  /** CPU seconds of the page's main thread so far. */
  cpu(): Promise<number>;
}

/** Opens the room while faults are active and waits until it shows the first figure of what they do. */
export async function openRoomPage(browser: Browser, url: string): Promise<RoomPage> {
  await using stack = new AsyncDisposableStack();
  const context = await browser.newContext({ viewport: { width: 1920, height: 1080 } });
  stack.defer(() => context.close());
  await context.addInitScript({ path: join(import.meta.dirname, 'in-page.js') });
  const page = await context.newPage();
  const cdp = await context.newCDPSession(page);
  const network = await watchNetwork(cdp);
  await page.goto(url);
  let firstFigure = Number.NaN;
  await until('the room shows a figure', async () => {
    firstFigure = (await page.evaluate<number | null>('roomWatch.firstFigure()')) ?? Number.NaN;
    return !Number.isNaN(firstFigure);
  });
  const fetched = await network(firstFigure + (await page.evaluate<number>('performance.timeOrigin')));
  const close = page.getByRole('button', { name: 'Close the welcome' });
  if (await close.isVisible()) await close.click();
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
  const all = stack.move();
  return {
    page,
    cdp,
    fetched: { ...fetched, firstFigure },
    take: () => page.evaluate<Seen>('roomWatch.take()'),
    memory: async () => {
      // Twice: what the first one finalised is collected by the second.
      for (let turn = 0; turn < 2; turn++) await cdp.send('HeapProfiler.collectGarbage');
      const [{ usedSize }, { nodes, jsEventListeners }] = await Promise.all([cdp.send('Runtime.getHeapUsage'), cdp.send('Memory.getDOMCounters')]);
      return { heap: usedSize, nodes, listeners: jsEventListeners, resident: await residentOf(browser) };
    },
    cpu: async () => (await cdp.send('Performance.getMetrics')).metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** What has been asked for later is fetched by then, milliseconds after the last answer: the other views, while the page is idle. */
const QUIET = 2_500;

/** Counts what the page fetches until it is quiet; `before` is the wall-clock time up to which a script counts as one of the first. */
async function watchNetwork(cdp: CDPSession): Promise<(before: number) => Promise<Omit<Fetched, 'firstFigure'>>> {
  const asked = new Map<string, { readonly script: boolean; readonly at: number; bytes: number }>();
  let last = performance.now();
  cdp.on('Network.requestWillBeSent', ({ requestId, type, wallTime }) => {
    last = performance.now();
    asked.set(requestId, { script: type === 'Script', at: wallTime * 1_000, bytes: 0 });
  });
  cdp.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    last = performance.now();
    const one = asked.get(requestId);
    if (one !== undefined) one.bytes = encodedDataLength;
  });
  await cdp.send('Network.enable');
  return async (before) => {
    await until('the page fetches nothing more', async () => performance.now() - last > QUIET);
    // Each message of the socket would go on crossing to this process.
    await cdp.send('Network.disable');
    const all = [...asked.values()];
    const sum = (of: readonly { readonly bytes: number }[]): number => of.reduce((total, { bytes }) => total + bytes, 0);
    const scripts = all.filter(({ script }) => script);
    return { first: sum(scripts.filter(({ at }) => at <= before)), scripts: sum(scripts), everything: sum(all) };
  };
}

/** The largest of the browser's page processes: there is one tab. */
async function residentOf(browser: Browser): Promise<number> {
  const session = await browser.newBrowserCDPSession();
  try {
    const { processInfo } = await session.send('SystemInfo.getProcessInfo');
    return Math.max(...processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => residentMegabytes(id)));
  } finally {
    await session.detach();
  }
}
function residentMegabytes(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024;
  } catch {
    return Number.NaN;
  }
}

/** The delay below which the share `q` (0-1) lies; NaN when there are none. */
export function quantileOf(seen: readonly Seen[], kind: 'rows' | 'all', q: number): number {
  const buckets = new Map<number, number>();
  for (const one of seen) for (const [ms, count] of one[kind]) buckets.set(ms, (buckets.get(ms) ?? 0) + count);
  const wanted = Math.ceil(q * [...buckets.values()].reduce((sum, count) => sum + count, 0));
  let sum = 0;
  for (const [ms, count] of [...buckets].sort(([a], [b]) => a - b)) if ((sum += count) >= wanted) return ms;
  return Number.NaN;
}
