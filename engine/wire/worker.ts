import { createServer, type Server } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { errnoOf, messageOf } from '../kernel/errors.ts';
import { Acts } from './acts.ts';
import { Connection } from './connection.ts';
import { Effects, type SlottedPolicy } from './effects.ts';
import { Holds } from './holds.ts';
import type { Answer, Order, Request, RouteOrder, Told, WorkerStart } from './messages.ts';
import type { OpenRoute } from './open-route.ts';
import { forgetRoute, placeRoute } from './places.ts';
import { SESSIONS } from './sessions.ts';
import { Shard } from './shared.ts';
import { Tap } from './tap.ts';
import { Toxics } from './toxics/toxics.ts';
import { Greeter } from './tls/greet.ts';

/** One thread of the data plane: its listeners, its connections, its copy of the snapshot. */

/** Connections the kernel may queue while the loop is busy; the same as Node's own default (net.Server.listen). */
const BACKLOG = 511;

const port = parentPort;
if (port === null) throw new Error('worker.ts runs in a worker thread');
const { shared, worker } = workerData as WorkerStart;
const shard = new Shard(shared, worker);
const effects = new Effects(shared, shard);
const holds = new Holds(shard, () => effects.halted);
const tap = new Tap(shared, worker, (traffic) => port.postMessage({ traffic } satisfies Told));
let policies: readonly SlottedPolicy[] = [];

interface Listener {
  readonly server: Server;
  readonly connections: Set<Connection>;
  readonly greeter?: Greeter;
}
const listeners = new Map<string, Listener>();
const toxics = new Toxics<Connection>(shared, { shard, tap }, () => effects.halted, function* () {
  for (const { connections } of listeners.values()) yield* connections;
});

class OpenFailure extends Error {
  readonly route: string;
  constructor(route: string, cause: unknown) {
    super(messageOf(cause), { cause });
    this.route = route;
  }
}

port.on('message', (request: Request) => {
  obey(request.order).then(
    (ports) => answer({ number: request.number, ok: true, ports }),
    (error: unknown) =>
      answer({
        number: request.number,
        ok: false,
        route: error instanceof OpenFailure ? error.route : '',
        code: errnoOf(error instanceof OpenFailure ? error.cause : error),
        message: messageOf(error),
      }),
  );
});
function answer(message: Answer): void {
  port?.postMessage(message);
}

async function obey(order: Order): Promise<readonly number[]> {
  switch (order.kind) {
    case 'open':
      return open(order.routes);
    case 'close':
      order.names.forEach(close);
      return [];
    case 'policies':
      install(order.policies);
      return [];
    case 'add':
      install([...policies.filter(({ policy }) => policy.id !== order.added.policy.id), order.added]);
      return [];
    case 'remove':
      install(policies.filter(({ policy }) => policy.id !== order.id));
      return [];
  }
}

function install(next: readonly SlottedPolicy[]): void {
  const gone = policies.filter((old) => !next.some(({ policy }) => policy.id === old.policy.id));
  policies = next;
  effects.install(next);
  toxics.install(next);
  for (const { slot } of gone) holds.releasePolicy(slot);
}

async function open(routes: readonly RouteOrder[]): Promise<number[]> {
  const ports: number[] = [];
  try {
    for (const route of routes) ports.push(await listen(route));
  } catch (error) {
    routes.slice(0, ports.length).forEach(({ name }) => close(name));
    throw error;
  }
  return ports;
}

async function listen(order: RouteOrder): Promise<number> {
  const session = await SESSIONS[order.protocol]();
  const connections = new Set<Connection>();
  const { tls } = order;
  const parts: Omit<OpenRoute<Connection>, 'acts'> = {
    name: order.name,
    protocol: order.protocol,
    host: order.upstream.host === '' ? 'localhost' : order.upstream.host,
    port: order.upstream.port,
    ...(tls?.upstream !== undefined && { upstreamTls: tls.upstream }),
    slot: order.slot,
    effects,
    shard,
    tap,
    toxics,
    failed: (error) => answer({ number: 0, ok: false, route: order.name, code: 'bug', message: stackOf(error) }),
    closed: (connection) => void connections.delete(connection),
  };
  const route: OpenRoute<Connection> = { ...parts, acts: new Acts(parts, holds) };
  const greeter = tls?.shown === undefined ? undefined : new Greeter(route, tls.shown, tls.upstream);
  shard.resetActive(order.slot);
  // Paused, because the connection takes the handle over before anything may be read.
  const server = createServer({ noDelay: true, allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    const number = toxics.numberOf(order.slot);
    if (toxics.refuses(route, number)) socket.resetAndDestroy();
    else if (greeter === undefined) connections.add(new Connection(route, socket, session, number));
    else greeter.greet(socket, ({ secured, alpn }) => connections.add(new Connection(route, secured, session, number, { raw: socket, alpn })));
  });
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => reject(new OpenFailure(order.name, cause)));
    const { host, port: wanted } = order.listen;
    server.listen({ port: wanted, ...(host === '' ? {} : { host }), backlog: BACKLOG, reusePort: order.reusePort }, () => {
      server.removeAllListeners('error');
      // A failed accept (too many open files) concerns one client; the listener goes on.
      server.on('error', route.failed);
      listeners.set(order.name, { server, connections, ...(greeter !== undefined && { greeter }) });
      const address = server.address();
      const port = address !== null && typeof address === 'object' ? address.port : wanted;
      placeRoute({ name: order.name, protocol: order.protocol, listen: { host, port }, upstream: order.upstream });
      resolve(port);
    });
  });
}

function close(name: string): void {
  const listener = listeners.get(name);
  if (listener === undefined) return;
  listeners.delete(name);
  forgetRoute(name);
  listener.server.close();
  listener.greeter?.close();
  for (const connection of listener.connections) connection.destroy();
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
