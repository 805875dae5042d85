import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as inFolder } from 'node:path';
import { z } from 'zod';
import { type Api, type Handlers } from '../../engine/contract/api.ts';
import { type Client, clientOf } from '../../engine/contract/client.ts';
import { type Port } from '../../engine/contract/envelope.ts';
import { FirebreakError } from '../../engine/kernel/errors.ts';
import { type DispatchLimits, serve } from '../../engine/transport/dispatch.ts';
import { memoryPair } from '../../engine/transport/memory.ts';
import { connectUnix, listenUnix } from '../../engine/transport/unix.ts';
import { connectLoopback, listenLoopback } from '../../engine/transport/websocket.ts';

/** A small api with one operation for each thing that a transport must get right. */
export const testApi = {
  queries: {
    echo: { input: z.strictObject({ text: z.string().min(1) }), output: z.object({ text: z.string() }) },
    repeat: { input: z.strictObject({ count: z.int() }), output: z.string() },
    wait: { input: z.strictObject({}), output: z.string() },
    refuse: { input: z.strictObject({}), output: z.string() },
    crash: { input: z.strictObject({}), output: z.string() },
    lie: { input: z.strictObject({}), output: z.object({ count: z.int() }) },
  },
  commands: { add: { input: z.strictObject({ by: z.int().default(1) }), output: z.int() } },
  streams: {
    log: { input: z.strictObject({ since: z.int().min(0), to: z.int() }), item: z.int(), delivery: 'every' },
    forever: { input: z.strictObject({}), item: z.int(), delivery: 'every' },
    state: { input: z.strictObject({}), item: z.int(), delivery: 'latest' },
    breaks: { input: z.strictObject({}), item: z.int(), delivery: 'every' },
    lies: { input: z.strictObject({}), item: z.int(), delivery: 'every' },
  },
} as const satisfies Api;

/** What the served side saw, and how a test drives it. */
export class World {
  total = 0;
  aborted = 0;
  /** Items that `log` and `forever` were asked for; shows whether a slow reader slows the source. */
  produced = 0;
  readonly #changed = new Set<() => void>();
  /** Resolves when the condition holds; checked whenever a handler changed something. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#changed.add(resolve));
  }
  note(change: () => void): void {
    change();
    const waiting = [...this.#changed];
    this.#changed.clear();
    for (const resolve of waiting) resolve();
  }
  state: (value: number) => void = () => {};

  readonly handlers: Handlers<typeof testApi> = {
    queries: {
      echo: async ({ text }) => ({ text }),
      repeat: async ({ count }) => 'x'.repeat(count),
      wait: (_input, signal) =>
        new Promise((_resolve, reject) => {
          this.note(() => (this.total += 1));
          signal.addEventListener('abort', () => {
            this.note(() => (this.aborted += 1));
            reject(signal.reason);
          });
        }),
      refuse: async () => {
        throw new FirebreakError('bad-file', 'two findings', {
          hint: 'Correct them.',
          exitCode: 2,
          issues: [
            { place: { file: 'a.yaml', line: 3, column: 5 }, path: 'policies[0].type', message: 'unknown type', hint: 'http' },
            { path: 'name', message: 'missing', hint: 'Name it.' },
          ],
        });
      },
      crash: async () => {
        throw new TypeError('a bug');
      },
      lie: async () => ({ count: 'three' }) as unknown as { count: number },
    },
    commands: {
      add: async ({ by }) => {
        this.note(() => (this.total += by));
        return this.total;
      },
    },
    streams: {
      log: async function* (this: void, { since, to }) {
        for (let seq = since + 1; seq <= to; seq++) yield seq;
      },
      forever: (_input, signal) => this.#forever(signal),
      state: (_input, signal) => this.#states(signal),
      breaks: async function* () {
        yield 1;
        yield 2;
        throw new FirebreakError('events-lost', 'the log no longer holds this', { hint: 'Start again.' });
      },
      lies: async function* () {
        yield 1;
        yield 'two' as unknown as number;
      },
    },
  };

  async *#forever(signal: AbortSignal): AsyncGenerator<number> {
    try {
      for (let seq = 1; !signal.aborted; seq++) {
        this.note(() => (this.produced = seq));
        yield seq;
      }
    } finally {
      this.note(() => (this.aborted += 1));
    }
  }
  async *#states(signal: AbortSignal): AsyncGenerator<number> {
    const queue: number[] = [];
    let wake = (): void => {};
    signal.addEventListener('abort', () => wake());
    this.state = (value) => {
      queue.push(value);
      wake();
    };
    this.note(() => (this.total += 1));
    while (!signal.aborted) {
      for (const value of queue.splice(0)) {
        this.note(() => (this.produced = value));
        yield value;
      }
      if (queue.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    }
  }
}

/** One connection of a transport: the client's port and the world behind the other end. */
export interface Joined extends AsyncDisposable {
  readonly world: World;
  readonly port: Port;
  /** The engine's end, for tests that cut it. */
  readonly far: Port;
}
export interface Transport {
  readonly name: string;
  join(limits?: Partial<DispatchLimits>): Promise<Joined>;
}
export const join = (joined: Joined, limits?: { request: number; reply: number }): Client<typeof testApi> =>
  clientOf(testApi, joined.port, limits);

export const memoryTransport: Transport = {
  name: 'memory',
  join: async (limits) => {
    const world = new World();
    const [port, far] = memoryPair();
    const serving = serve(testApi, world.handlers, far, limits);
    return { world, port, far, [Symbol.asyncDispose]: async () => serving[Symbol.dispose]() };
  },
};

export const websocketTransport: Transport = {
  name: 'loopback WebSocket',
  join: async (limits) => {
    const world = new World();
    const { promise: accepted, resolve } = Promise.withResolvers<Port>();
    const server = await listenLoopback((far) => {
      serve(testApi, world.handlers, far, limits);
      resolve(far);
    });
    const port = await connectLoopback(server.url);
    return { world, port, far: await accepted, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  },
};

export const unixTransport: Transport = {
  name: 'Unix socket',
  join: async (limits) => {
    const world = new World();
    const folder = mkdtempSync(inFolder(tmpdir(), 'firebreak-unix-'));
    const path = inFolder(folder, 'test.sock');
    const { promise: accepted, resolve } = Promise.withResolvers<Port>();
    const server = await listenUnix({
      path,
      onPort: (far) => {
        serve(testApi, world.handlers, far, limits);
        resolve(far);
      },
    });
    const port = await connectUnix(path);
    return {
      world,
      port,
      far: await accepted,
      [Symbol.asyncDispose]: async () => {
        await server[Symbol.asyncDispose]();
        rmSync(folder, { recursive: true });
      },
    };
  },
};
