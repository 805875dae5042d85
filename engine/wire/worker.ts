import { createServer, type Server } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import type { Protocol } from '../contract/models.ts';
import { errnoOf, messageOf } from '../kernel/errors.ts';
import { Acts } from './acts.ts';
import { Cancels } from './cancels.ts';
import { Connection } from './connection.ts';
import { Door } from './door.ts';
import { Effects, type SlottedPolicy } from './effects.ts';
import { Holds } from './holds.ts';
import type { Answer, Order, Request, RouteOrder, Told, WorkerStart } from './messages.ts';
import type { OpenRoute } from './open-route.ts';
import { forgetRoute, placeRoute } from './places.ts';
import { SESSIONS } from './sessions.ts';
import { POLICY, Shard } from './shared.ts';
import { Tap } from './tap.ts';
import { Toxics } from './toxics/toxics.ts';
import { byName } from './tls/by-name.ts';
import { Greeter } from './tls/greet.ts';

/** One thread of the data plane: its listeners, its connections, its copy of the snapshot. */

/** Protocols in which client and server agree on TLS in their own words first. */
const TLS_INSIDE: ReadonlySet<Protocol> = new Set(['sql']);

const port = parentPort;
if (port === null) throw new Error('worker.ts runs in a worker thread');
const { shared, worker } = workerData as WorkerStart;
const shard = new Shard(shared, worker);
const effects = new Effects(shared, shard);
const holds = new Holds(shard, () => effects.halted);
const cancels = new Cancels(shared, worker);
const tap = new Tap(shared, worker, (traffic) => port.postMessage({ traffic } satisfies Told));
let policies: readonly SlottedPolicy[] = [];

interface Listener {
  readonly door: Door;
  readonly order: RouteOrder;
  readonly connections: Set<Connection>;
  /** The toxics that have shut its door; each counts it once. */
  readonly shutBy: Set<string>;
  readonly greeter?: Greeter;
}
const listeners = new Map<string, Listener>();
const toxics = new Toxics<Connection>(shared, { shard, tap }, () => effects.halted, {
  *connections() {
    for (const { connections } of listeners.values()) yield* connections;
  },
  changed: () => listeners.forEach(setDoor),
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
      install(policies.filter(({ policy }) => policy.id !== order.removed.policy.id));
      await reopened(order.removed);
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

/** Shuts the door of a route that is down for everybody. Workers that share a port cannot: each connection is refused by itself. */
function setDoor({ door, order, shutBy }: Listener): void {
  const down = order.reusePort ? [] : toxics.shut(order.name);
  for (const { id, slot } of down) {
    if (shutBy.has(id)) continue;
    shutBy.add(id);
    shard.policy(slot, POLICY.hits);
  }
  door.want(down.length === 0);
}

/** Resolves when what the policy shut is open again, unless another one keeps it shut. Throws OpenFailure when its port is gone. */
async function reopened({ policy }: SlottedPolicy): Promise<void> {
  for (const { door, order, shutBy } of [...listeners.values()]) {
    if (!shutBy.has(policy.id)) continue;
    await door.settled().catch((cause: unknown) => {
      throw new OpenFailure(order.name, cause);
    });
    shutBy.delete(policy.id);
  }
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
  const understood = await SESSIONS[order.protocol]();
  const session = order.byName === undefined ? understood : byName(order.byName, understood);
  const connections = new Set<Connection>();
  const { tls } = order;
  const parts: Omit<OpenRoute<Connection>, 'acts'> = {
    name: order.name,
    protocol: order.protocol,
    host: order.upstream.host === '' ? 'localhost' : order.upstream.host,
    port: order.upstream.port,
    ...(tls?.upstream !== undefined && { upstreamTls: tls.upstream }),
    ...(tls !== undefined && TLS_INSIDE.has(order.protocol) && { tlsInside: true }),
    slot: order.slot,
    effects,
    cancels,
    shard,
    tap,
    toxics,
    failed: (error) => answer({ number: 0, ok: false, route: order.name, code: 'bug', message: stackOf(error) }),
    closed: (connection) => void connections.delete(connection),
  };
  const judged = { ...parts, acts: new Acts(parts, holds) };
  const greeter = tls?.shown === undefined ? undefined : new Greeter(judged, tls.shown, tls.upstream);
  const route: OpenRoute<Connection> = { ...judged, ...(greeter !== undefined && { greeter }) };
  shard.resetActive(order.slot);
  // Paused, because the connection takes the handle over before anything may be read.
  const make = (): Server =>
    createServer({ noDelay: true, allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      const number = toxics.numberOf(order.slot);
      if (toxics.refuses(route, number)) socket.resetAndDestroy();
      else if (greeter === undefined || route.tlsInside === true) connections.add(new Connection(route, socket, session, number));
      else greeter.greet(socket, ({ secured, alpn }) => connections.add(new Connection(route, secured, session, number, { raw: socket, alpn })));
      // A failed accept (too many open files) concerns one client; the listener goes on.
    }).once('listening', function (this: Server) {
      this.on('error', route.failed);
    });
  const shut = (cause: unknown): void => answer({ number: 0, ok: false, route: order.name, code: errnoOf(cause), message: messageOf(cause) });
  const door = new Door(order.listen, order.reusePort, make, shut);
  const port = await door.open().catch((cause: unknown) => {
    throw new OpenFailure(order.name, cause);
  });
  const listener: Listener = { door, order, connections, shutBy: new Set(), ...(greeter !== undefined && { greeter }) };
  listeners.set(order.name, listener);
  placeRoute({ name: order.name, protocol: order.protocol, listen: { host: order.listen.host, port }, upstream: order.upstream });
  setDoor(listener);
  return port;
}

function close(name: string): void {
  const listener = listeners.get(name);
  if (listener === undefined) return;
  listeners.delete(name);
  forgetRoute(name);
  listener.door.close();
  listener.greeter?.close();
  for (const connection of listener.connections) connection.destroy();
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
