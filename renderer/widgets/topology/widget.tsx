import {
  Handle,
  type Edge,
  type EdgeProps,
  EdgeLabelRenderer,
  type Node,
  type NodeProps,
  Position,
  ReactFlow,
  ReactFlowProvider,
  BaseEdge,
  getBezierPath,
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
import { Badge, Empty, Loading, Shape } from '../../ui/controls.tsx';
import { Discreet, useBlotted } from '../../ui/discreet.tsx';
import { NOTHING, count, duration, percent } from '../../ui/format.ts';
import { type WidgetProps, defineWidget } from '../widget.ts';
import { NODE, faultsByPlace, layOut, probesByRoute, requestRates, shapeOf } from './graph.ts';
import css from './widget.module.css';

const settings = z.object({
  probes: z
    .boolean()
    .default(false)
    .meta({ title: 'Show Firebreak’s own probes', help: 'As callers of what they ask.' }),
});
type Settings = z.infer<typeof settings>;

interface ServiceData extends Record<string, unknown> {
  readonly node: Topology['nodes'][number];
  readonly faults: readonly FaultReport[];
  readonly probes: Frame['standing'];
}
interface RouteData extends Record<string, unknown> {
  readonly route: string;
  readonly rate: number | undefined;
  readonly faults: readonly FaultReport[];
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
  // By the shape alone: places must not move when only figures do.
  const places = useMemo(() => layOut(topology), [shape]);
  const { fitView } = useReactFlow();
  const width = useStore((state) => state.width);
  const height = useStore((state) => state.height);
  useEffect(() => {
    const timer = requestAnimationFrame(() => void fitView({ padding: 0.06, maxZoom: 1.4 }));
    return () => cancelAnimationFrame(timer);
  }, [shape, width, height, fitView]);
  const { nodes, edges } = useMemo(() => {
    const faults = faultsByPlace(JSON.parse(lit) as Frame['faults']);
    const probes = probesByRoute(JSON.parse(standing) as Frame['standing']);
    const rates = requestRates(past);
    const routesTo = Map.groupBy(topology.edges, ({ to }) => to);
    const nodes = topology.nodes.map((node): ServiceNode => {
      const names = [...new Set(routesTo.get(node.id)?.map(({ route }) => route) ?? [])];
      return {
        id: node.id,
        type: 'service',
        position: places.get(node.id) ?? { x: 0, y: 0 },
        ...NODE,
        ariaLabel: node.name,
        // A service is under fault when it is broken itself, and when what reaches it is.
        data: {
          node,
          faults: [
            ...(node.pid === null ? [] : (faults.pids.get(node.pid) ?? [])),
            ...names.flatMap((name) => faults.routes.get(name) ?? []),
          ],
          probes: names.flatMap((name) => probes.get(name) ?? []),
        },
      };
    });
    // A route with several callers is drawn from each; its rate is the route's, so it stands on one of them only.
    const first = new Set<string>();
    const edges = topology.edges.map(({ from, to, route }): RouteEdge => {
      const labelled = !first.has(route);
      first.add(route);
      return {
        id: `${from} ${to} ${route}`,
        source: from,
        target: to,
        type: 'route',
        data: { route, rate: labelled ? rates.get(route) : undefined, faults: faults.routes.get(route) ?? [] },
      };
    });
    return { nodes, edges };
  }, [topology, places, lit, standing, past]);
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

function ServiceBox({ data: { node, faults, probes } }: NodeProps<ServiceNode>): ReactNode {
  const Icon = ICONS[node.kind];
  const state = faults.some(({ state: one }) => one === 'unconfirmed')
    ? 'bad'
    : faults.length > 0
      ? 'warn'
      : node.up === false
        ? 'bad'
        : 'ok';
  return (
    <div
      className={css['service']}
      data-state={faults.length > 0 ? 'fault' : node.up === false ? 'down' : node.up === null ? 'unknown' : 'up'}
    >
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <strong>
        <Icon size="1.1em" aria-hidden /> {useBlotted()(node.name)}
      </strong>
      {faults.length > 0 && (
        <span className={css['under']} title={faults.map(({ policy, explain }) => `${policy}: ${explain}`).join('\n')}>
          <Shape tone={state} />{' '}
          {faults.some(({ state: one }) => one === 'unconfirmed')
            ? 'unconfirmed'
            : faults.map(({ policy }) => policy).join(', ')}
        </span>
      )}
      {node.kind === 'service' && faults.length === 0 && node.up === false && <Badge tone="bad">not answering</Badge>}
      {node.kind === 'service' && faults.length === 0 && node.up === null && <Badge>not known</Badge>}
      {probes.slice(0, 1).map(({ name, sample }) => (
        <span key={name} className={css['figures']} title={`Probe ${name}`}>
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

function RouteLine({
  id,
  sourceX,
  sourceY,
  targetX,
  targetY,
  sourcePosition,
  targetPosition,
  data,
}: EdgeProps<RouteEdge>): ReactNode {
  const [path, x, y] = getBezierPath({ sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition });
  const under = (data?.faults.length ?? 0) > 0;
  const unproven = data?.faults.some(({ state }) => state === 'unconfirmed') === true;
  return (
    <>
      <BaseEdge id={id} path={path} className={`${css['line']} ${under ? css['lit'] : ''}`} interactionWidth={0} />
      <EdgeLabelRenderer>
        <div
          className={css['label']}
          data-under-fault={under ? '' : undefined}
          style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` }}
          title={data?.faults.map(({ policy, explain }) => `${policy}: ${explain}`).join('\n')}
        >
          {under && <Shape tone={unproven ? 'bad' : 'warn'} />}
          {data?.rate !== undefined && (
            <span>{data.rate === 0 ? NOTHING : `${count(data.rate >= 10 ? Math.round(data.rate) : data.rate)}/s`}</span>
          )}
        </div>
      </EdgeLabelRenderer>
    </>
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
