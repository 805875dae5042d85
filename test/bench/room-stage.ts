import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EngineClient, createClient } from '../../engine/contract/client.ts';
import { connectLoopback } from '../../engine/transport/websocket.ts';
import { buildRoom } from '../../renderer/build.mjs';
import type { Counts, Question } from './children/paced-load.ts';
import { Part } from './processes.ts';

/** The load that the room is promised to bear, together with the engine's ten frames a second. */
export const TARGETS = 50;
export const EVENTS_PER_SECOND = 2_000;
const CONNECTIONS = 25;
/** Nothing that is waited for takes longer than this on a machine that works, milliseconds. */
const PATIENCE = 30_000;

/** One policy a path, each of which fails every request. */
const POLICIES = [
  'version: 1',
  'name: bench-of-the-room',
  'policies:',
  ...Array.from({ length: TARGETS }, (_, index) => `  - { name: fail-${index}, type: http, target: /t${String(index).padStart(2, '0')}, error_chance: 1, error_code: 503 }`),
].join('\n');

/** An engine with the room, an upstream, and a load between them that runs all the time, each in a process of its own. */
export interface RoomStage extends AsyncDisposable {
  readonly url: string;
  readonly client: EngineClient;
  readonly engine: Part;
  /** Injects the 50 faults; resolves when all are active, with the id that `released` takes. */
  inject(): Promise<string>;
  /** Throws unless everything that `inject` did is proven clean within a moment. */
  expectClean(run: string): Promise<void>;
  load(ask: Question['ask']): Promise<Counts>;
}

/** Builds the room as it is served in life and starts all parts. */
export async function openRoomStage(): Promise<RoomStage> {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-bench-page-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  await buildRoom({ outdir: join(folder, 'room') });
  const part = (script: string, ...args: readonly string[]): Part => stack.adopt(Part.node(script, ...args), (one) => one.end());
  const engine = part('room-host.ts', join(folder, 'room'));
  const upstream = part('upstream.ts');
  const { url, wsUrl } = await soon('the engine', engine.answer<{ url: string; wsUrl: string }>());
  const { port } = await soon('the upstream', upstream.answer<{ port: number }>());
  const client = stack.use(createClient(await connectLoopback(wsUrl)));
  const routes = await client.command('openRoutes', { routes: [{ name: 'bench', protocol: 'http', listen: '127.0.0.1:0', upstream: `127.0.0.1:${port}` }] });
  const load = part('paced-load.ts', routes[0]?.listen.split(':')[1] ?? '', String(EVENTS_PER_SECOND), String(CONNECTIONS), String(TARGETS));
  await soon('the load', load.answer());
  // An engine that ends under faults leaves their undo to its watchdog, which would put its log into the removed folder.
  stack.defer(async () => void (await client.command('halt', { by: 'the bench' }).catch(() => {})));
  const all = stack.move();
  return {
    url,
    client,
    engine,
    inject: async () => {
      const { run, faults } = await client.command('apply', { text: POLICIES, file: 'bench-of-the-room.yaml', routes, ttlMs: 24 * 3_600_000 }, AbortSignal.timeout(PATIENCE));
      if (faults.length !== TARGETS) throw new Error(`${faults.length} faults were injected in place of ${TARGETS}`);
      await until('every fault is active', async () => (await client.query('status', {})).faults.filter(({ state }) => state === 'active').length === TARGETS);
      return run;
    },
    expectClean: async (run) => {
      const { faults, reverted } = await client.query('released', { run }, AbortSignal.timeout(PATIENCE));
      if (!reverted || faults.length !== TARGETS) throw new Error(`${faults.filter((fault) => fault.reverted).length} of ${TARGETS} faults are proven clean`);
      const { open } = await client.query('open', {});
      if (open.length > 0) throw new Error(`${open.length} undo records are still open`);
    },
    load: (ask) => soon(`the load's answer to "${ask}"`, load.ask<Counts>({ ask } satisfies Question)),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** Fails when it takes longer than anything here takes. */
export async function soon<T>(what: string, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`waited ${PATIENCE / 1_000} s in vain for ${what}`)), PATIENCE);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks again until it holds. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited ${PATIENCE / 1_000} s in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
