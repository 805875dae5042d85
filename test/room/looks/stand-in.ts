import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Browser, type BrowserContext, type Page } from 'playwright-core';
import { type EngineApi, api } from '../../../engine/contract/api.ts';
import { type Port } from '../../../engine/contract/envelope.ts';
import { type EngineStatus } from '../../../engine/contract/models.ts';
import { createEngine } from '../../../engine/index.ts';
import { FirebreakError } from '../../../engine/kernel/errors.ts';
import { serve } from '../../../engine/transport/dispatch.ts';
import { ROOM_FOLDER, openPage } from '../../../engine/transport/page.ts';
import { type LoopbackServer, listenLoopback } from '../../../engine/transport/websocket.ts';
import * as story from './story.ts';

/**
 * What the stand-in tells. `live`: a run under way and two faults. `flow`: the same, and it goes on. `calm`: nothing is
 * injected. `bare`: nothing was ever done. `mute`: what is asked gets no answer. `broken`: it gets an error.
 */
export type Mood = 'live' | 'flow' | 'calm' | 'bare' | 'mute' | 'broken';

/** An engine that tells a fixed story over the real contract; what is the same everywhere, a real engine answers. */
export interface StandIn extends AsyncDisposable {
  readonly server: LoopbackServer;
  /** Begins a story: what was kept by an earlier one is forgotten. */
  play(mood: Mood, kept?: Readonly<Record<string, unknown>>): void;
  /** Tells the past to this page at the pace at which it draws, so that no moment is passed over. */
  watch(page: Page): void;
}

/** Knows when the page has drawn the newest frame: it asked for the next, and then refreshed its screen twice. */
class Seen {
  page: Page | undefined;
  #taken = Promise.withResolvers<void>();

  watch(port: Port): Port {
    let frames: number | undefined;
    return {
      ...port,
      onMessage: (listener) =>
        port.onMessage((text) => {
          const { kind, name, id } = JSON.parse(text) as {
            readonly kind?: string;
            readonly name?: string;
            readonly id?: number;
          };
          if (kind === 'subscribe' && name === 'frames') frames = id;
          if (kind === 'more' && id === frames) this.#taken.resolve();
          listener(text);
        }),
    };
  }
  async next(signal: AbortSignal): Promise<void> {
    await Promise.race([this.#taken.promise, once(signal, 'abort')]);
    this.#taken = Promise.withResolvers();
    // A page that is being left cannot be asked.
    await this.page
      ?.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))')
      .catch(() => undefined);
  }
}

const BOTTOM = new Error('the story has no such operation');
/** As often as a real engine tells. */
const EVERY = 100;
/** While nothing changes: often enough not to be taken for dead. */
const STILL = 700;
const FAULTS = [story.SLOW, story.FLAKY];

