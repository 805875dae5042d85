import { type Route } from './contract/models.ts';
import { type Topology } from './contract/room.ts';
import { type Caller, type Service, type Sighting } from './host/connections.ts';

type Node = Topology['nodes'][number];
type Edge = Topology['edges'][number];

export interface SeenRoute {
  readonly route: Route;
  /** Open client connections as the wire counts them. */
  readonly active: number;
  /** What its upstream is called, where the route has several and leads to each by a name. */
  readonly called?: string;
}

/** What the graph is drawn from: `sighting` answers for the routes in the same order, listens and upstreams. */
export interface Seen {
  /** Wall clock, and monotonic milliseconds. */
  readonly at: number;
  readonly now: number;
  readonly routes: readonly SeenRoute[];
  readonly sighting: Sighting;
  /** This process: it holds the connections of the wire and of the engine's own probes. */
  readonly pid: number;
  /** The local ports of the connections that the engine's own probes hold. */
  readonly probePorts: ReadonlySet<number>;
}

/** How long a caller that is not connected any more stays in the graph, milliseconds: programs connect and leave. */
export const REMEMBERED_MS = 60_000;

/**
 * Draws who talks to whom. A route is an edge to its upstream, from each that is connected to its listening side: the
 * service that this process is (it listens at the upstream of another route), or else a client by the name of its
 * program. A service keeps its edges while its routes are open, connected or not, so that a circuit breaker that opens
 * does not take the graph apart; any other caller for a minute. A route that nobody was seen at starts at `nobody`.
 */
export class TopologyGraph {
  /** By route and caller. */
  readonly #past = new Map<string, { readonly from: Node; readonly route: string; readonly lasting: boolean; at: number }>();

  draw(seen: Seen): Topology {
    const { routes, sighting } = seen;
    const services = serviceNodes(seen);
    const nodes = new Map<string, Node>([...services.values()].map((node) => [node.id, node]));
    const edges: Edge[] = [];
    routes.forEach(({ route, active }, i) => {
      const to = services.get(route.upstream)?.id ?? '';
      const found = new Map<string, { readonly from: Node; connections: number }>();
      for (const caller of sighting.callers[i] ?? []) {
        const from = callerNode(caller, route, seen, services);
        const known = found.get(from.id);
        found.set(from.id, { from: known === undefined ? from : both(known.from, from), connections: (known?.connections ?? 0) + 1 });
      }
      this.#remember(route, found, seen, services);
      if (found.size === 0) found.set('', { from: nobody(route, active), connections: active });
      for (const { from, connections } of found.values()) {
        const known = nodes.get(from.id);
        nodes.set(from.id, known === undefined || known.kind === 'service' ? (known ?? from) : both(known, from));
        edges.push({ from: from.id, to, route: route.name, protocol: route.protocol, connections });
      }
    });
    this.#forget(routes);
    return { at: seen.at, nodes: [...nodes.values()], edges, limits: limitsOf(seen, services) };
  }

  /** Adds to what is connected to a route now those who were before. */
  #remember(route: Route, found: Map<string, { readonly from: Node; connections: number }>, seen: Seen, services: ReadonlyMap<string, Node>): void {
    for (const { from } of found.values()) {
      const lasting = from.kind === 'service';
      if (from.id !== OWN_ID) this.#past.set(`${route.name} ${from.id}`, { from, route: route.name, lasting, at: seen.now });
    }
    const present = new Set([...services.values()].map(({ id }) => id));
    for (const [key, past] of this.#past) {
      if (past.route !== route.name || found.has(past.from.id)) continue;
      if (past.lasting ? present.has(past.from.id) : seen.now - past.at < REMEMBERED_MS) found.set(past.from.id, { from: past.from, connections: 0 });
      else this.#past.delete(key);
    }
  }

  #forget(routes: readonly SeenRoute[]): void {
    const open = new Set(routes.map(({ route }) => route.name));
    for (const [key, { route }] of this.#past) if (!open.has(route)) this.#past.delete(key);
  }
}

