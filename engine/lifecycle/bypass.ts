import { connect, createServer, type Server, type Socket } from 'node:net';
import { type Clock } from '../kernel/clock.ts';
import { FirebreakError, messageOf } from '../kernel/errors.ts';
import { type RouteMark } from './messages.ts';

/** Stands in for a dead engine at one address: every byte passes, nothing is injected. */
export interface Bypass extends AsyncDisposable {
  readonly route: RouteMark;
  /** Open client connections. */
  readonly connections: number;
  /** Monotonic time since which the upstream has refused every connection; null when it has not. */
  readonly refusedSince: number | null;
}

/** How often an upstream that refuses is tried, and how soon another one at first, in milliseconds. */
const PROBE_EVERY = 5_000;

/**
 * Knows since when an upstream has refused every connection; while nobody else does, it tries for itself. One that takes the
 * connection is left alone twice as long each time: MySQL and MariaDB shut a host out after 100 connections that came to
 * nothing (max_connect_errors), and that would outlive us.
 */
export class UpstreamWatch implements Disposable {
  refusedSince: number | null = null;
  readonly #clock: Clock;
  readonly #upstream: { host: string; port: number };
  readonly #probing: Disposable;
  #pause = PROBE_EVERY;
  #due = 0;

  constructor(upstream: string, clock: Clock, unused: () => boolean) {
    this.#clock = clock;
    this.#upstream = placeOf(upstream);
    this.#probing = clock.every(PROBE_EVERY, () => {
      const now = clock.now();
      if (!unused() || now < this.#due) return;
      this.#due = now + this.#pause;
      this.#pause *= 2;
      const probe = this.dial();
      probe.once('connect', () => probe.destroy());
    });
  }
  dial(): Socket {
    const socket = connect({ ...this.#upstream, noDelay: true, allowHalfOpen: true });
    let connected = false;
    socket.once('connect', () => {
      connected = true;
      this.refusedSince = null;
    });
    socket.on('error', () => {
      if (connected) return;
      this.refusedSince ??= this.#clock.now();
      this.#pause = PROBE_EVERY;
      this.#due = 0;
    });
    return socket;
  }
  [Symbol.dispose](): void {
    this.#probing[Symbol.dispose]();
  }
}

/** Begins to listen. Throws FirebreakError `listen-failed`, at once when the address is taken. */
export async function openBypass(route: RouteMark, clock: Clock): Promise<Bypass> {
  const clients = new Set<Socket>();
  const watch = new UpstreamWatch(route.upstream, clock, () => clients.size === 0);
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    clients.add(client);
    const far = watch.dial();
    client.pipe(far);
    far.pipe(client);
    const cut = (): void => {
      clients.delete(client);
      client.destroy();
      far.destroy();
    };
    for (const socket of [client, far]) socket.on('error', cut);
    client.on('close', cut);
    far.on('close', () => client.destroySoon());
  });
  try {
    await listening(server, route);
  } catch (error) {
    watch[Symbol.dispose]();
    throw error;
  }
  return {
    route,
    get connections() {
      return clients.size;
    },
    get refusedSince() {
      return watch.refusedSince;
    },
    [Symbol.asyncDispose]: async () => {
      watch[Symbol.dispose]();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // A connection that outlived the bypass would escape the next engine's faults.
      for (const client of clients) client.destroy();
      await closed;
    },
  };
}

/** Whether the address can be listened on now; throws as `openBypass` does. */
export async function mustBeFree(route: RouteMark): Promise<void> {
  const server = createServer();
  await listening(server, route);
  await new Promise((resolve) => server.close(resolve));
}

function listening(server: Server, route: RouteMark): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        new FirebreakError(
          'listen-failed',
          `route ${route.name}: cannot listen on ${route.listen}: ${messageOf(error)}`,
          { cause: error },
        ),
      );
    });
    server.listen(placeOf(route.listen), () => resolve());
  });
}

function placeOf(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  return {
    host: address.slice(0, colon).replace(/^\[(.*)\]$/, '$1') || '127.0.0.1',
    port: Number(address.slice(colon + 1)),
  };
}
