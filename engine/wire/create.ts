import { createServer } from 'node:net';
import type { Route } from '../contract/models.ts';
import { errnoOf, FirebreakError, messageOf } from '../kernel/errors.ts';
import type { WirePolicy } from '../policy/snapshot.ts';
import { type Address, formatAddress, parseAddress } from './address.ts';
import { Channel, RouteFailure } from './channel.ts';
import type { SlottedPolicy } from './effects.ts';
import type { Order, RouteOrder } from './messages.ts';
import { Listeners } from './listeners.ts';
import { createShared, HALT_WORD, POLICY_SLOTS, ROUTE_SLOTS, Totals } from './shared.ts';
import type { TapBatch } from './tap.ts';
import type { UpstreamsByName } from './tls/by-name.ts';
import type { TlsMaterial } from './tls/material.ts';
import type { PolicyCounters, RouteCounters, Wire } from './wire.ts';

export interface WireOptions {
  /** Worker threads; 1 by default, because more gain nothing on two cores. Beyond 1 needs SO_REUSEPORT (Linux). */
  readonly workers?: number;
  /** Makes what a route needs for its TLS; undefined when it has none. Throws when a file of it cannot be read. */
  readonly tls?: (route: Route) => Promise<TlsMaterial | undefined>;
  /** Hears of a worker that died and was started again, and of bugs that cost a connection. */
  readonly onError?: (error: Error) => void;
}

/** Final counters of removed policies are kept for the report; the oldest go first. */
const KEPT_COUNTERS = 10_000;
const WORKER = new URL('./worker.ts', import.meta.url);

/** Starts the data plane; its threads run until it is disposed. */
export function createWire(options: WireOptions = {}): Wire {
  const count = process.platform === 'linux' ? Math.max(1, options.workers ?? 1) : 1;
  const shared = createShared(count);
  const totals = new Totals(shared);
  const halt = new Int32Array(shared.control);
  const listeners = new Listeners(shared);
  const opened = new Map<string, { readonly route: Route; readonly order: RouteOrder }>();
  const policies = new Map<string, SlottedPolicy>();
  const past = new Map<string, PolicyCounters>();
  /** The policy of each fault, those of the past included. */
  const ofFault = new Map<string, string>();
  const removals = new Map<string, Promise<void>>();
  const policySlots = new Slots(POLICY_SLOTS, 'policies');
  const routeSlots = new Slots(ROUTE_SLOTS, 'routes');

  const restore = (): Order[] => [
    { kind: 'policies', policies: [...policies.values()] },
    { kind: 'open', routes: [...opened.values()].map(({ order }) => order) },
  ];
  const report = options.onError ?? (() => {});
  const channels = Array.from({ length: count }, (_, worker) => {
    const hears = { report: (error: Error): void => report(asClosed(error)), traffic: (batch: TapBatch): void => listeners.received(worker, batch) };
    return new Channel(WORKER, { shared, worker }, restore, hears);
  });
  /** A route that was down and cannot listen again. */
  const asClosed = (error: unknown): Error => listenFailed(error, wire.routes(), ' again') as Error;
  const tellAll = async (order: Order): Promise<void> => void (await Promise.all(channels.map((channel) => channel.call(order))));

  /** The first worker fills in port 0; the others then share what it got. */
  const openAll = async (routes: readonly Route[], orders: RouteOrder[]): Promise<void> => {
    if (count > 1) for (const [i, order] of orders.entries()) orders[i] = { ...order, listen: await claim(order) };
    for (const channel of channels) {
      const ports = await channel.call({ kind: 'open', routes: orders });
      orders.forEach((order, i) => (orders[i] = { ...order, listen: { ...order.listen, port: ports[i] ?? order.listen.port } }));
    }
    routes.forEach((route, i) => {
      const order = orders[i] as RouteOrder;
      opened.set(route.name, { order, route: { ...route, listen: formatAddress(order.listen) } });
    });
  };
  const close = async (names: readonly string[]): Promise<void> => {
    const known = names.filter((name) => opened.has(name));
    const slots = known.map((name) => opened.get(name)?.order.slot ?? 0);
    known.forEach((name) => opened.delete(name));
    if (known.length > 0) await tellAll({ kind: 'close', names: known });
    slots.forEach((slot) => routeSlots.free(slot));
  };

  const remove = async (id: string, removed: SlottedPolicy): Promise<void> => {
    const { slot } = removed;
    policies.delete(id);
    // What it has done so far must not seem undone while the workers are told.
    past.set(id, totals.policy(slot));
    let kept = false;
    try {
      await tellAll({ kind: 'remove', removed });
    } catch (error) {
      // The policy is not gone as long as a route that it shut is not open again: removing it once more tries again.
      kept = error instanceof RouteFailure;
      if (kept) policies.set(id, removed);
      throw asClosed(error);
    } finally {
      removals.delete(id);
      past.set(id, totals.policy(slot));
      if (past.size > KEPT_COUNTERS) past.delete(past.keys().next().value ?? '');
      if (ofFault.size > KEPT_COUNTERS + POLICY_SLOTS) ofFault.delete(ofFault.keys().next().value ?? '');
      if (!kept) policySlots.free(slot);
    }
  };

  const counters = (id: string): PolicyCounters | undefined => {
    const active = policies.get(id);
    return active === undefined ? past.get(id) : totals.policy(active.slot);
  };

  const wire: Wire = {
    open: async (routes) => {
      checkNames(routes, opened);
      const addresses = routes.map((route) => ({ listen: parseAddress(route.listen), upstream: parseAddress(route.upstream) }));
      const materials = await Promise.all(routes.map((route) => options.tls?.(route)));
      const orders: RouteOrder[] = routes.map((route, i) => {
        const { name, protocol } = route;
        const [tls, byName] = [materials[i], upstreamsByName(route)];
        const slot = routeSlots.take();
        totals.clearRoute(slot);
        const extra = { ...(tls !== undefined && { tls }), ...(byName !== undefined && { byName }) };
        return { name, protocol, slot, ...extra, reusePort: count > 1, ...(addresses[i] as { listen: Address; upstream: Address }) };
      });
      try {
        await openAll(routes, orders);
      } catch (error) {
        await tellAll({ kind: 'close', names: routes.map(({ name }) => name) }).catch(() => {});
        orders.forEach(({ slot }) => routeSlots.free(slot));
        throw listenFailed(error, routes);
      }
      return routes.map(({ name }) => (opened.get(name) as { route: Route }).route);
    },
    close,
    routes: () => [...opened.values()].map(({ route }) => route),
    add: async (policy: WirePolicy) => {
      if (policies.has(policy.id)) throw new FirebreakError('bug', `the policy ${policy.id} is in the wire already`);
      const slot = policySlots.take();
      totals.clearPolicy(slot);
      const added = { policy, slot };
      policies.set(policy.id, added);
      past.delete(policy.id);
      if (policy.fault !== undefined) ofFault.set(policy.fault, policy.id);
      await tellAll({ kind: 'add', added });
    },
    remove: async (id) => {
      const present = policies.get(id);
      if (present !== undefined) removals.set(id, remove(id, present));
      await removals.get(id);
    },
    has: (id) => policies.has(id),
    counters,
    faultCounters: (fault) => counters(ofFault.get(fault) ?? ''),
    routeCounters: (): RouteCounters[] => [...opened.values()].map(({ order }) => totals.route(order.slot, order.name)),
    listen: (passing, take) => listeners.listen(passing, take),
    halt: () => {
      Atomics.store(halt, HALT_WORD, 1);
      Atomics.notify(halt, HALT_WORD);
    },
    resume: () => void Atomics.store(halt, HALT_WORD, 0),
    get halted() {
      return Atomics.load(halt, HALT_WORD) !== 0;
    },
    control: shared.control,
    [Symbol.asyncDispose]: async () => {
      opened.clear();
      await Promise.all(channels.map((channel) => channel.stop()));
    },
  };
  return wire;
}

