import dagre from '@dagrejs/dagre';
import { type FaultReport, type Frame } from '../../../engine/contract/models.ts';
import { type Topology } from '../../../engine/contract/room.ts';
import { type Moment } from '../../stores/frames.ts';

/** Sizes of a node on the graph, in pixels at normal type size: with its figures, and with its name and routes alone. */
const TALL = { width: 158, height: 122 } as const;
const SMALL = { width: 158, height: 70 } as const;
/** Between two columns that call each other, between the columns of one group that was broken into several, and between rows. */
const BETWEEN_RANKS = 30;
const BETWEEN_COLUMNS = 22;
const BETWEEN_ROWS = 16;
/** Smaller than this share of its size a node with figures cannot be read; one without is drawn then. */
const READABLE = 0.8;
/** Nothing is drawn larger than this. */
export const LARGEST = 1.4;

interface Size {
  readonly width: number;
  readonly height: number;
}
/** `column`: how many columns of its own group lie left of it. */
interface Place {
  readonly x: number;
  readonly y: number;
  readonly column: number;
}
export interface Layout {
  /** By node id. */
  readonly places: ReadonlyMap<string, Place>;
  readonly node: Size;
  /** Nodes have room for a name and their routes alone. */
  readonly small: boolean;
}
type Graph = Pick<Topology, 'nodes' | 'edges'>;

/**
 * Where each node stands, left to right in the direction of the calls, as large as `area` allows: a group that is too high is broken
 * into several columns, and where that is not enough, the nodes do without figures.
 */
export function layOut(graph: Graph, area: Size): Layout {
  const tall = largest(graph, TALL, area);
  if (tall.scale >= READABLE) return { places: tall.places, node: TALL, small: false };
  const small = largest(graph, SMALL, area);
  return small.scale > tall.scale
    ? { places: small.places, node: SMALL, small: true }
    : { places: tall.places, node: TALL, small: false };
}

function largest(graph: Graph, node: Size, area: Size): { readonly places: Layout['places']; readonly scale: number } {
  const whole = inRanks(graph, node);
  const scaleOf = (places: Layout['places']): number => {
    const all = [...places.values()];
    const extent = (at: (place: Place) => number, size: number): number =>
      Math.max(...all.map(at)) - Math.min(...all.map(at)) + size;
    const width = extent(({ x }) => x, node.width);
    const height = extent(({ y }) => y, node.height);
    return Math.min(LARGEST, area.width / width, area.height / height);
  };
  let best = { places: whole, scale: whole.size === 0 ? LARGEST : scaleOf(whole) };
  const ranks = [...Map.groupBy(whole, ([, { x }]) => Math.round(x))]
    .toSorted(([a], [b]) => a - b)
    .map(([, members]) => members.toSorted(([, a], [, b]) => a.y - b.y).map(([id]) => id))
    .map((ids) => callersLast(ids, graph.edges));
  for (let rows = Math.max(0, ...ranks.map(({ length }) => length)) - 1; rows > 0; rows--) {
    const places = inColumns(ranks, rows, node);
    const scale = scaleOf(places);
    if (scale > best.scale) best = { places, scale };
  }
  return best;
}

/** Whoever calls on stands next to what it calls: its line would seem to come out of the columns that it passes behind. */
function callersLast(ids: readonly string[], edges: Graph['edges']): readonly string[] {
  const calls = (id: string): boolean => edges.some(({ from, to }) => from === id && to !== id);
  return [...ids.filter((id) => !calls(id)), ...ids.filter(calls)];
}

/** One column for each step from the callers. */
function inRanks({ nodes, edges }: Graph, node: Size): Layout['places'] {
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: 'LR', nodesep: BETWEEN_ROWS, ranksep: BETWEEN_RANKS });
  graph.setDefaultEdgeLabel(() => ({}));
  // By id, so that the same graph is laid out the same way whatever the order it came in.
  for (const { id } of nodes.toSorted((a, b) => a.id.localeCompare(b.id))) graph.setNode(id, { ...node });
  for (const { from, to, route } of edges.toSorted((a, b) => a.route.localeCompare(b.route)))
    if (from !== to) graph.setEdge(from, to, {}, route);
  dagre.layout(graph);
  return new Map(
    nodes.map(({ id }) => {
      const { x, y } = graph.node(id);
      return [id, { x: x - node.width / 2, y: y - node.height / 2, column: 0 }];
    }),
  );
}

/** At most `rows` below each other. */
function inColumns(ranks: readonly (readonly string[])[], rows: number, node: Size): Layout['places'] {
  const places = new Map<string, Place>();
  let left = 0;
  for (const rank of ranks) {
    const columns = Math.ceil(rank.length / rows);
    // Full columns beside a short last one look broken: all are about as long.
    const length = Math.ceil(rank.length / columns);
    rank.forEach((id, index) => {
      const column = Math.floor(index / length);
      const inColumn = Math.min(length, rank.length - column * length);
      const row = (index % length) + (rows - inColumn) / 2;
      places.set(id, {
        x: left + column * (node.width + BETWEEN_COLUMNS),
        y: row * (node.height + BETWEEN_ROWS),
        column,
      });
    });
    left += columns * (node.width + BETWEEN_COLUMNS) - BETWEEN_COLUMNS + BETWEEN_RANKS;
  }
  return places;
}

/** The way of a call as an SVG path. Past the columns in front of its end, and back, it runs between the rows. */
export function pathOf(
  from: { readonly x: number; readonly y: number },
  to: { readonly x: number; readonly y: number; readonly column: number },
  node: Size,
): string {
  const start = `M${from.x},${from.y}`;
  const half = (node.height + BETWEEN_ROWS) / 2;
  if (to.x < from.x) {
    const lane = Math.min(from.y, to.y) - half;
    const [right, left] = [from.x + BETWEEN_COLUMNS / 2, to.x - BETWEEN_COLUMNS / 2];
    return `${start} C${right},${from.y} ${right},${lane} ${from.x},${lane} L${to.x},${lane} C${left},${lane} ${left},${to.y} ${to.x},${to.y}`;
  }
  const bend = (x: number): number => Math.max(BETWEEN_RANKS / 2, Math.abs(to.x - x) / 2);
  if (to.column === 0)
    return `${start} C${from.x + bend(from.x)},${from.y} ${to.x - bend(from.x)},${to.y} ${to.x},${to.y}`;
  const lane = to.y - half;
  const first = to.x - to.column * (node.width + BETWEEN_COLUMNS) - 4;
  const middle = (from.x + first) / 2;
  const last = to.x - BETWEEN_COLUMNS;
  return `${start} C${middle},${from.y} ${middle},${lane} ${first},${lane} L${last},${lane} C${to.x - 8},${lane} ${last},${to.y} ${to.x},${to.y}`;
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
