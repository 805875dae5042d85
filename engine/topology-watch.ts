import { type Socket } from 'node:net';
import { type Route } from './contract/models.ts';
import { type Topology } from './contract/room.ts';
import { type Connections } from './host/connections.ts';
import { type Clock } from './kernel/clock.ts';
import { type SeenRoute, TopologyGraph } from './topology.ts';
import { parseAddress } from './wire/address.ts';
import { type Wire } from './wire/wire.ts';

/** How often the graph is drawn anew, milliseconds. */
export const TOPOLOGY_MS = 2_000;

export interface TopologyParts {
  readonly clock: Clock;
  readonly wire: Pick<Wire, 'routes' | 'routeCounters'>;
  readonly connections: Connections;
}

/** A route leads to each upstream that it has by name as if it were a route of its own. */
export function waysOf(route: Route): readonly Pick<SeenRoute, 'route' | 'called'>[] {
  const named = Map.groupBy(Object.entries(route.upstreamsByName ?? {}), ([, upstream]) => upstream);
  named.delete(route.upstream);
  return [{ route }, ...[...named].map(([upstream, names]) => ({ route: { ...route, upstream }, called: names.map(([name]) => name).join(', ') }))];
}

/** Looks who talks to whom, only while somebody reads. */
export class TopologyWatch implements Disposable {
  readonly #parts: TopologyParts;
  readonly #graph = new TopologyGraph();
  readonly #readers = new Set<(topology: Topology) => void>();
  readonly #probeSockets = new Set<Socket>();
  #ticking: Disposable | undefined;
  #looking = false;
  #again = false;

  constructor(parts: TopologyParts) {
    this.#parts = parts;
  }

  /** Calls back with each new graph until disposed; the first comes at once. */
  subscribe(reader: (topology: Topology) => void): Disposable {
    this.#readers.add(reader);
    this.#ticking ??= this.#parts.clock.every(TOPOLOGY_MS, () => this.#look());
    this.#look();
    return { [Symbol.dispose]: () => this.#leave(reader) };
  }

  /** Routes were opened or closed. */
  routesChanged(): void {
    this.#look();
  }

  /** A connection of the engine's own probes; may be told many times. */
  probeSocket(socket: Socket): void {
    if (this.#probeSockets.has(socket)) return;
    this.#probeSockets.add(socket);
    socket.once('close', () => this.#probeSockets.delete(socket));
  }

  /** A look that is asked for while one is under way comes right after it. */
  #look(): void {
    if (this.#readers.size === 0) return;
    this.#again = this.#looking;
    if (this.#looking) return;
    this.#looking = true;
    void this.#draw()
      .then((topology) => {
        for (const reader of [...this.#readers]) reader(topology);
      })
      .finally(() => {
        this.#looking = false;
        if (this.#again) this.#look();
      });
  }

  async #draw(): Promise<Topology> {
    const { clock, wire, connections } = this.#parts;
    const active = new Map(wire.routeCounters().map((counters) => [counters.name, counters.active]));
    const routes = wire.routes().flatMap((route) => waysOf(route).map((way) => ({ ...way, active: active.get(route.name) ?? 0 })));
    const sighting = await connections.look(
      routes.map(({ route }) => parseAddress(route.listen)),
      routes.map(({ route }) => parseAddress(route.upstream)),
    );
    const ports = [...this.#probeSockets].flatMap(({ localPort }) => localPort ?? []);
    return this.#graph.draw({ at: clock.wall(), now: clock.now(), routes, sighting, pid: process.pid, probePorts: new Set(ports) });
  }

  #leave(reader: (topology: Topology) => void): void {
    this.#readers.delete(reader);
    if (this.#readers.size > 0) return;
    this.#ticking?.[Symbol.dispose]();
    this.#ticking = undefined;
  }

  [Symbol.dispose](): void {
    this.#readers.clear();
    this.#ticking?.[Symbol.dispose]();
  }
}