/** By upstream. A service bears the name of its route, or its address when several routes lead to it. */
function serviceNodes({ routes, sighting }: Seen): Map<string, Node> {
  const nodes = new Map<string, Node>();
  routes.forEach(({ route: { name, upstream }, called }, i) => {
    const service: Service = sighting.services[i] ?? { up: null, pids: [] };
    const shared = routes.filter(({ route }) => route.upstream === upstream).length > 1;
    nodes.set(upstream, {
      id: `service:${upstream}`,
      name: shared ? upstream : (called ?? name),
      kind: 'service',
      address: upstream,
      pid: mainOf(service.pids, sighting),
      // Down is only said of what was seen to be down; what was not seen is told by `limits`.
      up: service.up,
    });
  });
  return nodes;
}

/** Of processes that listen together, the one that started the others. */
function mainOf(pids: readonly number[], { programs }: Sighting): number | null {
  return pids.find((pid) => !pids.includes(programs.get(pid)?.ppid ?? 0)) ?? pids[0] ?? null;
}

const OWN_ID = 'own:firebreak';

function callerNode(caller: Caller, route: Route, seen: Seen, services: ReadonlyMap<string, Node>): Node {
  const { sighting, pid: self } = seen;
  if (caller.pids.length === 0) {
    return caller.local
      ? { id: 'unknown:here', name: 'unknown program', kind: 'unknown', address: '', pid: null, up: true }
      : { id: `unknown:${caller.host}`, name: caller.host, kind: 'unknown', address: '', pid: null, up: true };
  }
  if (caller.pids.includes(self)) {
    if (seen.probePorts.has(caller.port)) return client('own:probes', 'probes', self);
    // A route that leads to this one: the connection is the wire's.
    const before = services.get(route.listen);
    if (before !== undefined) return before;
  }
  const service = serviceOf(caller.pids, route, seen, services);
  if (service !== undefined) return service;
  if (caller.pids.includes(self)) return client(OWN_ID, 'firebreak', self);
  const program = sighting.programs.get(mainOf(caller.pids, sighting) ?? 0);
  const name = program?.name ?? 'unknown program';
  return client(`client:${name}`, name, program?.pid ?? null);
}

const client = (id: string, name: string, pid: number | null): Node => ({ id, name, kind: 'client', address: '', pid, up: true });

/** The service that these processes are; of several the one that this route does not lead to. */
function serviceOf(pids: readonly number[], route: Route, seen: Seen, services: ReadonlyMap<string, Node>): Node | undefined {
  const { programs } = seen.sighting;
  // A worker whose parent listens in its place (Node's cluster, pre-forking servers) goes by the same name as that.
  const family = new Set(
    pids.flatMap((pid) => {
      const [own, parent] = [programs.get(pid), programs.get(programs.get(pid)?.ppid ?? 0)];
      return own !== undefined && parent !== undefined && parent.pid !== seen.pid && own.name === parent.name ? [pid, parent.pid] : [pid];
    }),
  );
  const found = seen.routes.flatMap(({ route: { upstream } }, i) => {
    const node = services.get(upstream);
    return node !== undefined && seen.sighting.services[i]?.pids.some((pid) => family.has(pid)) === true ? [node] : [];
  });
  return found.find(({ address }) => address !== route.upstream) ?? found[0];
}

/** Two processes of one name are one node, without a pid. */
const both = (one: Node, other: Node): Node => (one.pid === other.pid ? other : { ...one, pid: null });

function nobody({ name }: Route, active: number): Node {
  const seenOne = active > 0 ? 'unknown caller' : 'no caller seen';
  return { id: `nobody:${name}`, name: seenOne, kind: 'unknown', address: '', pid: null, up: true };
}

function limitsOf({ routes, sighting }: Seen, services: ReadonlyMap<string, Node>): string {
  const unmeasured = routes.flatMap(({ route }, i) => (sighting.services[i]?.up === null ? (services.get(route.upstream)?.name ?? []) : []));
  const names = [...new Set(unmeasured)];
  const text = names.length === 0 ? '' : `whether ${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} up cannot be seen from here`;
  const all = [sighting.limits, text].filter((part) => part !== '').join('; ');
  return all === '' ? '' : `${all.charAt(0).toUpperCase()}${all.slice(1)}.`;
}
