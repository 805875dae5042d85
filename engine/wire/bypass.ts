import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Route } from '../contract/models.ts';
import { realClock } from '../kernel/clock.ts';
import { errnoOf, FirebreakError, messageOf } from '../kernel/errors.ts';
import { parseAddress } from './address.ts';

/** How often and how far apart a port is tried that the dead engine's sockets still hold; 50 x 40 ms = 2 s. */
const ATTEMPTS = 50;
const PAUSE = 40;

/**
 * Passes the traffic of `routes` on unchanged, in the calling thread and without any policy: what the watchdog puts in
 * the place of an engine that died, so that applications pointed at `listen` still reach their upstream. Throws
 * FirebreakError `listen-failed` when a port stays taken; then none is open. Ends with its disposer.
 */
export async function openBypass(routes: readonly Pick<Route, 'name' | 'listen' | 'upstream'>[]): Promise<AsyncDisposable> {
  const sockets = new Set<Socket>();
  const servers: Server[] = [];
  const closeAll = async (): Promise<void> => {
    const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
    for (const socket of sockets) socket.destroy();
    await Promise.all(closed);
  };
  try {
    for (const route of routes) servers.push(await listen(route, sockets));
  } catch (error) {
    await closeAll();
    throw error;
  }
  return { [Symbol.asyncDispose]: closeAll };
}

async function listen(route: Pick<Route, 'name' | 'listen' | 'upstream'>, sockets: Set<Socket>): Promise<Server> {
  const { host, port } = parseAddress(route.listen);
  const upstream = parseAddress(route.upstream);
  for (let attempt = 1; ; attempt++) {
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => join(client, upstream, sockets));
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ port, ...(host === '' ? {} : { host }) }, resolve);
      });
      server.on('error', () => {});
      return server;
    } catch (cause) {
      if (errnoOf(cause) === 'EADDRINUSE' && attempt < ATTEMPTS) {
        await realClock.sleep(PAUSE);
        continue;
      }
      const message = `the route ${route.name} cannot listen on ${route.listen}: ${messageOf(cause)}`;
      throw new FirebreakError('listen-failed', message, { cause });
    }
  }
}

function join(client: Socket, to: { readonly host: string; readonly port: number }, sockets: Set<Socket>): void {
  const host = to.host === '' ? 'localhost' : to.host;
  const upstream = connect({ host, port: to.port, allowHalfOpen: true, noDelay: true });
  for (const [socket, other] of [[client, upstream], [upstream, client]] as const) {
    sockets.add(socket);
    socket.on('error', () => other.resetAndDestroy());
    socket.on('close', () => {
      sockets.delete(socket);
      other.end();
    });
    socket.pipe(other);
  }
}
