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

/** How often the upstream is tried while nobody uses the bypass, in milliseconds. */
const PROBE_EVERY = 5_000;

/** Begins to listen. Throws FirebreakError `listen-failed`, at once when the address is taken. */
export async function openBypass(route: RouteMark, clock: Clock): Promise<Bypass> {
  const clients = new Set<Socket>();
  let refusedSince: number | null = null;
  const upstream = placeOf(route.upstream);

  const dialUpstream = (): Socket => {
    const socket = connect({ ...upstream, noDelay: true, allowHalfOpen: true });
    let connected = false;
    socket.once('connect', () => {
      connected = true;
      refusedSince = null;
    });
    socket.on('error', () => {
      if (!connected) refusedSince ??= clock.now();
    });
    return socket;
  };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    clients.add(client);
    const far = dialUpstream();
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
  await listening(server, route);
  const probing = clock.every(PROBE_EVERY, () => {
    if (clients.size > 0) return;
    const probe = dialUpstream();
    probe.once('connect', () => probe.destroy());
  });
  return {
    route,
    get connections() {
      return clients.size;
    },
    get refusedSince() {
      return refusedSince;
    },
    [Symbol.asyncDispose]: async () => {
      probing[Symbol.dispose]();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // A connection that outlived the bypass would escape the next engine's faults.
      for (const client of clients) client.destroy();
      await closed;
    },
  };
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
