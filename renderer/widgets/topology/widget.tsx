import {
  Handle,
  type Edge,
  type EdgeProps,
  type Node,
  type NodeProps,
  Position,
  ReactFlow,
  ReactFlowProvider,
  BaseEdge,
  useReactFlow,
  useStore,
} from '@xyflow/react';
import '@xyflow/react/dist/base.css';
import { CircleHelp, MonitorSmartphone, Server } from 'lucide-react';
import { type ReactNode, useEffect, useMemo, useState } from 'react';
import { z } from 'zod';
import { type FaultReport, type Frame } from '../../../engine/contract/models.ts';
import { type Topology } from '../../../engine/contract/room.ts';
import { follow } from '../../stores/connection.ts';
import { useFrames } from '../../stores/frames.ts';
import { Empty, Loading, Shape } from '../../ui/controls.tsx';
import { Discreet, useBlotted } from '../../ui/discreet.tsx';
import { NOTHING, count, duration, percent } from '../../ui/format.ts';
import { type WidgetProps, defineWidget } from '../widget.ts';
import { LARGEST, type Layout, faultsByPlace, layOut, pathOf, probesByRoute, requestRates, shapeOf } from './graph.ts';
import css from './widget.module.css';

const settings = z.object({
  probes: z
    .boolean()
    .default(false)
    .meta({ title: 'Show Firebreak’s own probes', help: 'As callers of what they ask.' }),
});
type Settings = z.infer<typeof settings>;

/** A route as the service that it leads to shows it. */
interface Way {
  readonly route: string;
  readonly protocol: string;
  /** Messages a second; undefined before it is known. */
  readonly rate: number | undefined;
  readonly faults: readonly FaultReport[];
}
interface ServiceData extends Record<string, unknown> {
  readonly node: Topology['nodes'][number];
  readonly ways: readonly Way[];
  readonly faults: readonly FaultReport[];
  readonly probes: Frame['standing'];
  readonly small: boolean;
}
interface RouteData extends Record<string, unknown> {
  readonly column: number;
  readonly size: Layout['node'];
  readonly faulty: boolean;
}
type ServiceNode = Node<ServiceData, 'service'>;
type RouteEdge = Edge<RouteData, 'route'>;

/** Services and routes as a graph; what is under fault is lit. */
function TopologyWidget({ settings: { probes: own }, expanded }: WidgetProps<Settings>): ReactNode {
  const [topology, setTopology] = useState<Topology>();
  useEffect(() => {
    const following = follow(async (client, signal) => {
      for await (const next of client.stream('topology', {}, signal)) setTopology(next);
    });
    return () => following[Symbol.dispose]();
  }, []);
  const shown = useMemo(() => (topology === undefined || own ? topology : withoutProbes(topology)), [topology, own]);
  if (shown === undefined) return <Loading what="Looking who talks to whom …" />;
  if (shown.nodes.length === 0)
    return (
      <Empty title="No route is open">
        A route stands between two services. A policy file opens those that it names.
      </Empty>
    );
  return (
    <div className={css['widget']}>
      <ReactFlowProvider>
        <Graph topology={shown} expanded={expanded} />
      </ReactFlowProvider>
      {shown.limits !== '' && <p className={css['limits']}>{shown.limits}</p>}
    </div>
  );
}

/** Firebreak's probes are callers like any other, but not part of the system under test. */
function withoutProbes(topology: Topology): Topology {
  const hidden = new Set(
    topology.nodes.filter(({ kind, name }) => kind === 'client' && name === 'probes').map(({ id }) => id),
  );
  return {
    ...topology,
    nodes: topology.nodes.filter(({ id }) => !hidden.has(id)),
    edges: topology.edges.filter(({ from }) => !hidden.has(from)),
  };
}

function Graph({ topology, expanded }: { readonly topology: Topology; readonly expanded: boolean }): ReactNode {
  // Once a second is enough for figures; faults are looked up with every frame, as text, so that most frames draw nothing.
  const past = useFrames((state) => state.past);
  const lit = useFrames(({ last }) =>
    JSON.stringify(
      last?.faults
        .filter(({ state }) => state !== 'clean' && state !== 'planned')
        .map(({ id, target, state, policy, explain }) => ({ id, target, state, policy, explain })) ?? [],
    ),
  );
  const standing = useFrames(({ last }) =>
    JSON.stringify(
      last?.standing.map(({ name, describe, sample }) => ({
        name,
        describe,
        sample: sample === null ? null : { figures: sample.figures, held: sample.held },
      })) ?? [],
    ),
  );
  const shape = shapeOf(topology);
  const { fitView } = useReactFlow();
  const width = useStore((state) => state.width);
  const height = useStore((state) => state.height);
  // By the shape alone: places must not move when only figures do.
  const layout = useMemo(() => layOut(topology, { width, height }), [shape, width, height]);
  useEffect(() => {
    const timer = requestAnimationFrame(() => void fitView({ padding: 0.02, maxZoom: LARGEST }));
    return () => cancelAnimationFrame(timer);
  }, [layout, fitView]);
  const { nodes, edges } = useMemo(() => {
    const faults = faultsByPlace(JSON.parse(lit) as Frame['faults']);
    const probes = probesByRoute(JSON.parse(standing) as Frame['standing']);
    const rates = requestRates(past);
    const { places, node: size, small } = layout;
    const edgesTo = Map.groupBy(topology.edges, ({ to }) => to);
    const nodes = topology.nodes.map((node): ServiceNode => {
      const protocols = new Map(edgesTo.get(node.id)?.map(({ route, protocol }) => [route, protocol]) ?? []);
      const ways = [...protocols].map(([route, protocol]): Way => ({
        route,
        protocol,
        rate: rates.get(route),
        faults: faults.routes.get(route) ?? [],
      }));
      const { x, y } = places.get(node.id) ?? { x: 0, y: 0 };
      return {
        id: node.id,
        type: 'service',
        position: { x, y },
        ...size,
        ariaLabel: node.name,
        // A service is under fault when it is broken itself, and when what reaches it is.
        data: {
          node,
          ways,
          small,
          faults: [
            ...(node.pid === null ? [] : (faults.pids.get(node.pid) ?? [])),
            ...ways.flatMap((way) => way.faults),
          ],
          probes: ways.flatMap(({ route }) => probes.get(route) ?? []),
        },
      };
    });
    const edges = topology.edges.map(({ from, to, route }): RouteEdge => ({
      id: `${from} ${to} ${route}`,
      source: from,
      target: to,
      type: 'route',
      data: { size, column: places.get(to)?.column ?? 0, faulty: faults.routes.has(route) },
    }));
    return { nodes, edges };
  }, [topology, layout, lit, standing, past]);
  return (
    <ReactFlow
      nodes={nodes}
      edges={edges}
      nodeTypes={NODE_TYPES}
      edgeTypes={EDGE_TYPES}
      nodesDraggable={false}
      nodesConnectable={false}
      edgesFocusable={false}
      elementsSelectable={false}
      zoomOnScroll={expanded}
      preventScrolling={expanded}
      minZoom={0.2}
      proOptions={{ hideAttribution: true }}
      aria-label="Services and routes"
    />
  );
}