/** Numbers that are lent and given back; the least recently returned is lent first. */
class Slots {
  readonly #free: number[];
  readonly #what: string;
  constructor(size: number, what: string) {
    this.#free = Array.from({ length: size }, (_, slot) => slot);
    this.#what = what;
  }
  take(): number {
    const slot = this.#free.shift();
    if (slot === undefined) throw new FirebreakError('wire-full', `the data plane holds no more ${this.#what}`, { hint: 'remove some first' });
    return slot;
  }
  free(slot: number): void {
    this.#free.push(slot);
  }
}

function checkNames(routes: readonly Route[], opened: ReadonlyMap<string, unknown>): void {
  const names = routes.map(({ name }) => name);
  const twice = names.find((name, i) => opened.has(name) || names.indexOf(name) !== i);
  if (twice === undefined) return;
  throw new FirebreakError('route-open', `the route ${twice} is open already`, { hint: 'give each route a name of its own' });
}

function upstreamsByName({ upstreamsByName: names, refuseOtherNames }: Route): UpstreamsByName | undefined {
  if (names === undefined) return undefined;
  const places = Object.entries(names).map(([name, address]) => [name.toLowerCase(), parseAddress(address)] as const);
  return { names: Object.fromEntries(places), refuseOthers: refuseOtherNames === true };
}

/**
 * With SO_REUSEPORT a port that another process shares would silently give it half of the traffic, so the port is first
 * bound without it; that also finds a free one for port 0.
 */
function claim(order: RouteOrder): Promise<Address> {
  const { host, port } = order.listen;
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (cause) => reject(new RouteFailure(order.name, errnoOf(cause), messageOf(cause))));
    server.listen({ port, ...(host === '' ? {} : { host }) }, () => {
      const address = server.address();
      server.close(() => resolve({ host, port: address !== null && typeof address === 'object' ? address.port : port }));
    });
  });
}

const HINTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there: stop it, or choose another port',
  EACCES: 'ports below 1024 need privileges: choose a higher one',
  EADDRNOTAVAIL: 'that address does not belong to this machine',
};

function listenFailed(error: unknown, routes: readonly Route[], again = ''): unknown {
  if (!(error instanceof RouteFailure)) return error;
  const route = routes.find(({ name }) => name === error.route);
  const message = `the route ${error.route} cannot listen on ${route?.listen ?? '?'}${again}: ${error.message}`;
  return new FirebreakError('listen-failed', message, { hint: HINTS[error.code] ?? 'see the cause', cause: error });
}