export async function openStandIn(): Promise<StandIn> {
  await using stack = new AsyncDisposableStack();
  const stateDir = mkdtempSync(join(tmpdir(), 'firebreak-looks-'));
  stack.defer(() => rmSync(stateDir, { recursive: true, force: true }));
  const real = stack.use(await createEngine({ stateDir, observer: true }));
  let mood: Mood = 'live';
  let settings = new Map<string, unknown>();
  const seen = new Seen();
  const handlers = tell(
    real.api,
    () => mood,
    () => settings,
    (signal) => seen.next(signal),
  );
  const server = stack.use(
    await listenLoopback((port) => void serve(api, handlers, seen.watch(port)), {
      port: 0,
      room: openPage(process.env['ROOM_FOLDER'] ?? ROOM_FOLDER),
    }),
  );
  const all = stack.move();
  return {
    server,
    watch: (page) => void (seen.page = page),
    play: (next, kept = {}) => {
      mood = next;
      settings = new Map([['preferences', PREFERENCES], ...Object.entries(kept)]);
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

export const PREFERENCES = {
  theme: 'dark',
  presenter: false,
  discreet: false,
  clock: 'utc',
  welcomed: true,
  traceUrl: '',
};

function tell(
  { queries, commands, streams }: EngineApi,
  mood: () => Mood,
  settings: () => Map<string, unknown>,
  shown: (signal: AbortSignal) => Promise<void>,
): EngineApi {
  const busy = (): boolean => mood() === 'live' || mood() === 'flow';
  const bare = (): boolean => mood() === 'bare';
  /** What a view asks: silent, broken or answered. */
  const asked =
    <In, Out>(answer: (input: In, signal: AbortSignal) => Out | Promise<Out>) =>
    async (input: In, signal: AbortSignal): Promise<Out> => {
      if (mood() === 'mute') return never(signal);
      if (mood() === 'broken')
        throw new FirebreakError('store-broken', 'the state directory cannot be read: input/output error', {
          hint: 'Check the disk, then start Firebreak again.',
        });
      return answer(input, signal);
    };
  const said = <In, Item>(items: (input: In, signal: AbortSignal) => AsyncIterable<Item>) =>
    async function* (input: In, signal: AbortSignal): AsyncIterable<Item> {
      if (mood() !== 'mute') yield* items(input, signal);
      await never(signal);
    };
  return {
    queries: {
      ...queries,
      status: async (): Promise<EngineStatus> => ({
        version: '0.1.0',
        pid: 4_000,
        startedAt: story.NOW - 7_200_000,
        halted: false,
        damage: [],
        routes: bare() ? [] : story.ROUTES,
        experiment: busy() ? { run: story.RUN, name: 'slow-payments', pid: 4_000 } : null,
        faults: busy() ? FAULTS : [],
        open: busy()
          ? FAULTS.map(({ id, policy, type, target, inverse }) => ({
              id,
              run: story.RUN,
              policy,
              type,
              target,
              inverse,
              step: 'applied' as const,
              since: story.NOW - 60_000,
              ownerAlive: true,
              note: '',
            }))
          : [],
        watchdog: bare() ? null : { pid: 4_001, alive: true },
        sentinel: { alive: true, note: '' },
        events: { oldest: 1, newest: busy() ? story.events().length : 0 },
      }),
      doctor: asked(() => CAPABILITIES),
      history: asked(() => (bare() ? [] : story.history(busy()))),
      record: asked(({ run }) => story.RECORDS.find((one) => one.run === run) ?? null),
      validate: asked(queries.validate),
      plan: asked(queries.plan),
      library: asked(queries.library),
      versions: asked(() => (bare() ? [] : VERSIONS)),
      version: asked(() => ({ text: story.SOURCE })),
      series: asked(() => SERIES),
      setting: async ({ key }) => ({ value: settings().get(key) ?? null }),
    },
    commands: {
      ...commands,
      saveSetting: async ({ key, value }) => {
        settings().set(key, value);
        return {};
      },
      halt: async () => ({
        tookMs: 6.4,
        faults: FAULTS.map((fault, index) => ({
          ...fault,
          state: index === 0 ? ('clean' as const) : ('unconfirmed' as const),
          reverted: index === 0,
          note: index === 0 ? '' : 'the route did not answer within 2 s',
        })),
      }),
      rehearse: async () => ({
        lastFaultMs: 5.1,
        haltMs: 18.3,
        before: { responses: 202, faulty: 202 },
        after: { responses: 401, faulty: 2 },
        clean: true,
      }),
      run: () => Promise.reject(BOTTOM),
      apply: () => Promise.reject(BOTTOM),
    },
    streams: {
      ...streams,
      frames: said(async function* (_, signal) {
        while (bare()) {
          yield story.EMPTY_FRAME;
          await pause(STILL, undefined, { signal });
        }
        const calm = !busy();
        for (let t = -120; t < 0; t += 4) {
          yield story.frameAt(t, calm);
          await shown(signal);
        }
        // Silence would be taken for a stopped engine.
        for (let t = 0; ; t += mood() === 'flow' ? 0.1 : 0) {
          yield story.frameAt(t, calm);
          await pause(mood() === 'flow' ? EVERY : STILL, undefined, { signal });
        }
      }),
      events: said(async function* ({ since = 0 }) {
        if (busy()) yield* story.events().filter(({ seq }) => seq > since);
      }),
      traffic: said(async function* (_, signal) {
        if (!bare()) yield story.traffic();
        for (let seq = 1_000; mood() === 'flow'; seq += 80) {
          const { lines, leftOut } = story.traffic();
          yield { lines: lines.slice(0, 20).map((line, index) => ({ ...line, seq: seq + index })), leftOut };
          await pause(EVERY, undefined, { signal });
        }
      }),
      topology: said(async function* () {
        yield bare() ? { at: story.NOW, nodes: [], edges: [], limits: '' } : story.TOPOLOGY;
      }),
    },
  };
}

async function never(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await once(signal, 'abort');
  throw signal.reason;
}

const CAPABILITIES = [
  { name: 'fault http', available: true, detail: '' },
  { name: 'fault process', available: true, detail: '' },
  {
    name: 'fault kafka',
    available: false,
    detail: 'policies of this type are read and scored, but this version has no data plane for it',
  },
  { name: 'load CPU cores', available: true, detail: '2 of 2 cores' },
  { name: 'take memory', available: true, detail: '12280 MB can be taken now, 2411 MB stay free' },
  { name: 'history and undo journal', available: true, detail: 'SQLite' },
];
const VERSIONS = (['deployed', 'run', 'saved'] as const).map((why, index) => ({
  id: index + 1,
  at: story.NOW - 600_000 * (index + 1),
  name: 'slow-payments',
  why,
  hash: `8f3a${index}b1c`,
  chars: 143,
}));
const SERIES = ['storefront', 'orders'].map((service, nth) => ({
  labels: { service },
  points: Array.from({ length: 60 }, (_, index): [number, number] => [
    story.NOW - (59 - index) * 5_000,
    18 + nth * 4 + 3 * Math.sin(index / 4 + nth),
  ]),
}));

export const LIBRARY_FILE = readFileSync(
  new URL('../../../assets/experiments/slow-payments.yaml', import.meta.url),
  'utf8',
);

export interface Look extends AsyncDisposable {
  readonly page: Page;
  readonly said: readonly string[];
}
/** Opens the room at the hour of the story, without motion. */
export async function look(
  browser: Browser,
  standIn: StandIn,
  viewport: { readonly width: number; readonly height: number },
): Promise<Look> {
  const context: BrowserContext = await browser.newContext({
    viewport,
    reducedMotion: 'reduce',
    timezoneId: 'Europe/Berlin',
    locale: 'en-GB',
    deviceScaleFactor: 1,
  });
  const page = await context.newPage();
  const said: string[] = [];
  page.on(
    'console',
    (message) =>
      void (['error', 'warning'].includes(message.type()) && said.push(`${message.type()}: ${message.text()}`)),
  );
  page.on('pageerror', (error) => void said.push(`uncaught: ${error.stack ?? error.message}`));
  await page.clock.setFixedTime(story.NOW);
  standIn.watch(page);
  await page.goto(standIn.server.roomUrl);
  return { page, said, [Symbol.asyncDispose]: () => context.close() };
}