const ICONS = { service: Server, client: MonitorSmartphone, unknown: CircleHelp };

function ServiceBox({ data: { node, ways, faults, probes, small } }: NodeProps<ServiceNode>): ReactNode {
  const Icon = ICONS[node.kind];
  const name = useBlotted()(node.name);
  const unproven = faults.some(({ state }) => state === 'unconfirmed');
  const silent = node.kind === 'service' && faults.length === 0;
  const told = faults.map(({ policy, explain }) => `${policy}: ${explain}`).join('\n');
  return (
    <div
      className={css['service']}
      data-state={faults.length > 0 ? 'fault' : node.up === false ? 'down' : node.up === null ? 'unknown' : 'up'}
      data-small={small ? '' : undefined}
    >
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <strong title={name}>
        <Icon size="1em" aria-hidden /> <span>{name}</span>
      </strong>
      {ways.length > 0 && <Ways ways={ways} />}
      {faults.length > 0 && (
        <span className={css['under']} title={told} data-roomy={!small && probes.length === 0 ? '' : undefined}>
          <Shape tone={unproven ? 'bad' : 'warn'} />{' '}
          {unproven ? 'unconfirmed' : faults.map(({ policy }) => policy).join(', ')}
        </span>
      )}
      {silent && node.up === false && (
        <span className={css['down']}>
          <Shape tone="bad" /> not answering
        </span>
      )}
      {silent && node.up === null && <small>not known</small>}
      {!small &&
        probes.slice(0, 1).map(({ name: probe, sample }) => (
          <span key={probe} className={css['figures']} title={`Probe ${probe}`}>
            <span>
              <b>{percent(sample?.figures['success_rate'] ?? null)}</b> ok
              {sample?.held === false && (
                <em>
                  <Shape tone="bad" /> broken
                </em>
              )}
            </span>
            <span>
              p95 <b>{duration(sample?.figures['p95'] ?? null)}</b>
            </span>
          </span>
        ))}
      {probes.length === 0 && faults.length === 0 && node.up === true && (
        <small>
          {node.kind === 'client' ? (
            'caller'
          ) : node.kind === 'unknown' ? (
            'not known'
          ) : (
            <Discreet>{node.address}</Discreet>
          )}
        </small>
      )}
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </div>
  );
}

/** The protocols by which a service is reached, and how often. */
function Ways({ ways }: { readonly ways: readonly Way[] }): ReactNode {
  const text = ways.map(({ protocol, rate }) => `${protocol} ${rateOf(rate)}`).join(', ');
  const blot = useBlotted();
  return (
    <span
      className={css['ways']}
      data-under-fault={ways.some(({ faults }) => faults.length > 0) ? '' : undefined}
      title={ways.map(({ route, protocol, rate }) => `Route ${blot(route)}: ${protocol}, ${rateOf(rate)}`).join('\n')}
    >
      {text}
    </span>
  );
}
const rateOf = (rate: number | undefined): string =>
  rate === undefined || rate === 0 ? NOTHING : `${count(rate >= 10 ? Math.round(rate) : rate)}/s`;

function RouteLine({ id, sourceX, sourceY, targetX, targetY, data }: EdgeProps<RouteEdge>): ReactNode {
  if (data === undefined) return null;
  const to = { x: targetX, y: targetY, column: data.column };
  const path = pathOf({ x: sourceX, y: sourceY }, to, data.size);
  return (
    <BaseEdge id={id} path={path} className={`${css['line']} ${data.faulty ? css['lit'] : ''}`} interactionWidth={0} />
  );
}

const NODE_TYPES = { service: ServiceBox };
const EDGE_TYPES = { route: RouteLine };

export const topology = defineWidget<Settings>({
  type: 'topology',
  title: 'Topology',
  about: 'Who talks to whom, with steady-state figures; what is under fault lights up.',
  size: { w: 8, h: 6 },
  least: { w: 4, h: 4 },
  settings,
  component: TopologyWidget,
});
