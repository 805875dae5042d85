import dagre from '@dagrejs/dagre';
import { type FaultReport, type Frame } from '../../../engine/contract/models.ts';
import { type Topology } from '../../../engine/contract/room.ts';
import { type Moment } from '../../stores/frames.ts';

/** Size of a node on the graph, in pixels at normal type size. */
export const NODE = { width: 176, height: 104 } as const;

/** Where each node stands, left to right in the direction of the calls. Keys are node ids. */
export function layOut({
  nodes,
  edges,
}: Pick<Topology, 'nodes' | 'edges'>): ReadonlyMap<string, { readonly x: number; readonly y: number }> {
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: 'LR', nodesep: 24, ranksep: 68, marginx: 4, marginy: 4 });
  graph.setDefaultEdgeLabel(() => ({}));
  // By id, so that the same graph is laid out the same way whatever the order it came in.
  for (const { id } of nodes.toSorted((a, b) => a.id.localeCompare(b.id))) graph.setNode(id, { ...NODE });
  for (const { from, to, route } of edges.toSorted((a, b) => a.route.localeCompare(b.route)))
    graph.setEdge(from, to, {}, route);
  dagre.layout(graph);
  return new Map(
    nodes.map(({ id }) => {
      const { x, y } = graph.node(id);
      return [id, { x: x - NODE.width / 2, y: y - NODE.height / 2 }];
    }),
  );
}

/** What decides the layout: who is there and who calls whom, not how often. */
export const shapeOf = ({ nodes, edges }: Topology): string =>
  JSON.stringify([
    nodes.map(({ id }) => id).toSorted(),
    edges.map(({ from, to, route }) => [from, to, route].join(' ')).toSorted(),
  ]);

/** A fault's place in the graph: the route or the process that its target names, as the injectors word it. */
export function placeOf({ target }: Pick<FaultReport, 'target'>): { readonly route?: string; readonly pid?: number } {
  const route = /^route (\S+)/.exec(target)?.[1];
  const pid = /^process (\d+)/.exec(target)?.[1];
  return { ...(route === undefined ? {} : { route }), ...(pid === undefined ? {} : { pid: Number(pid) }) };
}

/** The faults that are biting now or not proven gone, by the route and by the process they are on. */
export function faultsByPlace(faults: Frame['faults']): {
  readonly routes: ReadonlyMap<string, readonly FaultReport[]>;
  readonly pids: ReadonlyMap<number, readonly FaultReport[]>;
} {
  const lit = faults.filter(({ state }) => state === 'injecting' || state === 'active' || state === 'unconfirmed');
  const routes = Map.groupBy(lit, (fault) => placeOf(fault).route ?? '');
  const pids = Map.groupBy(lit, (fault) => placeOf(fault).pid ?? 0);
  routes.delete('');
  pids.delete(0);
  return { routes, pids };
}

/** Requests a second by route over the last seconds; empty before two moments are known. */
export function requestRates(past: readonly Moment[]): ReadonlyMap<string, number> {
  const last = past.at(-1);
  const first = past.at(-6) ?? past[0];
  if (last === undefined || first === undefined || last.at <= first.at) return new Map();
  const seconds = (last.at - first.at) / 1_000;
  return new Map(
    [...last.routes].map(([name, { requests }]) => [
      name,
      Math.max(0, requests - (first.routes.get(name)?.requests ?? requests)) / seconds,
    ]),
  );
}

/** The standing probes that ask a route, by its name: they stand on the service behind it. */
export function probesByRoute(standing: Frame['standing']): ReadonlyMap<string, Frame['standing']> {
  const grouped = Map.groupBy(standing, ({ describe }) => /route:\/\/([^/\s]+)/.exec(describe)?.[1] ?? '');
  grouped.delete('');
  return grouped;
}
